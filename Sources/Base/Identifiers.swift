/// The name of one running process among its peers: eight hexadecimal digits, new at every start.
public struct NodeID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }

  public static func random() -> NodeID {
    NodeID(rawValue: Digest.hex((0..<4).map { _ in UInt8.random(in: 0...255) }))
  }

  public init(from decoder: any Decoder) throws { rawValue = try String(from: decoder) }
  public func encode(to encoder: any Encoder) throws { try rawValue.encode(to: encoder) }
  public var description: String { rawValue }
}

/// The name by which a project is known: 1…63 characters of `[a-z0-9._-]`, first a letter or digit.
public struct ProjectID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible, Comparable {
  public let rawValue: String

  /// What a project id may look like, for messages.
  public static let rule = "1 to 63 of a-z 0-9 . _ -, beginning with a letter or digit"

  /// Nil unless `rawValue` follows `rule`.
  public init?(rawValue: String) {
    let bytes = Array(rawValue.utf8)
    guard (1...63).contains(bytes.count), let first = bytes.first, Self.isAlphanumeric(first),
      bytes.allSatisfy({ Self.isAlphanumeric($0) || [46, 95, 45].contains($0) })
    else { return nil }
    self.rawValue = rawValue
  }

  /// The id a folder gets when none is given: its name in lower case, every other character a dash.
  public init(folderName: String) {
    var bytes: [UInt8] = []
    for byte in folderName.lowercased().utf8.prefix(63) {
      let isAllowed = Self.isAlphanumeric(byte) || [46, 95, 45].contains(byte)
      bytes.append(isAllowed ? byte : 45)
    }
    while let first = bytes.first, !Self.isAlphanumeric(first) { bytes.removeFirst() }
    rawValue = bytes.isEmpty ? "project" : String(decoding: bytes, as: UTF8.self)
  }

  public init(from decoder: any Decoder) throws {
    let text = try String(from: decoder)
    guard let value = ProjectID(rawValue: text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "a project id is \(Self.rule)"))
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws { try rawValue.encode(to: encoder) }
  public var description: String { rawValue }
  public static func < (left: ProjectID, right: ProjectID) -> Bool { left.rawValue < right.rawValue }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool { (97...122).contains(byte) || (48...57).contains(byte) }
}
