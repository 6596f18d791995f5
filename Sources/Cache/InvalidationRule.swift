internal import Base

/// What one committed invalidation does, as the log and the journal carry it: fields, each as `<length>:<bytes>`, the
/// first a letter. Redis writes the same form inside its scripts.
enum InvalidationRule: Sendable, Equatable {
  /// These keys; `isCascading` before it is committed: and what depends on them.
  case keys(CacheNamespace, [String], isCascading: Bool)
  /// Keys that fit; nil: in every namespace.
  case pattern(CacheNamespace?, Glob)
  /// Entries that carry any of these tags; nil: in every namespace.
  case tags(CacheNamespace?, [String])
  /// All entries everywhere.
  case everything
  /// Nothing dies: all that rules up to this number killed has been removed from Redis, so they may be forgotten.
  case swept(through: UInt64)

  var encoded: [UInt8] {
    switch self {
    case .keys(let namespace, let keys, let isCascading):
      Self.encode([isCascading ? "C" : "K", namespace.name] + keys)
    case .pattern(let namespace, let glob): Self.encode(["P", namespace?.name ?? "", glob.pattern])
    case .tags(let namespace, let tags): Self.encode(["T", namespace?.name ?? ""] + tags)
    case .everything: Self.encode(["E"])
    case .swept(let through): Self.encode(["S", String(through)])
    }
  }

  init?(_ bytes: [UInt8]) {
    guard let fields = Self.fields(bytes), let kind = fields.first else { return nil }
    switch (kind, fields.count) {
    case ("E", 1): self = .everything
    case ("S", 2):
      guard let number = UInt64(fields[1]) else { return nil }
      self = .swept(through: number)
    case ("K", 2...), ("C", 2...):
      guard let namespace = Self.namespace(fields[1]) else { return nil }
      self = .keys(namespace, Array(fields[2...]), isCascading: kind == "C")
    case ("P", 3):
      guard let scope = Self.scope(fields[1]), let glob = Self.glob(fields[2]) else { return nil }
      self = .pattern(scope.namespace, glob)
    case ("T", 3...):
      guard let scope = Self.scope(fields[1]) else { return nil }
      self = .tags(scope.namespace, Array(fields[2...]))
    default: return nil
    }
  }

  private static func namespace(_ text: String) -> CacheNamespace? {
    do { return try CacheNamespace(text) } catch { return nil }
  }

  private static func scope(_ text: String) -> (namespace: CacheNamespace?, Void)? {
    if text.isEmpty { return (nil, ()) }
    guard let namespace = namespace(text) else { return nil }
    return (namespace, ())
  }

  private static func glob(_ text: String) -> Glob? {
    do { return try Glob(text) } catch { return nil }
  }

  static func encode(_ fields: [String]) -> [UInt8] {
    var bytes: [UInt8] = []
    for field in fields {
      bytes.append(contentsOf: "\(field.utf8.count):".utf8)
      bytes.append(contentsOf: field.utf8)
    }
    return bytes
  }

  static func fields(_ bytes: [UInt8]) -> [String]? {
    var fields: [String] = []
    var position = 0
    while position < bytes.count {
      var length = 0
      while position < bytes.count, (48...57).contains(bytes[position]), length < 1 << 24 {
        length = length * 10 + Int(bytes[position] - 48)
        position += 1
      }
      guard position < bytes.count, bytes[position] == UInt8(ascii: ":"), bytes.count - position - 1 >= length,
        let field = String(validating: bytes[position + 1..<position + 1 + length], as: UTF8.self)
      else { return nil }
      fields.append(field)
      position += 1 + length
    }
    return fields
  }
}

/// One line of the log: its number, a random id that tells it from another history's line of the same number, the rule.
struct LogEntry: Sendable, Equatable {
  let sequence: UInt64
  let id: String
  let rule: InvalidationRule
}

extension Glob {
  /// Fits every key. A single asterisk always parses; should it ever not, the rule that needs it must not be lost.
  static var everything: Glob {
    do { return try Glob("*") } catch { preconditionFailure("a single asterisk is a pattern") }
  }
}
