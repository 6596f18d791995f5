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
    var fullFolder = ""
    var folders = 0
    var changes = 0
    var asked = 0
  }

  private let bench: Workbench
  private let state = Mutex(State())

  init(_ bench: Workbench) { self.bench = bench }

  private var files: Int { bench.isQuick ? 60 : 10_000 }

  /// Made by the first who asks.
  func corpus() async throws(Failure) -> IndexCorpus {
    if let corpus = state.withLock({ $0.corpus }) { return corpus }
    let corpus = try await IndexCorpus.make(in: bench.folder, files: files)
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
    let corpus = try await corpus()
    do throws(IndexError) {
      let engine = try IndexEngine(.init(folder: folder, workers: 4, bytesMax: .max))
      try engine.add(Self.project, path: corpus.path)
      return engine
    } catch { throw error.failure }
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

  func nextQuestion() -> String {
    let number = state.withLock { state in
      state.asked += 1
      return state.asked
    }
    return Self.questions[number % Self.questions.count]
  }
}
