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
  /// What it joins. Nil, or a closure that does nothing, for what this node does not run.
  struct Links: Sendable {
    var index: ProjectIndex
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

  private struct Wish {
    var trigger: PipelineJourney.Trigger
    var since: ContinuousClock.Instant
  }

  private struct State {
    var waiting: [ProjectID: Wish] = [:]
    var running: Set<ProjectID> = []
    var journeys: [PipelineJourney] = []
    var completed: UInt64 = 0
    var failed: UInt64 = 0
  }

  let links: Links
  let clock: any WallClock
  let logger: Logger
  let latency = LatencyRecorder()
  private let watcher: ProjectWatcher?
  /// What the watcher saw, in order.
  private let sightings: AsyncStream<ProjectWatcher.Sighting>
  private let state = Mutex(State())
  /// Projects that something is wished of; each waits here at most once.
  private let due: AsyncStream<ProjectID>
  private let isDue: AsyncStream<ProjectID>.Continuation

  /// `watches`: whether repositories are watched; without, only commands begin journeys.
  init(_ links: Links, watches: Bool, clock: any WallClock, logger: Logger) throws(Failure) {
    self.links = links
    self.clock = clock
    self.logger = logger
    // More sightings than that are of projects that wait already.
    let (sightings, sighted) = AsyncStream.makeStream(
      of: ProjectWatcher.Sighting.self, bufferingPolicy: .bufferingOldest(4 * ProjectRegistry.limit))
    self.sightings = sightings
    (due, isDue) = AsyncStream.makeStream(
      of: ProjectID.self, bufferingPolicy: .bufferingOldest(2 * ProjectRegistry.limit))
    do throws(IndexError) {
      watcher = watches ? try ProjectWatcher { sighted.yield($0) } : nil
    } catch {
      throw error.failure
    }
  }

  /// Until a graceful stop or a cancellation. A journey under way ends where it is: its index run is cancelled.
  func run() async {
    await cancelWhenGracefulShutdown { [self] in
      await withTaskGroup(of: Void.self) { group in
        if let watcher { group.addTask { await watcher.run() } }
        group.addTask { for await sighting in self.sightings { self.wish(sighting.project, .commit, sighting.since) } }
        group.addTask {
          // A project of which something answers is looked at by the watcher, if anybody is to look.
          for await id in self.links.index.newcomers where !self.links.index.hasIndex(of: id) {
            self.wish(id, .command, .now)
          }
        }
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
    watcher.add(project.id, path: project.path)
    if links.index.hasIndex(of: project.id) { wish(project.id, .commit, .now) }
  }

  func remove(_ id: ProjectID) {
    watcher?.remove(id)
    state.withLock { $0.waiting[id] = nil }
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

  private func wish(_ id: ProjectID, _ trigger: PipelineJourney.Trigger, _ since: ContinuousClock.Instant) {
    let isNew = state.withLock { state in
      if let known = state.waiting[id] {
        state.waiting[id] = Wish(trigger: known.trigger, since: min(known.since, since))
        return false
      }
      state.waiting[id] = Wish(trigger: trigger, since: since)
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

  /// A journey that nobody waits for: it is tried again until it gets through or there is nothing to do.
  private func travel(_ id: ProjectID, _ wish: Wish) async {
    defer { end(id) }
    var backoff = Backoff(first: .seconds(1), most: .seconds(60))
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
      do { try await Task.sleep(for: backoff.next()) } catch { return }
    }
  }

  private func travel(
    _ journey: inout PipelineJourney, isFull: Bool, since: ContinuousClock.Instant
  ) async throws(Failure) -> ReindexReport {
    let id = journey.project
    journey.stages.append(.init(name: "detect", milliseconds: (ContinuousClock.now - since).milliseconds))
    do throws(Failure) {
      let changes = try await stage("invalidate", &journey) { () async throws(Failure) in try await self.invalidate(id)
      }
      journey.commit = changes.commit
      journey.filesChanged = changes.files
      journey.keysInvalidated = changes.keys
      let report = try await stage("reindex", &journey) { () async throws(Failure) in
        try await self.links.index.reindex(ReindexRequest(project: id, isFull: isFull))
      }
      journey.commit = report.commit
      guard report.mode != .unchanged || !changes.isNothing else { return report }
      await fill(report, &journey)
      tell(report, changes, &journey)
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
