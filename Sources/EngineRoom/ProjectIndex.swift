internal import Base
internal import CodeIndex
internal import ControlPlane
internal import Glibc
internal import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import Telemetry

/// The index of this node as a service, and in the words of the control plane.
final class ProjectIndex: Service {
  /// Runs at the same time; each has a thread a processor, so that more of them would only share.
  private static let runsAtOnce = 2
  /// How often figures that cost a look at the disk are read anew.
  private static let lookInterval = Duration.seconds(5)
  /// How often records that nobody needs are looked for.
  private static let collectInterval = Duration.seconds(15 * 60)

  /// Whom it tells what happens.
  struct Listeners: Sendable {
    /// Those who look at this node.
    var publish: @Sendable (Event.Body) -> Void = { _ in }
    /// The members of the project's room.
    var broadcast: @Sendable (ProjectEvent) -> Void = { _ in }
  }

  struct State {
    var bytes = 0
    var stateBytes = 0
    var queries: UInt64 = 0
    var lastRuns: [ReindexEnding] = []
    /// Projects whose folders were not there at the last look.
    var missing: Set<ProjectID> = []
  }

  let settings: IndexSettings
  let stateFolder: String
  let engine: IndexEngine
  let embedder: BuiltInEmbedder
  /// Nil when the built-in model and the embedded store do everything.
  let remote: RemoteIndex?
  let queue = ReindexQueue()
  let health: HealthBoard
  let clock: any WallClock
  let logger: Logger
  let listeners: Listeners
  let latency = LatencyRecorder()
  let counters = IndexCounters()
  let state = Mutex(State())
  /// Of the server that searches ask.
  let breaker = Mutex(Breaker())
  /// For questions.
  let threads: WorkThreads
  /// For looks at the disk, which nobody's question waits for.
  private let upkeep = WorkThreads(label: "signalbox.upkeep", threads: 2, waiting: 2 * ProjectRegistry.limit)
  /// Projects that may have no index yet.
  let newcomers: AsyncStream<ProjectID>
  private let newcomer: AsyncStream<ProjectID>.Continuation

  /// Opens what is stored, and takes up the index of each of `projects`. Throws the one line that says why the store
  /// cannot be used.
  init(
    _ settings: IndexSettings, stateFolder: String, projects: [ProjectSummary], health: HealthBoard,
    clock: any WallClock, logger: Logger, cache: CacheEngine? = nil, listeners: Listeners = Listeners()
  ) throws(Failure) {
    self.settings = settings
    self.stateFolder = stateFolder
    self.health = health
    self.clock = clock
    self.logger = logger
    self.listeners = listeners
    let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    threads = WorkThreads(label: "signalbox.search", threads: max(2, processors), waiting: 256)
    (newcomers, newcomer) = AsyncStream.makeStream(
      of: ProjectID.self, bufferingPolicy: .bufferingOldest(2 * ProjectRegistry.limit))
    try settings.remote.check()
    let folder = StateFolder.indexFolder(in: stateFolder)
    remote = try RemoteIndex(settings.remote, folder: folder, cache: cache)
    var options = IndexEngine.Options(
      folder: folder, workers: settings.workers == 0 ? min(8, processors) : settings.workers, bytesMax: .max,
      remote: remote?.options)
    options.readsWorkTree = settings.readsWorkTree
    do {
      engine = try IndexEngine(options)
      embedder = try BuiltInEmbedder()
    } catch {
      throw error.failure
    }
    if settings.remote.choice == .auto, let model = remote?.options.embedder.model, model.isRemote {
      logger.notice(
        "sources go to \(model.server) from projects that were allowed only; SIGNALBOX_EMBEDDER decides otherwise")
    }
    for file in engine.damaged { logger.error("part of the index is made again: \(file)") }
    for project in projects { takeUp(project) }
    look()
  }

