internal import Base
internal import ControlPlane
internal import Dispatch
internal import Logging
internal import Outbound
internal import Sandbox
internal import ServiceLifecycle
internal import Synchronization
internal import Telemetry

/// The sandbox of this node as a service, and in the words of the control plane.
///
/// A node starts also where no sandbox can be had: what is missing is looked for beside the start, health says it with
/// the fix, and every run is refused with the same words until it is there.
final class RunService: Service {
  /// What the service is joined to.
  struct Links: Sendable {
    var cache: CacheEngine?
    var publish: @Sendable (Event.Body) -> Void
    /// Tells the room of a project.
    var announce: @Sendable (ProjectEvent) -> Void = { _ in }
  }

  /// How soon a machine that lacked something is looked at again, when somebody asks for a run.
  private static let lookInterval = Duration.seconds(5)
  /// How long a stop waits for programs to be gone; they are killed at once.
  private static let stopDeadline = Duration.seconds(3)

  private struct Door {
    var task: Task<Result<SandboxEngine, Failure>, Never>
    var begun: ContinuousClock.Instant
  }

  let settings: RunSettings
  let log: RunLog
  let board: RunBoard
  private let replay: RunReplay
  private let links: Links
  private let health: HealthBoard
  private let clock: any WallClock
  private let logger: Logger
  private let door = Mutex<Door?>(nil)
  /// To the Docker Engine; nothing is connected before it is needed.
  private let transport = PooledTransport()

  init(
    _ settings: RunSettings, stateFolder: String, health: HealthBoard, clock: any WallClock, logger: Logger,
    links: Links
  ) {
    self.settings = settings
    self.health = health
    self.clock = clock
    self.logger = logger
    self.links = links
    log = RunLog(folder: StateFolder.runsFolder(in: stateFolder), clock: clock)
    replay = RunReplay(cache: links.cache)
    board = RunBoard(settings)
    health.set("sandbox", .ok, reason: "looking at this machine")
  }

  // MARK: Life

  /// Until a graceful stop or a cancellation; returns when no program is left.
  func run() async {
    await look()
    await cancelWhenGracefulShutdown {
      // Ends when the node stops, and then only.
      try? await Task.sleep(for: .seconds(Int64.max / 4))
    }
    await endAll()
    // What could not be had has nothing to put away.
    if let task = door.withLock({ $0?.task }), let engine = try? await task.value.get() { await engine.shutdown() }
    await transport.close()
  }

  private func look() async {
    do {
      board.tell(recent: try await log.search(RunQuery(limit: SandboxSnapshot.recentMax)))
    } catch {
      health.set("runs", .degraded, reason: error.message)
    }
    // The reason is on the board already.
    _ = try? await engine()
  }

  /// No new runs; those that wait or run go on.
  func close() { board.close() }

  /// Kills every run, and waits until they are gone, a few seconds at most.
  func endAll() async {
    board.close()
    let end = ContinuousClock.now + Self.stopDeadline
    for task in board.tasks { task.cancel() }
    // A stop may come as a cancellation, under which nothing can be waited for.
    await Task { await awaitEnd(until: end) }.value
  }

  /// Waits for the end of all runs, not longer than `limit`.
  func awaitEnd(within limit: Duration) async { await awaitEnd(until: .now + limit) }

  private func awaitEnd(until end: ContinuousClock.Instant) async {
    while !board.isIdle, ContinuousClock.now < end {
      do { try await Task.sleep(for: .milliseconds(5)) } catch { return }
    }
  }

  /// The sandbox itself; looks for what it needs at the first call, and again when it was not there.
  private func engine() async throws(Failure) -> SandboxEngine {
    let task = door.withLock { door in
      let now = ContinuousClock.now
      if let door, board.hasEngine || now - door.begun < Self.lookInterval { return door.task }
      let task = Task { await self.open() }
      door = Door(task: task, begun: now)
      return task
    }
    return try await task.value.get()
  }

  private func open() async -> Result<SandboxEngine, Failure> {
    let found: Result<SandboxEngine, Failure>
    do throws(SandboxError) { found = .success(try await find(try settings.sandbox())) } catch {
      found = .failure(error.failure)
    }
    switch found {
    case .success(let engine):
      let isWeak = await engine.snapshot().isIsolationOnly
      board.tell(
        backend: engine.backend, languages: { Self.languages(engine) }, warm: { engine.warm })
      engine.warmUp()
      health.set(
        "sandbox", .ok,
        reason: isWeak ? "without control groups: memory and processor time are held per process only" : nil)
    case .failure(let failure):
      let languages = RunWords.languages.map { SandboxSnapshot.Language(name: $0, missing: failure.line) }
      board.tell(backend: "none", languages: { languages }, warm: { 0 })
      health.set("sandbox", .degraded, reason: failure.line)
    }
    return found
  }

