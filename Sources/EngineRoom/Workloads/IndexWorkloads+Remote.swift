internal import Base
internal import Bench
internal import CodeIndex
internal import ControlPlane

/// What batches, requests in flight and caches are worth where each call of the model takes 200 ms.
extension IndexWorkloads {
  static func remote(_ bench: Workbench, _ stage: IndexStage) -> [any Workload] {
    [
      IndexFigure("embeddings server, 200 ms a call: times one by one", "x", bench, stage) {
        (stage) async throws(Failure) in
        try await timesOneByOne(stage, bench)
      }.within(10, atLeast: true).few(1),
      IndexFigure("embeddings server, 200 ms a call: files a second", "1/s", bench, stage) {
        (stage) async throws(Failure) in
        let files = bench.isQuick ? 10 : 1_000
        let folder = try await stage.copy(files)
        return try await EmbeddingRig.with(bench, folder) { (rig) async throws(Failure) in
          let report = try await rig.load(rig.options())
          guard report.filesIndexed == files else { throw Failure(.internal, "not every file was indexed") }
          return report.filesPerSecond
        }
      }.within(150, atLeast: true).few(3),
      IndexFigure("embeddings server: cache hits of a repeated load", "%", bench, stage) {
        (stage) async throws(Failure) in
        try await repeatedLoad(stage, bench)
      }.within(80, atLeast: true).few(1),
      IndexFigure("fingerprint hits of a load with a tenth changed", "%", bench, stage) {
        (stage) async throws(Failure) in
        try await fingerprintHits(stage)
      }.within(80, atLeast: true).few(1),
    ]
  }

  /// The same files both ways, in full.
  private static func timesOneByOne(_ stage: IndexStage, _ bench: Workbench) async throws(Failure) -> Double {
    let folder = try await stage.copy(bench.isQuick ? 2 : 12)
    return try await EmbeddingRig.with(bench, folder) { (rig) async throws(Failure) in
      let ours = try await rig.load(rig.options())
      let single = try await rig.load(rig.options(batch: 1, inFlight: 1))
      guard ours.embeddingsComputed == single.embeddingsComputed, ours.durationSeconds > 0 else {
        throw Failure(.internal, "the two loads did not do the same")
      }
      return single.durationSeconds / ours.durationSeconds
    }
  }

  /// A second node, with an index of its own and the cache of the first.
  private static func repeatedLoad(_ stage: IndexStage, _ bench: Workbench) async throws(Failure) -> Double {
    let folder = try await stage.copy(bench.isQuick ? 4 : 200)
    let shelf = try CacheStage.alone()
    let result: Result<Double, Failure>
    do throws(Failure) {
      let vectors = try BenchVectors(shelf)
      result = .success(
        try await EmbeddingRig.with(bench, folder) { (rig) async throws(Failure) in
          let first = try await rig.load(rig.options(), cache: vectors)
          let again = try await rig.load(rig.options(), cache: vectors)
          guard first.embeddingsComputed > 0 else { throw Failure(.internal, "the first load computed nothing") }
          let all = again.embeddingsComputed + again.embeddingsFromCache
          return all == 0 ? 0 : Double(again.embeddingsFromCache) * 100 / Double(all)
        })
    } catch { result = .failure(error) }
    await shelf.close()
    return try result.get()
  }

  private static func fingerprintHits(_ stage: IndexStage) async throws(Failure) -> Double {
    let engine = try await stage.fullEngine()
    let corpus = try await stage.corpus()
    try await IndexStage.reindex(engine)
    try await corpus.change(corpus.files / 10, mark: stage.nextChange())
    let report = try await IndexStage.reindex(engine)
    guard report.filesIndexed > 0 else { throw Failure(.internal, "the change was not seen") }
    return Double(report.filesUnchanged) * 100 / Double(report.filesUnchanged + report.filesIndexed)
  }
}