  /// Until a graceful stop or a cancellation; then runs under way are cancelled and waited for.
  func run() async {
    await cancelWhenGracefulShutdown { [self] in
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.carryOutRuns() }
        group.addTask { await self.watch() }
      }
    }
    queue.finish()
    await remote?.close()
  }

  // MARK: Projects

  /// A project that cannot be taken up is one that answers nothing; the reason is in its status.
  private func takeUp(_ project: ProjectSummary) {
    do throws(IndexError) {
      try engine.add(project.id, path: project.path)
      if settings.indexesUnasked, !hasIndex(of: project.id) { newcomer.yield(project.id) }
    } catch {
      logger.error("project \(project.id): \(error.failure.line)")
    }
  }

  /// A project that the node has just heard of.
  func add(_ project: ProjectSummary) async throws(Failure) {
    let engine = engine
    try await onThread { () throws(IndexError) in try engine.add(project.id, path: project.path) }
    if settings.indexesUnasked, !hasIndex(of: project.id) { newcomer.yield(project.id) }
    look()
  }

  /// Its manifest is deleted at once; records that no other project needs go seven days later.
  func remove(_ id: ProjectID) async {
    _ = queue.cancel(id)
    let engine = engine
    // It may never have been taken up.
    try? await onThread { () throws(IndexError) in try engine.remove(id) }
    StateFolder.removeIndex(of: id, in: stateFolder)
    await removeVectors(id)
    look()
  }

  /// Whether something answers for the project.
  func hasIndex(of id: ProjectID) -> Bool {
    engine.snapshot().contains { $0.id == id && $0.state != .stale }
  }

  func pendingChanges(_ id: ProjectID) async throws(Failure) -> PendingChanges {
    let engine = engine
    do throws(Failure) {
      return try await onThread { () throws(IndexError) in try engine.pendingChanges(id) }
    } catch {
      look()
      throw error
    }
  }

  func mark(_ id: ProjectID) async -> String? {
    let engine = engine
    // An upkeep that is full: nobody knows, and the news is told by each node.
    return try? await upkeep.run { engine.mark(id) } ?? nil
  }

  func pathsTakenUp(since seen: PendingChanges, _ id: ProjectID) async throws(Failure) -> [String] {
    let engine = engine
    return try await onThread { () throws(IndexError) in try engine.pathsTakenUp(since: seen, id) }
  }

  // MARK: Figures

  /// What is known without waiting for anybody.
  func snapshot() -> IndexSnapshot {
    var snapshot = IndexSnapshot(projects: engine.snapshot())
    state.withLock { state in
      snapshot.queries = state.queries
      snapshot.lastRuns = state.lastRuns
      snapshot.bytes = state.bytes
    }
    if let options = remote?.options {
      snapshot.embedder = options.embedder.model.isRemote ? options.embedder.model.name : snapshot.embedder
      snapshot.store = options.store == nil ? snapshot.store : "pinecone"
    }
    snapshot.queryLatency = latency.summary()
    snapshot.bytesMax = settings.stateBytesMax
    snapshot.embeddingsComputed = counters.computed
    snapshot.embeddingsFromCache = counters.fromCache
    return snapshot
  }

  private func watch() async {
    var collected = ContinuousClock.now
    do {
      while true {
        try await measure()
        try await lookForFolders()
        if ContinuousClock.now - collected >= Self.collectInterval {
          collected = .now
          await collect()
        }
        try await Task.sleep(for: Self.lookInterval)
      }
    } catch {
      // Cancelled: the node stops.
    }
  }

  /// Looks at the disk.
  func measure() async throws(Failure) {
    let (folder, engine) = (stateFolder, engine)
    let (bytes, stateBytes) = try await upkeep.run { (engine.bytesUsed(), FolderSize.bytes(of: folder)) }
    state.withLock { state in
      state.bytes = bytes
      state.stateBytes = stateBytes
    }
    look()
  }

  /// A project whose folder has gone, or is back, is run: its status says what is wrong, and that it is well again.
  private func lookForFolders() async throws(Failure) {
    guard settings.watches else { return }
    let projects = engine.snapshot().map { (id: $0.id, path: $0.path) }
    let missing = try await upkeep.run { Set(projects.filter { access($0.path, F_OK) != 0 }.map(\.id)) }
    let before = state.withLock { state in
      defer { state.missing = missing }
      return state.missing
    }
    for project in projects where missing.contains(project.id) != before.contains(project.id) {
      newcomer.yield(project.id)
    }
  }

  private func collect() async {
    let (engine, now) = (engine, clock.nowMilliseconds())
    do {
      _ = try await onThread { () throws(IndexError) in try engine.collect(nowMilliseconds: now) }
    } catch {
      logger.warning("records that nobody needs were not removed: \(error.line)")
    }
  }

  /// Upkeep on a thread, in the control plane's error.
  func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws(IndexError) -> Value
  ) async throws(Failure) -> Value {
    try await answer(on: upkeep, body)
  }

  /// On one of `threads`, in the control plane's error.
  func answer<Value: Sendable>(
    on threads: WorkThreads, _ body: @escaping @Sendable () throws(IndexError) -> Value
  ) async throws(Failure) -> Value {
    let result = try await threads.run { Result { () throws(IndexError) in try body() } }
    switch result {
    case .success(let value): return value
    case .failure(let error): throw error.failure
    }
  }

  // MARK: Health

  func look() {
    var reasons: [String] = []
    let failing = engine.snapshot().filter { $0.state == .failed }
    reasons += failing.prefix(3).map { "project \($0.id): \($0.error ?? "its index failed")" }
    if failing.count > 3 { reasons.append("and \(failing.count - 3) more projects") }
    let used = state.withLock { $0.stateBytes }
    if let share = StateShare(bytes: used, of: settings.stateBytesMax).reason { reasons.append(share) }
    health.set(
      "index", reasons.isEmpty ? .ok : .degraded, reason: reasons.isEmpty ? nil : reasons.joined(separator: "; "))
  }

  /// Runs that are due, a few at the same time.
  private func carryOutRuns() async {
    await withTaskGroup(of: Void.self) { group in
      var running = 0
      for await id in queue.due {
        if running == Self.runsAtOnce {
          await group.next()
          running -= 1
        }
        group.addTask { await self.carryOut(id) }
        running += 1
      }
    }
  }
}

/// How full the state folder may be (CONTRACT, Settings).
struct StateShare {
  private static let warningPercent = 80

  let percent: Int

  init(bytes: Int, of bytesMax: Int) { percent = Int(Double(bytes) / Double(max(1, bytesMax)) * 100) }

  /// No search is refused for it.
  var isFull: Bool { percent >= 100 }

  var reason: String? {
    if isFull { return "the state folder is full (SIGNALBOX_STATE_MAX): nothing new is indexed" }
    return percent >= Self.warningPercent ? "the state folder is \(percent) % full (SIGNALBOX_STATE_MAX)" : nil
  }
}
