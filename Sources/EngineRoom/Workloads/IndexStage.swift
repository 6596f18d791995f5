internal import Base
internal import CodeIndex
internal import ControlPlane
internal import Synchronization

/// What the figures of the index are measured on: one corpus for the whole run, and engines over folders of their own.
final class IndexStage: Sendable {
  static let project = ProjectID(folderName: "corpus")
  static let questions = [
    "read a file line by line", "parse command line arguments", "open a network connection with a timeout",
    "compress data into a stream", "convert a date to a string", "hash_password", "walk a directory tree",
    "format an error message", "quote a shell word", "find the longest match of two sequences",
  ]

  private struct State {
    var corpus: IndexCorpus?
    var engine: IndexEngine?
    var searched: IndexEngine?
    var copies: [Int: String] = [:]
    var runs: Task<Failure?, Never>?
    var fullFolder = ""
    var folders = 0
    var changes = 0
    var asked = 0
  }

  private let bench: Workbench
  private let state = Mutex(State())

  init(_ bench: Workbench) { self.bench = bench }

  var files: Int { bench.isQuick ? 60 : 10_000 }
  /// What a search is made over, at least.
  private var chunksMin: Int { bench.isQuick ? 100 : 100_000 }

  /// Made by the first who asks.
  func corpus() async throws(Failure) -> IndexCorpus {
    if let corpus = state.withLock({ $0.corpus }) { return corpus }
    // So many are indexed at least: a quarter more are there, of which the index skips some.
    let corpus = try await IndexCorpus.make(in: bench.folder, files: files + files / 4)
    let report = try await Self.reindex(try engine("\(bench.folder)/sifted", over: corpus.path))
    if !report.filesSkipped.isEmpty { try await corpus.replace(skipped: report.filesSkipped.map(\.path)) }
    state.withLock { $0.corpus = corpus }
    return corpus
  }

  func corpusPath() async throws(Failure) -> String { try await corpus().path }

  /// One over an empty folder, which knows the corpus.
  func emptyEngine() async throws(Failure) -> IndexEngine {
    let number = state.withLock { state in
      state.folders += 1
      return state.folders
    }
    return try await engine("\(bench.folder)/index\(number)")
  }

  private func engine(_ folder: String) async throws(Failure) -> IndexEngine {
    try engine(folder, over: try await corpus().path)
  }

  private func engine(_ folder: String, over path: String) throws(Failure) -> IndexEngine {
    do throws(IndexError) {
      let engine = try IndexEngine(.init(folder: folder, workers: 4, bytesMax: .max))
      try engine.add(Self.project, path: path)
      return engine
    } catch { throw error.failure }
  }

  /// A folder without git of the first `count` files of the corpus; the same for all who ask for as many.
  func copy(_ count: Int) async throws(Failure) -> String {
    if let path = state.withLock({ $0.copies[count] }) { return path }
    let path = "\(bench.folder)/copy\(count)"
    try await corpus().copy(count, to: path, mark: "copy_of_\(count)")
    state.withLock { $0.copies[count] = path }
    return path
  }

  /// One with at least a hundred thousand chunks: the corpus, and as many copies with changes as that takes.
  func searchedEngine() async throws(Failure) -> IndexEngine {
    if let engine = state.withLock({ $0.searched }) { return engine }
    let engine = try await engine("\(bench.folder)/searched")
    var chunks = try await Self.reindex(engine).chunks
    for number in 1...16 where chunks < chunksMin {
      let id = ProjectID(folderName: "copy-\(number)")
      let path = "\(bench.folder)/more\(number)"
      try await corpus().copy(files, to: path, mark: "more_\(number)")
      do throws(IndexError) { try engine.add(id, path: path) } catch { throw error.failure }
      chunks += try await Self.reindex(engine, id).chunks
    }
    guard chunks >= chunksMin else { throw Failure(.internal, "the corpus has \(chunks) chunks only") }
    state.withLock { $0.searched = engine }
    return engine
  }

  // MARK: Runs in the background

  /// Indexes the searched corpus anew, over and over, until `endRuns`.
  func beginRuns() async throws(Failure) {
    let engine = try await searchedEngine()
    let runs = Task { () -> Failure? in
      while !Task.isCancelled {
        do throws(IndexError) { _ = try await engine.reindex(Self.project, full: true) } catch { return error.failure }
      }
      return nil
    }
    state.withLock { $0.runs = runs }
  }

  func endRuns() async {
    let (runs, engine) = state.withLock { state in
      defer { state.runs = nil }
      return (state.runs, state.searched)
    }
    runs?.cancel()
    engine?.cancel(Self.project)
    _ = await runs?.value
  }

  /// Returns while a run is under way: between two there is a moment. Throws what ended the runs.
  func awaitRun() async throws(Failure) {
    let engine = try await searchedEngine()
    let end = ContinuousClock.now + .seconds(60)
    while engine.snapshot().first(where: { $0.id == Self.project })?.state != .indexing {
      if Task.isCancelled { throw Failure(.unavailable, "the bench was cancelled") }
      guard ContinuousClock.now < end else { throw Failure(.timeout, "the project was not indexed meanwhile") }
      await Task.yield()
    }
  }

  /// One that has indexed the corpus; the same for all who ask.
  func fullEngine() async throws(Failure) -> IndexEngine {
    if let engine = state.withLock({ $0.engine }) { return engine }
    let folder = "\(bench.folder)/full"
    let engine = try await engine(folder)
    _ = try await Self.reindex(engine)
    state.withLock { state in
      state.engine = engine
      state.fullFolder = folder
    }
    return engine
  }

  /// Another engine over what the full one has stored.
  func restarted() async throws(Failure) -> Duration {
    _ = try await fullEngine()
    let folder = state.withLock { $0.fullFolder }
    let began = ContinuousClock.now
    let engine = try await engine(folder)
    let time = began.duration(to: .now)
    guard engine.snapshot().first?.state == .ready else {
      throw Failure(.internal, "the stored index was not taken up")
    }
    return time
  }

  @discardableResult
  static func reindex(_ engine: IndexEngine, _ id: ProjectID = project) async throws(Failure) -> ReindexReport {
    do throws(IndexError) { return try await engine.reindex(id) } catch { throw error.failure }
  }

  func nextChange() -> Int {
    state.withLock { state in
      state.changes += 1
      return state.changes
    }
  }

  /// The one that was asked last.
  var lastQuestion: String { Self.questions[state.withLock { $0.asked } % Self.questions.count] }

  func nextQuestion() -> String {
    let number = state.withLock { state in
      state.asked += 1
      return state.asked
    }
    return Self.questions[number % Self.questions.count]
  }
}
