internal import Base
internal import CodeIndex
internal import ControlPlane
internal import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import Telemetry

/// From a change in a repository to every viewer: seen → cache invalidated → changed files embedded → cache filled →
/// clients told. One journey of a project at a time; what comes meanwhile is one more after it, however much it was.
///
/// A stage that fails is tried again with growing pauses, and the journey after it: until then the index and the
/// viewers stay where they were. Nothing is told that is not so yet, and nothing is left half done: the index changes
/// at once or not at all, and an invalidation that goes further than needed costs a miss.
final class Pipeline: Service {
  /// What it asks of the index.
  struct IndexDeeds: Sendable {
    /// Projects that may have no index yet.
    var newcomers: AsyncStream<ProjectID>
    /// Whether a project is to be indexed without anybody's asking.
    var mayIndex: @Sendable (ProjectID) -> Bool
    var pendingChanges: @Sendable (ProjectID) async throws(Failure) -> PendingChanges
    /// The files that a run took up beyond those.
    var pathsTakenUp: @Sendable (PendingChanges, ProjectID) async throws(Failure) -> [String]
    var reindex: @Sendable (ReindexRequest) async throws(Failure) -> ReindexReport
    /// The state that answers, the same on all nodes.
    var mark: @Sendable (ProjectID) async -> String?
  }

  /// What it joins. Nil, or a closure that does nothing, for what this node does not run.
  struct Links: Sendable {
    var index: IndexDeeds
    var cache: CacheEngine?
    /// Those who look at this node.
    var publish: @Sendable (Event.Body) -> Void
    /// The members of the project's room.
    var tell: @Sendable (ProjectEvent) -> Void
  }

  /// Journeys that are kept.
  static let journeysMax = 16
  /// Where a project's newest state lies in the cache, for other nodes and for agents.
  static let namespace = "sb-index"

  /// Between two tries of a journey: how long at first and at most, and how long even when something new comes.
  struct Pauses: Sendable {
    var first = Duration.seconds(1)
    var most = Duration.seconds(60)
    var least = Duration.seconds(1)
  }

  private struct Wish {
    var trigger: PipelineJourney.Trigger
    var since: ContinuousClock.Instant
  }

  private struct State {
    var waiting: [ProjectID: Wish] = [:]
    var running: Set<ProjectID> = []
    /// Journeys that failed and wait for their next try; a yield ends the pause.
    var pausing: [ProjectID: AsyncStream<Void>.Continuation] = [:]
    var journeys: [PipelineJourney] = []
    var completed: UInt64 = 0
    var failed: UInt64 = 0
  }

  let links: Links
  let clock: any WallClock
  let logger: Logger
  let latency = LatencyRecorder()
  private let pauses: Pauses
  private let watcher: ProjectWatcher?
  /// What the watcher saw, in order.
  private let sightings: AsyncStream<ProjectWatcher.Sighting>
  private let state = Mutex(State())
  /// Projects that something is wished of; each waits here at most once.
  private let due: AsyncStream<ProjectID>
  private let isDue: AsyncStream<ProjectID>.Continuation

  /// `watches`: whether repositories are watched; without, only commands begin journeys.
  /// `workTree`: also edits that nobody has committed.
  init(
    _ links: Links, watches: Bool, workTree: Bool = false, pauses: Pauses = Pauses(), clock: any WallClock,
    logger: Logger
  ) throws(Failure) {
    self.links = links
    self.pauses = pauses
    self.clock = clock
    self.logger = logger
    // More sightings than that are of projects that wait already.
    let (sightings, sighted) = AsyncStream.makeStream(
      of: ProjectWatcher.Sighting.self, bufferingPolicy: .bufferingOldest(4 * ProjectRegistry.limit))
    self.sightings = sightings
    (due, isDue) = AsyncStream.makeStream(
      of: ProjectID.self, bufferingPolicy: .bufferingOldest(2 * ProjectRegistry.limit))
    do throws(IndexError) {
      var options = ProjectWatcher.Options()
      options.workTree = workTree
      watcher =
        watches
        ? try ProjectWatcher(options) {
          sighted.yield($0)
        } polls: { [seconds = options.folderPoll.components.seconds] id, reason in
          logger.notice("project \(id): edits are looked for every \(seconds) s: \(reason)")
        } : nil
    } catch {
      throw error.failure
    }
  }

