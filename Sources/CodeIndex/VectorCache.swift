internal import Base

/// Embeddings that were computed before, here or on another node. A cache that is away is one that has nothing: neither
/// call fails, and what it returns is checked before it is used.
///
/// Used for remote models only: the built-in one embeds 130,000 chunks a second on one core, which no cache answers.
public protocol VectorCache: Sendable {
  /// The values of those keys that are known.
  func values(for keys: [String]) async -> [String: [UInt8]]
  func store(_ values: [String: [UInt8]]) async
}

/// The keys and values of a `VectorCache`: a text under a model, never a project or a path, so that the same lines
/// anywhere are one entry.
struct EmbeddingCacheCodec: Sendable {
  private let model: String

  init(_ model: EmbeddingModel) { self.model = model.identity }

  func key(_ text: String) -> String {
    var bytes = Array(model.utf8)
    bytes.append(0)
    bytes.append(contentsOf: text.utf8)
    return Digest.sha256Hex(bytes)
  }

  /// Floats and their checksum, which also covers the key: an entry of another text is none.
  func value(_ vector: [Float], key: String) -> [UInt8] {
    let bytes = EmbeddingBytes.bytes(vector)
    return bytes + withUnsafeBytes(of: checksum(bytes, key).littleEndian) { Array($0) }
  }

  func vector(_ value: [UInt8], key: String) -> [Float]? {
    guard value.count > 8, (value.count - 8) % 4 == 0 else { return nil }
    let bytes = Array(value.dropLast(8))
    guard value.withUnsafeBytes({ $0.load(value.count - 8, UInt64.self) }) == checksum(bytes, key) else { return nil }
    return EmbeddingBytes.unit(EmbeddingBytes.floats(bytes))
  }

  private func checksum(_ bytes: [UInt8], _ key: String) -> UInt64 {
    bytes.withUnsafeBytes { Checksum64.hash($0, seed: Checksum64.hash(key)) }
  }
}
