internal import Base
internal import Bench
internal import CodeIndex
internal import ControlPlane
internal import FoundationEssentials

/// The `index` suite, on ten thousand source files of this machine in one repository, all of which are indexed.
enum IndexWorkloads {
  static func all(_ bench: Workbench) -> [any Workload] {
    guard leftOut == nil else { return [] }
    let stage = IndexStage(bench)
    return indexing(bench, stage) + searching(bench, stage) + sizes(bench, stage) + remote(bench, stage)
  }

  /// Why the suite is missing; nil when it is not.
  static var leftOut: String? {
    CacheWorkloads.program("git") == nil ? "there is no git: the suite index is left out" : nil
  }

  // MARK: Indexing

  private static func indexing(_ bench: Workbench, _ stage: IndexStage) -> [any Workload] {
    [
      IndexFigure("cold index of 10,000 files from git objects", "ms", bench, stage) { (stage) async throws(Failure) in
        try await milliseconds(cold(stage).durationSeconds)
      }.within(2_000).few(3),
      IndexFigure("cold index of 10,000 files, old target", "ms", bench, stage) { (stage) async throws(Failure) in
        try await milliseconds(cold(stage).durationSeconds)
      }.within(60_000, figure: .largest).few(3),
      IndexFigure("files a second, cold", "1/s", bench, stage) { (stage) async throws(Failure) in
        try await cold(stage).filesPerSecond
      }.within(150, atLeast: true).few(3),
      IndexFigure("cold index of 10,000 files from the work tree", "ms", bench, stage) {
        (stage) async throws(Failure) in
        try await fromWorkTree(stage, bench)
      }.within(2_000).few(3),
      IndexFigure("unchanged project", "ms", bench, stage) { (stage) async throws(Failure) in
        let engine = try await stage.fullEngine()
        return try await milliseconds(IndexStage.reindex(engine).durationSeconds)
      }.within(50, figure: .p95).few(50),
      commit(of: 100, within: 100, bench, stage), commit(of: 1, within: 20, bench, stage),
      commit(of: 100, within: 10_000, remark: ", old target", bench, stage),
      IndexFigure("known embeddings of the same sources again", "%", bench, stage) { (stage) async throws(Failure) in
        try await knownShare(stage)
      }.within(80, atLeast: true).few(1),
    ]
  }

  private static func cold(_ stage: IndexStage) async throws(Failure) -> ReindexReport {
    try await all(IndexStage.reindex(stage.emptyEngine()), stage)
  }

  /// A row that names a number of files has indexed so many at least.
  private static func all(_ report: ReindexReport, _ stage: IndexStage) throws(Failure) -> ReindexReport {
    guard report.filesIndexed >= stage.files else {
      throw Failure(.internal, "\(report.filesIndexed) files were indexed and not \(stage.files)")
    }
    return report
  }

  private static func milliseconds(_ seconds: Double) -> Double { seconds * 1_000 }

  /// The same files where there is no repository.
  private static func fromWorkTree(_ stage: IndexStage, _ bench: Workbench) async throws(Failure) -> Double {
    let corpus = try await stage.corpus()
    let engine = try await stage.emptyEngine()
    let (kept, hidden) = ("\(corpus.path)/.git", "\(bench.folder)/corpus.git")
    do { try FileManager.default.moveItem(atPath: kept, toPath: hidden) } catch {
      throw Failure(.unavailable, "the bench cannot move its repository")
    }
    let result: Result<ReindexReport, Failure>
    do throws(Failure) { result = .success(try await IndexStage.reindex(engine)) } catch { result = .failure(error) }
    do { try FileManager.default.moveItem(atPath: hidden, toPath: kept) } catch {
      throw Failure(.unavailable, "the bench cannot move its repository")
    }
    return try milliseconds(all(result.get(), stage).durationSeconds)
  }

  /// Beside it what git takes to name the changed files, the start of the program included.
  private static func commit(
    of count: Int, within target: Double, remark: String = "", _ bench: Workbench, _ stage: IndexStage
  ) -> IndexFigure {
    let noun = count == 1 ? "1 changed file" : "\(count) changed files"
    return IndexFigure("commit with \(noun)\(remark)", "ms", bench, stage) { (stage) async throws(Failure) in
      let engine = try await stage.fullEngine()
      let corpus = try await stage.corpus()
      try await IndexStage.reindex(engine)
      try await corpus.change(count, mark: stage.nextChange())
      let report = try await IndexStage.reindex(engine)
      guard report.mode == .incremental else { throw Failure(.internal, "the change was not seen as one") }
      return milliseconds(report.durationSeconds)
    }.within(target).few(5).beside("git diff") { (stage) async throws(Failure) in
      try await stage.corpus().git("diff", "--name-only", "HEAD~1", "HEAD").milliseconds
    }
  }

