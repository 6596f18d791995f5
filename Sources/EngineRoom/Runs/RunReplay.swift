internal import Base
internal import ControlPlane
internal import FoundationEssentials

/// Results that may be given again, in the node's own namespace of the cache.
struct RunReplay: Sendable {
  private static let namespace = "sb-runs"
  /// As JSON; larger ones are run again.
  private static let bytesMax = 8 << 20

  struct Kept: Codable, Sendable {
    var result: RunResult
    /// In the order of the result's files.
    var files: [Blob]
  }

  /// Nil: this node has no cache, and nothing is kept.
  let cache: CacheEngine?

  /// What was kept under the key; nil also when it cannot be read, for then the program is run.
  func find(_ key: String) async -> Kept? {
    guard let cache, let bytes = try? await cache.own(Self.namespace, key) else { return nil }
    return try? JSONDecoder().decode(Kept.self, from: Data(bytes))
  }

  /// Output that is not UTF-8 is not kept: the result has it as text only, and a replay would not give the same bytes.
  func keep(_ result: RunResult, files: [[UInt8]?], under key: String) async {
    let contents = files.compactMap(\.self)
    let isText =
      !result.stdout.unicodeScalars.contains("\u{FFFD}") && !result.stderr.unicodeScalars.contains("\u{FFFD}")
    guard let cache, contents.count == files.count, isText else { return }
    // What cannot be encoded or stored is run again next time.
    guard let bytes = try? JSONEncoder().encode(Kept(result: result, files: contents.map(Blob.init))),
      bytes.count <= Self.bytesMax
    else { return }
    try? await cache.setOwn(Self.namespace, key, Array(bytes))
  }
}
