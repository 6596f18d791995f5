public import Base

/// A tenant of the cache: `[a-z0-9][a-z0-9-]{0,62}`.
public struct CacheNamespace: Hashable, Sendable, CustomStringConvertible {
  public let name: String
  /// Of the name, so that a key's hash needs not read it again.
  let seed: Int

  /// What is accepted, for messages.
  public static let rule = "1 to 63 of a-z 0-9 -, beginning with a letter or digit"

  public init(_ name: String) throws(Failure) {
    let bytes = Array(name.utf8)
    let isPlain = bytes.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
    guard (1...63).contains(bytes.count), isPlain, bytes.first != 45 else {
      throw Failure(.invalid, "this is not a cache namespace", hint: "a namespace is \(Self.rule)")
    }
    self.init(unchecked: name)
  }

  private init(unchecked name: String) {
    self.name = name
    seed = name.hashValue
  }

  /// The row of counters for what reaches over all namespaces.
  static let every = CacheNamespace(unchecked: "sb-every")

  public static let `default` = CacheNamespace(unchecked: "default")

  /// Whether it belongs to the node itself.
  public var isReserved: Bool { name.hasPrefix("sb-") }

  /// Throws `denied` when someone else than the node wants to change it.
  func requireWritable(by writer: CacheWriter) throws(Failure) {
    guard isReserved, writer == .outside else { return }
    throw Failure(.denied, "cache namespaces that begin with sb- are the node's own and refuse outside writes")
  }

  public var description: String { name }
}

/// On whose behalf the cache is changed.
public enum CacheWriter: Sendable {
  /// A caller through a face: HTTP, command line, console, MCP.
  case outside
  /// An engine of this node.
  case node
}
