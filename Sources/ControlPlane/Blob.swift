internal import FoundationEssentials

/// Bytes that are no text, such as a cached value. On the wire they are base64 and not a list of numbers, which would
/// be three times as long and slow to read.
public struct Blob: Sendable, Codable, Hashable {
  public var bytes: [UInt8]

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Base64 (RFC 4648, section 4), with padding. Nil when it is not that.
  public init?(base64 text: String) {
    guard let data = Data(base64Encoded: text) else { return nil }
    bytes = Array(data)
  }

  public init(from decoder: any Decoder) throws {
    bytes = Array(try decoder.singleValueContainer().decode(Data.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(Data(bytes))
  }

  public var base64: String { Data(bytes).base64EncodedString() }
}
