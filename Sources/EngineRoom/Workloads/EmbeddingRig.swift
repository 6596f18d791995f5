internal import Base
internal import Cache
internal import CodeIndex
internal import ControlPlane
internal import Outbound

/// A project whose vectors come from a server that takes 200 ms a call: the server, the connections to it, and engines
/// over empty folders that ask it. Closed by whoever made it.
final class EmbeddingRig: Sendable {
  static let delay = Duration.milliseconds(200)
  static let project = ProjectID(folderName: "remote")

  let server: SlowEmbeddings
  private let bench: Workbench
  private let folder: String
  private let transport = PooledTransport()

  private init(_ bench: Workbench, _ folder: String, _ server: SlowEmbeddings) {
    self.bench = bench
    self.folder = folder
    self.server = server
  }

  /// `folder`: the project.
  static func make(_ bench: Workbench, _ folder: String) async throws(Failure) -> EmbeddingRig {
    EmbeddingRig(bench, folder, try await SlowEmbeddings.start(delay: delay))
  }

  /// Runs `body` on one, and closes it.
  static func with<Value: Sendable>(
    _ bench: Workbench, _ folder: String, _ body: @Sendable (EmbeddingRig) async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    let rig = try await make(bench, folder)
    let result: Result<Value, Failure>
    do throws(Failure) { result = .success(try await body(rig)) } catch { result = .failure(error) }
    await rig.close()
    return try result.get()
  }

  func close() async {
    await transport.close()
    await server.close()
  }

  /// A first load of the project into an empty index. Throws when a chunk was left without its vector, or when the
  /// server saw other texts than the engine counts.
  func load(_ options: OpenAIEmbedder.Options, cache: (any VectorCache)? = nil) async throws(Failure) -> ReindexReport {
    let before = server.counts.texts
    let remote = RemoteOptions(
      embedder: OpenAIEmbedder(options, transport: transport), cache: cache, consent: .given)
    let path = "\(bench.folder)/e\(NodeID.random().rawValue.prefix(8))"
    let report: ReindexReport
    do throws(IndexError) {
      let engine = try IndexEngine(.init(folder: path, workers: 4, bytesMax: .max, remote: remote))
      try engine.add(Self.project, path: folder)
      report = try await engine.reindex(Self.project)
    } catch { throw error.failure }
    guard report.filesFailed.isEmpty, report.embeddingsComputed == server.counts.texts - before else {
      throw Failure(.internal, "the embeddings server was asked for other texts than were counted")
    }
    return report
  }

  /// The product's own numbers but for the requests a minute, which a paying customer's contract sets.
  func options(batch: Int? = nil, inFlight: Int? = nil) -> OpenAIEmbedder.Options {
    var options = OpenAIEmbedder.Options(baseURL: server.baseURL, key: nil)
    options.requestsPerMinute = 1_000_000
    if let batch { options.batchMax = batch }
    if let inFlight { options.callsMax = inFlight }
    return options
  }
}

/// Vectors in a cache of the bench's own, as nodes share them.
struct BenchVectors: VectorCache {
  let cache: Cache
  let namespace: CacheNamespace

  init(_ stage: CacheStage) throws(Failure) {
    cache = stage.caches[0]
    namespace = try CacheNamespace("vectors")
  }

  func values(for keys: [String]) async -> [String: [UInt8]] {
    var values: [String: [UInt8]] = [:]
    for name in keys {
      // Names are digests, which every cache takes.
      guard let key = try? CacheKey(namespace, name), let item = await cache.get(key) else { continue }
      values[name] = item.value
    }
    return values
  }

  func store(_ values: [String: [UInt8]]) async {
    for (name, value) in values {
      guard let key = try? CacheKey(namespace, name) else { continue }
      // What cannot be stored is asked for again, and counted against the hit rate.
      _ = try? await cache.set(key, value)
    }
  }
}