  private func find(_ settings: SandboxSettings) async throws(SandboxError) -> SandboxEngine {
    guard settings.backend != .docker else { return try await SandboxEngine.find(settings, transport: transport) }
    // Looking starts programs and waits for them, which is no work for the threads that tasks share.
    let embedded: Result<SandboxEngine, SandboxError> = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        continuation.resume(returning: Result { () throws(SandboxError) in try SandboxEngine(settings) })
      }
    }
    if case .failure = embedded, settings.backend == .auto {
      return try await SandboxEngine.find(settings, transport: transport)
    }
    return try embedded.get()
  }

  private static func languages(_ engine: SandboxEngine) -> [SandboxSnapshot.Language] {
    let warm = engine.warmByLanguage
    return RunWords.languages.map { name in
      guard let language = Language(rawValue: name) else { return .init(name: name, missing: "not part of this build") }
      return .init(
        name: name, version: engine.languages[language], missing: engine.lack(of: language)?.failure.line,
        warm: warm[language] ?? 0)
    }
  }

  // MARK: Runs

  /// Runs one program to its end. Cancelling the task kills it.
  func run(_ wish: RunRequest, by caller: Caller) async throws(Failure) -> RunResult {
    let request = try RunWords.request(wish, owner: caller.actor, settings: settings)
    let engine = try await engine()
    if let lack = engine.lack(of: request.language) { throw lack.failure }
    let id = wish.id ?? SandboxEngine.newID()
    guard try await !log.contains(id) else { throw RunBoard.taken }
    let summary = RunSummary(
      id: id, state: .queued, language: wish.language, actor: caller.actor, project: wish.project,
      title: RunWords.title(of: wish.code), timeMilliseconds: clock.nowMilliseconds())
    try board.begin(summary, code: wish.code)
    links.publish(.run(summary))
    let task = Task { await self.carryOut(wish, request, summary, engine) }
    board.set(task, for: id)
    let result = await withTaskCancellationHandler {
      await task.value
    } onCancel: {
      task.cancel()
    }
    return try result.get()
  }

  private func carryOut(
    _ wish: RunRequest, _ request: SandboxRequest, _ summary: RunSummary, _ engine: SandboxEngine
  ) async -> Result<RunResult, Failure> {
    let key = wish.isCached ? engine.cacheKey(request) : nil
    if let key, let kept = await replay.find(key) {
      var result = kept.result
      result.id = summary.id
      result.cached = true
      (result.queueMilliseconds, result.startMilliseconds, result.cleanupMilliseconds) = (0, 0, 0)
      await end(summary, result, code: wish.code, files: kept.files.map(\.bytes))
      return .success(result)
    }
    do throws(SandboxError) {
      let run = try await execute(request, summary, engine)
      await end(summary, run.result, code: wish.code, files: run.contents)
      if let key, run.isReplayable { await replay.keep(run.result, files: run.contents, under: key) }
      return .success(run.result)
    } catch {
      await fail(summary, error, code: wish.code)
      return .failure(error.failure)
    }
  }

  private func execute(
    _ request: SandboxRequest, _ summary: RunSummary, _ engine: SandboxEngine
  ) async throws(SandboxError) -> SandboxRun {
    let feed = RunOutputFeed(id: summary.id, actor: summary.actor, publish: links.publish)
    async let fed: Void = feed.run()
    let result: Result<SandboxRun, SandboxError>
    do throws(SandboxError) {
      result = .success(
        try await engine.run(request, id: summary.id) { [self] event in
          switch event {
          case .started: if let running = board.start(summary.id) { links.publish(.run(running)) }
          case .stdout(let bytes): feed.append(bytes, to: .stdout)
          case .stderr(let bytes): feed.append(bytes, to: .stderr)
          }
        })
    } catch {
      result = .failure(error)
    }
    feed.finish()
    await fed
    return try result.get()
  }

  private func end(_ summary: RunSummary, _ result: RunResult, code: String, files: [[UInt8]?]) async {
    var summary = summary
    summary.take(result)
    await keep(RunDetail(summary: summary, result: result, code: code), files: files)
  }

  /// Killed before it began, or failed by the sandbox itself.
  private func fail(_ summary: RunSummary, _ error: SandboxError, code: String) async {
    var summary = summary
    summary.state = .finished
    summary.outcome = error == .cancelled ? .killed : .error
    summary.reason = error.failure.message
    if summary.outcome == .error {
      logger.error("a run failed: \(error.failure.message)", metadata: ["run": "\(summary.id)"])
    }
    await keep(RunDetail(summary: summary, code: code), files: [])
  }

  private func keep(_ detail: RunDetail, files: [[UInt8]?]) async {
    do {
      try await log.append(detail, files: files)
      health.set("runs", .ok)
    } catch {
      health.set("runs", .degraded, reason: error.message)
    }
    board.end(detail.summary)
    links.publish(.run(detail.summary))
    if let event = detail.summary.announcement { links.announce(event) }
  }

  // MARK: Images

  /// Has the Docker Engine fetch the images it has not got, and says which there are. Harmless for another back end.
  func pullImages() async throws(Failure) -> [String] {
    let engine = try await engine()
    guard engine.backend == "docker" else {
      throw Failure(
        .unavailable, "this node runs programs by \(engine.backend), which needs no images",
        hint: "SANDBOX_BACKEND=docker",
        isRetriable: false)
    }
    let logger = logger
    do { try await engine.pull { logger.info("pulling: \(DisplayText($0).truncated(to: 200))") } } catch {
      throw error.failure
    }
    return [settings.pythonImage, settings.nodeImage]
  }

  // MARK: Questions

  /// Whose a run is; nil when there is none.
  func owner(of id: String) async throws(Failure) -> String? {
    try RunWords.check(id: id)
    if let active = board.active(id) { return active.actor }
    return try await log.search(RunQuery(text: id, limit: RunQuery.limitMax)).first { $0.id == id }?.actor
  }

  /// Ends a run; false when it has ended already.
  func kill(_ id: String) -> Bool { board.kill(id) }

  /// Those that wait or run, then the log.
  func runs(_ query: RunQuery, actor: String?) async throws(Failure) -> [RunSummary] {
    guard (1...RunQuery.limitMax).contains(query.limit) else {
      throw Failure(.invalid, "limit is out of range", hint: "1 to \(RunQuery.limitMax)")
    }
    let active = board.snapshot().active.reversed().filter { run in
      (actor == nil || run.actor == actor) && query.outcome == nil && query.text == nil
    }
    return Array((active + (try await log.search(query, actor: actor))).prefix(query.limit))
  }

  func detail(_ id: String) async throws(Failure) -> RunDetail {
    try RunWords.check(id: id)
    if let active = board.detail(id) { return active }
    guard let detail = try await log.detail(id) else { throw Self.noSuchRun }
    return detail
  }

  func file(_ id: String, _ path: String) async throws(Failure) -> [UInt8] {
    // By its bytes: two names of a folder may be one and the same to `String`.
    guard let files = try await detail(id).result?.files,
      let number = files.firstIndex(where: { $0.path.utf8.elementsEqual(path.utf8) })
    else { throw Failure(.notFound, "the run has left no such file") }
    guard let bytes = try await log.file(id, number: number) else {
      throw Failure(.notFound, "the file is not kept", hint: "it was too large, or is too old")
    }
    return bytes
  }

  static let noSuchRun = Failure(.notFound, "there is no such run", hint: "signalbox runs list shows them")
}

extension RunSummary {
  /// For the project's room; nil without one.
  fileprivate var announcement: ProjectEvent? {
    guard let project else { return nil }
    var json = "{\"id\":\(RawJSON.quoted(id)),\"project\":\(RawJSON.quoted(project.rawValue))"
    json += ",\"language\":\(RawJSON.quoted(language)),\"outcome\":\(RawJSON.quoted(outcome?.rawValue ?? "error"))"
    json += ",\"exitCode\":\(exitCode.map(String.init) ?? "null"),\"cached\":\(isCached)"
    json += ",\"durationMilliseconds\":\(durationMilliseconds),\"timestamp\":\(timeMilliseconds)}"
    // Quoted texts and numbers are JSON.
    guard let data = try? RawJSON(json) else { return nil }
    return ProjectEvent(projectID: project, event: "run-finished", data: data)
  }
}