  /// Until a graceful stop or a cancellation. A journey under way ends where it is: its index run is cancelled.
  func run() async {
    await cancelWhenGracefulShutdown { [self] in
      await withTaskGroup(of: Void.self) { group in
        if let watcher { group.addTask { await watcher.run() } }
        group.addTask { for await sighting in self.sightings { self.wish(sighting) } }
        group.addTask { for await id in self.links.index.newcomers { self.wish(id, .command, .now) } }
        for await id in due {
          guard let wish = begin(id) else { continue }
          group.addTask { await self.travel(id, wish) }
        }
        group.cancelAll()
      }
    }
  }

  // MARK: Projects

  /// Watches a project; what was committed while nobody looked is found now.
  func add(_ project: ProjectSummary) {
    guard let watcher else { return }
    // Looked at when the watch holds, so that no commit falls between the two.
    watcher.add(project.id, path: project.path, tellsBase: links.index.mayIndex(project.id))
  }

  func remove(_ id: ProjectID) {
    watcher?.remove(id)
    state.withLock { state in
      state.waiting[id] = nil
      _ = state.pausing[id]?.yield()
    }
  }

  /// Newest first.
  var journeys: [PipelineJourney] { state.withLock { $0.journeys } }

  // MARK: Journeys

  /// What a command or a webhook asks for: the whole way, and the report of the index.
  func reindex(_ request: ReindexRequest, by origin: Caller.Origin) async throws(Failure) -> ReindexReport {
    var journey = PipelineJourney(
      timeMilliseconds: clock.nowMilliseconds(), project: request.project,
      trigger: origin == .http || origin == .mcp ? .webhook : .command)
    return try await travel(&journey, isFull: request.isFull, since: .now)
  }

  private func wish(_ sighting: ProjectWatcher.Sighting) {
    wish(sighting.project, sighting.isOfFiles ? .worktree : .commit, sighting.since)
  }

  private func wish(_ id: ProjectID, _ trigger: PipelineJourney.Trigger, _ since: ContinuousClock.Instant) {
    let isNew = state.withLock { state in
      if let known = state.waiting[id] {
        let isCommit = trigger == .commit || known.trigger == .commit
        state.waiting[id] = Wish(trigger: isCommit ? .commit : known.trigger, since: min(known.since, since))
        return false
      }
      state.waiting[id] = Wish(trigger: trigger, since: since)
      _ = state.pausing[id]?.yield()
      return !state.running.contains(id)
    }
    if isNew { isDue.yield(id) }
  }

  /// Nil when it is gone, or under way: then it is due again afterwards.
  private func begin(_ id: ProjectID) -> Wish? {
    state.withLock { state in
      guard !state.running.contains(id), let wish = state.waiting.removeValue(forKey: id) else { return nil }
      state.running.insert(id)
      return wish
    }
  }

  private func end(_ id: ProjectID) {
    let isWishedAgain = state.withLock { state in
      state.running.remove(id)
      return state.waiting[id] != nil
    }
    if isWishedAgain { isDue.yield(id) }
  }

  /// A journey that nobody waits for: it is tried again until it gets through or there is nothing to do. Whatever comes
  /// during a pause is part of the next try.
  private func travel(_ id: ProjectID, _ wish: Wish) async {
    defer { end(id) }
    var wish = wish
    var backoff = Backoff(first: pauses.first, most: pauses.most)
    while !Task.isCancelled {
      var journey = PipelineJourney(
        timeMilliseconds: clock.nowMilliseconds(), project: id, trigger: wish.trigger)
      do throws(Failure) {
        _ = try await travel(&journey, isFull: false, since: wish.since)
        return
      } catch {
        // Cancelled by an operator, or of a project that is gone: not to be tried against their will.
        guard error.isWorthAnotherTry else { return }
      }
      do { try await pause(id, backoff.next()) } catch { return }
      if let next = state.withLock({ $0.waiting.removeValue(forKey: id) }) { wish = next }
    }
  }