  /// A second project over the same contents.
  private static func knownShare(_ stage: IndexStage) async throws(Failure) -> Double {
    let engine = try await stage.fullEngine()
    let again = ProjectID(folderName: "again")
    let path = try await stage.corpusPath()
    do throws(IndexError) { try engine.add(again, path: path) } catch { throw error.failure }
    let report = try await IndexStage.reindex(engine, again)
    do throws(IndexError) { try engine.remove(again) } catch { throw error.failure }
    let all = report.embeddingsComputed + report.embeddingsFromCache
    return all == 0 ? 0 : Double(report.embeddingsFromCache) * 100 / Double(all)
  }

  // MARK: Searching

  private static func searching(_ bench: Workbench, _ stage: IndexStage) -> [any Workload] {
    [
      IndexFigure("search with snippets, 100,000 chunks or more", "ms", bench, stage, sample: search)
        .within(5, figure: .p99).beside("git grep") { (stage) async throws(Failure) in
          try await stage.corpus().git(["grep", "-l", "-i", "-w"] + words(stage), orNothing: true).milliseconds
        },
      IndexFigure("search, 100,000 chunks or more, beside it ripgrep", "ms", bench, stage, sample: search)
        .within(5, figure: .p99).beside(CacheWorkloads.program("rg").map { _ in "ripgrep" }) {
          (stage) async throws(Failure) in
          try await ripgrep(stage)
        },
      IndexFigure("search while the project is indexed anew", "ms", bench, stage) { (stage) async throws(Failure) in
        try await stage.awaitRun()
        return try await search(stage)
      }.within(5, figure: .p99).duringRuns(),
      IndexFigure("start with the index", "ms", bench, stage) { (stage) async throws(Failure) in
        try await stage.restarted().milliseconds
      }.within(300).few(5),
    ]
  }

  @Sendable private static func search(_ stage: IndexStage) async throws(Failure) -> Double? {
    let engine = try await stage.searchedEngine()
    return try find(stage.nextQuestion(), engine).milliseconds
  }

  private static func find(_ question: String, _ engine: IndexEngine) throws(Failure) -> Duration {
    let began = ContinuousClock.now
    do throws(IndexError) {
      guard try !engine.search(SearchQuery(question)).hits.isEmpty else {
        throw IndexError.invalidQuery("nothing was found for '\(question)'")
      }
    } catch { throw error.failure }
    return began.duration(to: .now)
  }

  /// The same question as ours, as files that hold any of its words.
  private static func words(_ stage: IndexStage) -> [String] {
    stage.lastQuestion.split(separator: " ").filter { $0.count > 2 }.flatMap { ["-e", String($0)] }
  }

  private static func ripgrep(_ stage: IndexStage) async throws(Failure) -> Double {
    guard let program = CacheWorkloads.program("rg") else { return 0 }
    let path = try await stage.corpusPath()
    return try await IndexCorpus.search(
      program, .init(arguments: ["-l", "-i", "-w"] + words(stage) + [path], environment: [:])
    ).milliseconds
  }

  // MARK: Sizes

  private static func sizes(_ bench: Workbench, _ stage: IndexStage) -> [any Workload] {
    [
      IndexFigure("bytes a chunk, on disk and mapped", "B", bench, stage) { (stage) async throws(Failure) in
        let engine = try await stage.emptyEngine()
        let report = try await IndexStage.reindex(engine)
        return Double(engine.bytesUsed()) / Double(max(1, report.chunks))
      }.within(1_000).few(1),
      IndexFigure("embedding on one core", "MB/s", bench, stage) { (stage) async throws(Failure) in
        try await embeddingRate(stage)
      }.within(100, atLeast: true).few(3),
    ]
  }

  /// Of whole files, as the HTTP route embeds them.
  private static func embeddingRate(_ stage: IndexStage) async throws(Failure) -> Double {
    let path = try await stage.corpusPath()
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/f0")) ?? []).sorted()
    let texts = names.compactMap { FileManager.default.contents(atPath: "\(path)/f0/\($0)") }
      .map { String(decoding: $0, as: UTF8.self) }
    do throws(IndexError) {
      let embedder = try BuiltInEmbedder()
      let began = ContinuousClock.now
      for text in texts { _ = try embedder.embed(text) }
      let seconds = began.duration(to: .now).milliseconds / 1_000
      return Double(texts.reduce(0) { $0 + $1.utf8.count }) / 1e6 / max(seconds, 1e-9)
    } catch { throw error.failure }
  }
}
