internal import Base
internal import Dispatch
internal import Glibc
internal import Synchronization

/// How far an indexing run is.
public struct IndexProgress: Sendable, Equatable {
  public var filesDone: Int
  public var filesTotal: Int
  public var chunks: Int
  public var filesFailed: Int
  /// The file read last; outside bytes.
  public var currentFile: String
  public var elapsedSeconds: Double

  public var filesPerSecond: Double { elapsedSeconds > 0 ? Double(filesDone) / elapsedSeconds : 0 }
  /// 0…1
  public var fraction: Double { filesTotal == 0 ? 1 : Double(filesDone) / Double(filesTotal) }
  /// Nil as long as there is nothing to go by.
  public var etaSeconds: Double? { filesPerSecond > 0 ? Double(filesTotal - filesDone) / filesPerSecond : nil }
}

/// One indexing run: computes the records that are missing, on threads of its own, so that neither reading nor
/// embedding stands in the way of the node's tasks.
final class IndexJob: Sendable {
  struct Outcome: Sendable {
    var failed: [String] = []
    var chunks = 0
    var segments: [Segment] = []
  }

  private struct State {
    var next = 0
    var progress: IndexProgress
    var reported: ContinuousClock.Instant
    var failed: [String] = []
  }

  private static let batch = 16
  private static let reportEvery = Duration.milliseconds(100)
  private static let failedMax = 1_000
  /// A run of more files than a large commit has is nobody's wait: its threads leave the processors to those that
  /// answer somebody. A thread's niceness cannot be taken back without a privilege, so these end with the run.
  private static let filesInForeground = 1_000
  private static let backgroundNiceness: Int32 = 10
  private static let threads = DispatchQueue(label: "signalbox.index", qos: .utility, attributes: .concurrent)

  private let started = ContinuousClock.now
  private let isCancelledFlag = Atomic(false)
  private let state: Mutex<State>
  private let report: (@Sendable (IndexProgress) -> Void)?

  init(report: (@Sendable (IndexProgress) -> Void)?) {
    self.report = report
    let none = IndexProgress(
      filesDone: 0, filesTotal: 0, chunks: 0, filesFailed: 0, currentFile: "", elapsedSeconds: 0)
    state = Mutex(State(progress: none, reported: .now))
  }

  var isCancelled: Bool { isCancelledFlag.load(ordering: .relaxed) }
  func cancel() { isCancelledFlag.store(true, ordering: .relaxed) }

  var progress: IndexProgress {
    state.withLock { state in
      var progress = state.progress
      progress.elapsedSeconds = (ContinuousClock.now - started).milliseconds / 1_000
      return progress
    }
  }

  /// Runs `body` on one of the index's threads.
  static func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () -> Result<Value, IndexError>
  ) async -> Result<Value, IndexError> {
    await withCheckedContinuation { continuation in
      threads.async { continuation.resume(returning: body()) }
    }
  }

  /// The same on a thread that comes last when there is more to do than processors.
  private static func inBackground<Value: Sendable>(
    _ body: @escaping @Sendable () -> Result<Value, IndexError>
  ) async -> Result<Value, IndexError> {
    await withCheckedContinuation { continuation in
      let run: @Sendable () -> Void = { continuation.resume(returning: body()) }
      // As much stack as the queue's threads have: libgit2 reads on it.
      let status = DetachedThread.start(stackBytes: 8 << 20) {
        // On Linux of this thread alone; a thread as important as any other is no reason to fail.
        setpriority(.init(PRIO_PROCESS.rawValue), 0, backgroundNiceness)
        run()
      }
      if status != 0 { threads.async(execute: run) }
    }
  }

  /// Makes the records of these files. What was finished before a failure or a cancellation stays: the next run finds
  /// it.
  func run(
    _ entries: [SourceEntry], in folder: ProjectFolder, into store: IndexStore, workers: Int
  ) async throws(IndexError) -> Outcome {
    state.withLock { $0.progress.filesTotal = entries.count }
    let count = max(1, min(workers, (entries.count + Self.batch - 1) / Self.batch))
    let results = await withTaskGroup(of: Result<Outcome, IndexError>.self) { group in
      for _ in 0..<count {
        group.addTask {
          let work: @Sendable () -> Result<Outcome, IndexError> = {
            Result { () throws(IndexError) in try self.work(entries, folder, store) }
          }
          return entries.count > Self.filesInForeground ? await Self.inBackground(work) : await Self.onThread(work)
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    var outcome = Outcome()
    for result in results {
      let part = try result.get()
      outcome.chunks += part.chunks
      outcome.segments += part.segments
    }
    outcome.failed = state.withLock { $0.failed }
    if isCancelled { throw .cancelled }
    return outcome
  }

  private func work(
    _ entries: [SourceEntry], _ folder: ProjectFolder, _ store: IndexStore
  ) throws(IndexError) -> Outcome {
    var writer = try RecordWriter()
    let reader = ContentReader(folder, store.handles)
    var outcome = Outcome()
    while let range = nextBatch(entries.count) {
      var chunks = 0
      do {
        try reader.read(entries[range]) { entry, bytes, skip throws(IndexError) in
          chunks += try add(entry, bytes, skip, &writer)
        }
      } catch {
        cancel()
        throw error
      }
      outcome.chunks += chunks
      advance(range.count, chunks, entries[range.upperBound - 1].path)
      if writer.isFull { outcome.segments.append(try store.add(writer.takeSegment())) }
    }
    if !writer.isEmpty { outcome.segments.append(try store.add(writer.takeSegment())) }
    return outcome
  }

  private func add(
    _ entry: SourceEntry, _ bytes: UnsafeBufferPointer<UInt8>?, _ skip: SkipReason?, _ writer: inout RecordWriter
  ) throws(IndexError) -> Int {
    let key = entry.recordKey
    if let bytes { return try writer.add(key, bytes).chunks }
    // What cannot be read may be readable tomorrow: no record, so that it is tried again.
    if let skip, skip != .unreadable {
      writer.addSkipped(key, skip)
    } else {
      state.withLock { state in
        state.progress.filesFailed += 1
        if state.failed.count < Self.failedMax { state.failed.append(entry.path) }
      }
    }
    return 0
  }

  /// The same for what is embedded by a server: files are counted again from the start.
  func embedding(_ done: Int, of total: Int, _ path: String) {
    state.withLock { state in
      state.progress.filesDone = done
      state.progress.filesTotal = total
    }
    advance(0, 0, path)
  }

  private func nextBatch(_ count: Int) -> Range<Int>? {
    guard !isCancelled else { return nil }
    return state.withLock { state in
      guard state.next < count else { return nil }
      let range = state.next..<min(state.next + Self.batch, count)
      state.next = range.upperBound
      return range
    }
  }

  private func advance(_ files: Int, _ chunks: Int, _ path: String) {
    let due = state.withLock { state -> IndexProgress? in
      state.progress.filesDone += files
      state.progress.chunks += chunks
      state.progress.currentFile = path
      let now = ContinuousClock.now
      guard report != nil, now - state.reported >= Self.reportEvery else { return nil }
      state.reported = now
      var progress = state.progress
      progress.elapsedSeconds = (now - started).milliseconds / 1_000
      return progress
    }
    if let due { report?(due) }
  }
}