  /// Ends early when something new is wished, but not before `pauses.least` is over. Throws when cancelled.
  private func pause(_ id: ProjectID, _ length: Duration) async throws {
    let (news, new) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    state.withLock { state in
      state.pausing[id] = new
      // It came while the try before was failing.
      if state.waiting[id] != nil { new.yield() }
    }
    defer { state.withLock { $0.pausing[id] = nil } }
    let least = min(length, pauses.least)
    try await Task.sleep(for: least)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in news { return } }
      group.addTask { try? await Task.sleep(for: length - least) }  // cancelled: something new is there
      await group.next()
      group.cancelAll()
    }
    try Task.checkCancellation()
  }

  private func travel(
    _ journey: inout PipelineJourney, isFull: Bool, since: ContinuousClock.Instant
  ) async throws(Failure) -> ReindexReport {
    let id = journey.project
    journey.stages.append(.init(name: "detect", milliseconds: (ContinuousClock.now - since).milliseconds))
    do throws(Failure) {
      var changes = try await stage("invalidate", &journey) { () async throws(Failure) in
        try await self.invalidate(id)
      }
      journey.commit = changes.commit
      journey.filesChanged = changes.files
      journey.keysInvalidated = changes.keys
      let report = try await stage("reindex", &journey) { () async throws(Failure) in
        try await self.links.index.reindex(ReindexRequest(project: id, isFull: isFull))
      }
      journey.commit = report.commit
      let seen = changes
      changes = try await stage("settle", &journey) { () async throws(Failure) in
        try await self.invalidateRest(seen, id)
      }
      journey.filesChanged = changes.files
      journey.keysInvalidated = changes.keys
      guard report.mode != .unchanged || !changes.isNothing else { return report }
      await fill(report, &journey)
      await tell(report, changes, &journey)
      journey.isComplete = true
      conclude(&journey, since)
      return report
    } catch {
      conclude(&journey, since)
      throw error
    }
  }

  /// Tries again what may succeed without being changed: four times in about half a second.
  private func stage<Value: Sendable>(
    _ name: String, _ journey: inout PipelineJourney, _ body: @Sendable () async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    let began = ContinuousClock.now
    var backoff = Backoff(first: .milliseconds(50), most: .milliseconds(400))
    var retries = 0
    while true {
      var stage = PipelineJourney.Stage(name: name, milliseconds: 0, retries: retries)
      do throws(Failure) {
        let value = try await body()
        stage.milliseconds = (ContinuousClock.now - began).milliseconds
        journey.stages.append(stage)
        return value
      } catch {
        if error.isWorthAnotherTry, retries < 3, !Task.isCancelled {
          retries += 1
          // A cancelled pause shows at the next turn.
          try? await Task.sleep(for: backoff.next())
          continue
        }
        stage.milliseconds = (ContinuousClock.now - began).milliseconds
        stage.error = error.message
        journey.stages.append(stage)
        throw error
      }
    }
  }

  private func conclude(_ journey: inout PipelineJourney, _ since: ContinuousClock.Instant) {
    journey.totalMilliseconds = (ContinuousClock.now - since).milliseconds
    let done = journey
    state.withLock { state in
      state.journeys = [done] + state.journeys.prefix(Self.journeysMax - 1)
      if done.isComplete { state.completed += 1 } else { state.failed += 1 }
    }
    if done.isComplete { latency.record(ContinuousClock.now - since) }
    let stages = done.stages.map { "\($0.name) \(Quantity.fixed($0.milliseconds, digits: 1))" }.joined(separator: " ")
    var facts: Logger.Metadata = [
      "trigger": "\(done.trigger.rawValue)", "files": "\(done.filesChanged)", "keys": "\(done.keysInvalidated)",
      "milliseconds": "\(Quantity.fixed(done.totalMilliseconds, digits: 1))", "stages": "\(stages)",
    ]
    if let commit = done.commit { facts["commit"] = "\(commit)" }
    if let error = done.stages.compactMap(\.error).first, !done.isComplete {
      logger.warning("project \(done.project): the change did not get through: \(error)", metadata: facts)
    } else {
      logger.info("project \(done.project): a change reached every viewer", metadata: facts)
    }
    links.publish(.journey(done))
  }
}

extension Pipeline.IndexDeeds {
  init(_ index: ProjectIndex) {
    self.init(
      newcomers: index.newcomers, mayIndex: { index.settings.indexesUnasked || index.hasIndex(of: $0) },
      pendingChanges: { (id) async throws(Failure) in try await index.pendingChanges(id) },
      pathsTakenUp: { (seen, id) async throws(Failure) in try await index.pathsTakenUp(since: seen, id) },
      reindex: { (request) async throws(Failure) in try await index.reindex(request) },
      mark: { await index.mark($0) })
  }
}

extension Failure {
  /// Not what was cancelled or refused, and not what is wrong in itself.
  fileprivate var isWorthAnotherTry: Bool {
    switch code {
    case .unavailable, .timeout, .internal: true
    case .limit: isRetriable
    case .invalid, .notFound, .conflict, .denied, .unauthenticated: false
    }
  }
}

/// Pauses that grow twofold up to a bound, each between a half and all of it, so that many do not come back at once.
struct Backoff {
  private var pause: Duration
  private let most: Duration

  init(first: Duration, most: Duration) {
    pause = first
    self.most = most
  }

  mutating func next() -> Duration {
    let now = pause
    pause = min(pause * 2, most)
    return now * Double.random(in: 0.5...1)
  }
}
