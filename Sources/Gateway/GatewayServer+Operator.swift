public import ControlPlane
internal import Synchronization
internal import Telemetry

/// What the node's faces ask of the gateway.
extension GatewayServer {
  /// How long a question to the loops may take; a loop that does not answer is left out. A list without the sockets of
  /// a loop that is busy is worse than one that comes late: nobody waits for it but who asked.
  static let questionDeadline = Duration.seconds(2)

  /// A copy; it never waits for a loop.
  public func snapshot() -> GatewaySnapshot {
    let figures = seats.map(\.current)
    var snapshot = GatewaySnapshot(redis: redis)
    snapshot.port = port
    for loop in figures {
      snapshot.connections += loop.sessions
      snapshot.total += loop.total
      snapshot.queuedBytes += loop.queuedBytes
      snapshot.slow += loop.slow
      snapshot.dropped += loop.dropped
      snapshot.merged += loop.merged
      snapshot.cut += loop.cut
      snapshot.refused += loop.refusedPackets + loop.publishesRefused
    }
    snapshot.refused += admission.refused.load(ordering: .relaxed)
    snapshot.users = users.count
    snapshot.rooms = context.sequencer.roomCount
    let throttle = context.dispatcher.counters
    snapshot.throttled = throttle.held
    snapshot.merged += throttle.merged + throttle.replaced
    snapshot.dropped += throttle.dropped
    snapshot.connectionsMax = options.connectionsMax
    snapshot.latency = LatencySummary(
      p50: worst(50), p95: worst(95), p99: worst(99), counts: deliveries)
    (snapshot.peak, snapshot.inPerSecond, snapshot.outPerSecond) = rates.update(figures)
    return snapshot
  }

  /// Of the slowest loop.
  private func worst(_ percentile: Double) -> Double {
    seats.map { $0.latency.milliseconds(atPercentile: percentile) }.max() ?? 0
  }

  /// Of all loops together, by how long they took.
  private var deliveries: [UInt64]? {
    let all = seats.compactMap(\.latency.counts)
    guard let first = all.first else { return nil }
    return all.dropFirst().reduce(first) { sum, counts in
      let (long, short) = sum.count > counts.count ? (sum, counts) : (counts, sum)
      return long.indices.map { $0 < short.count ? long[$0] + short[$0] : long[$0] }
    }
  }

  /// Whether what is published here is not heard on the other nodes; asked for every event.
  public var isApart: Bool { redis.state == .away }

  private var redis: GatewaySnapshot.Redis {
    let state = context.adapter.state
    switch state.link {
    case .none: return .init(state: .embedded)
    case .connected:
      return .init(state: .connected, since: state.since, waiting: state.pending, malformed: state.malformed)
    case .connecting, .lost:
      return .init(
        state: .away, since: state.since, reason: state.reason, waiting: state.pending, malformed: state.malformed)
    }
  }

  /// Other nodes that were heard lately.
  public func peers() -> [Snapshot.Peer] {
    context.adapter.state.peers.map {
      Snapshot.Peer(
        node: $0.node, version: $0.version, lastSeenMilliseconds: $0.lastSeenMilliseconds, sockets: $0.sockets)
    }
  }

  /// What `GET /health` answers from now on; called from any thread.
  public func answerHealth(with health: @escaping @Sendable () -> Health) { front.health.set(health) }

  /// Members of a room on this node.
  func audience(_ room: String) -> Int {
    context.sequencer.members(RoomKey(namespace: "/", room: Self.room(named: room)))
  }

  /// The empty room is the namespace: everybody.
  private static func room(named name: String) -> String { name == PublishRule.everybody ? "" : name }

  /// How long other nodes may take to say how many members they have.
  static let audienceDeadline = Duration.milliseconds(200)

  /// Members of any of these rooms on all nodes, as far as they answer in `audienceDeadline`. On each node a member of
  /// several counts once.
  public func audience(ofCluster rooms: [String]) async -> Audience {
    let names = rooms.map { Self.room(named: $0) }
    async let others = context.adapter.audience(namespace: "/", rooms: names, within: Self.audienceDeadline)
    let own = await members("/", names)
    return Audience(
      room: rooms.first ?? "", sockets: own + (await others.sockets), isComplete: await others.isComplete)
  }

  /// Members of any of these rooms on this node.
  func members(_ namespace: String, _ rooms: [String]) async -> Int {
    // The sequencer knows no socket's own id.
    guard rooms.contains(where: { rooms.count > 1 || SessionID($0) != nil }) else {
      return context.sequencer.members(RoomKey(namespace: namespace, room: rooms.first ?? ""))
    }
    return await ask { $0.count(of: SocketSelection(namespace: namespace, rooms: rooms, except: [])) }.reduce(0, +)
  }

  /// Publishes to a room; never waits. `json`: checked JSON text of the event's argument; nil: none.
  @discardableResult
  public func publish(room: String, event: String, json: String?, priority: Int? = nil) -> EmissionReceipt {
    publish(rooms: [room], event: event, json: json, priority: priority)
  }

  /// The same to several rooms: a member of several gets it once. The receipt's number counts it more often.
  public func publish(rooms: [String], event: String, json: String?, priority: Int? = nil) -> EmissionReceipt {
    context.dispatcher.publish(emission(rooms: rooms, event: event, json: json, priority: priority))
  }

  /// Awaits what must have happened before such an event is delivered, as long as `HookQueue.deadline`.
  public func prepare(rooms: [String], event: String, json: String?) async {
    for room in rooms {
      let emission = emission(rooms: [room], event: event, json: json)
      if context.hooks.wants(emission) { await context.hooks.prepare(emission) }
    }
  }

  /// For `PublishRule.everybody`: to the whole namespace.
  func emission(rooms: [String], event: String, json: String?, priority: Int? = nil) -> Emission {
    var emission = Emission(room: rooms.first ?? "", event: event, json: json, priority: priority)
    emission.rooms = rooms.contains(PublishRule.everybody) ? [] : rooms
    // The throttle is a room's.
    if emission.rooms.count != 1 { emission.kind = .plain }
    return emission
  }

  // MARK: Questions to the loops

  /// Every connection of this node. Rates are differences: the first who asks for a while waits `firstLook` for them.
  public func sockets() async -> [SocketRecord] {
    await prepareRates()
    return await ask { $0.records() }.flatMap { $0 }
  }

  /// With the events since somebody last asked for this socket, if that is not long ago.
  public func socket(_ id: String) async -> SocketDetail? {
    await prepareRates()
    return await ask { $0.detail(id) }.compactMap { $0 }.first
  }

  /// How long events are counted before the first answer: long enough for a rate, short enough for a person.
  static let firstLook = Duration.milliseconds(450)

  private func prepareRates() async {
    let isReady = await ask { $0.markRates() }.allSatisfy { $0 }
    if !isReady { await pause(Self.firstLook) }
  }

  /// False when there is no such socket.
  public func kick(_ id: String, reason: String) async -> Bool {
    await ask { $0.kick(id, reason: reason) }.contains(true)
  }

  /// Asks every loop, in parallel, within `questionDeadline`.
  func ask<Answer: Sendable>(_ question: @escaping @Sendable (Loop) -> Answer) async -> [Answer] {
    await pose(question)()
  }

  /// The same in two steps: when this returns, the question has its place behind all that was posted before it; who
  /// calls the result waits for the answers.
  func pose<Answer: Sendable>(
    _ question: @escaping @Sendable (Loop) -> Answer
  ) -> @Sendable () async -> [Answer] {
    let (answers, inlet) = AsyncStream<Answer?>.makeStream()
    for seat in seats {
      let isTaken = seat.mailbox.post(.work { inlet.yield(question($0)) })
      if !isTaken { inlet.yield(nil) }
    }
    let expected = seats.count
    return { await Self.gather(answers, inlet, expected) }
  }

  private static func gather<Answer: Sendable>(
    _ answers: AsyncStream<Answer?>, _ inlet: AsyncStream<Answer?>.Continuation, _ expected: Int
  ) async -> [Answer] {
    await withTaskGroup(of: [Answer]?.self) { group in
      group.addTask {
        var gathered: [Answer] = []
        var heard = 0
        for await answer in answers {
          heard += 1
          if let answer { gathered.append(answer) }
          if heard == expected { break }
        }
        return gathered
      }
      group.addTask {
        // Cancelled when all have answered.
        try? await Task.sleep(for: questionDeadline)
        inlet.finish()
        return nil
      }
      var gathered: [Answer] = []
      for await result in group {
        if let result {
          gathered = result
          break
        }
      }
      group.cancelAll()
      return gathered
    }
  }
}

/// Events per second between two looks, and the most connections seen.
final class GatewayRates: Sendable {
  private struct State {
    var peak = 0
    var at: UInt64 = 0
    var input: UInt64 = 0
    var output: UInt64 = 0
    var rates = (0.0, 0.0)
  }

  /// Looks closer together than this see the same rates.
  private static let interval: UInt64 = 500_000_000
  private let state = Mutex(State())

  /// `now`: monotonic nanoseconds. Who read the clock, or the figures, before another and comes after it changes
  /// nothing.
  func update(
    _ figures: [LoopFigures], now: UInt64 = MonotonicTime.now()
  ) -> (peak: Int, input: Double, output: Double) {
    let input = figures.reduce(0) { $0 + $1.eventsIn }
    let output = figures.reduce(0) { $0 + $1.eventsOut }
    return state.withLock { state in
      state.peak = max(state.peak, figures.reduce(0) { $0 + $1.sessions }, figures.reduce(0) { $0 + $1.peak })
      if now >= state.at + Self.interval, input >= state.input, output >= state.output {
        let seconds = Double(now - state.at) / 1e9
        if state.at != 0 {
          state.rates = (Double(input - state.input) / seconds, Double(output - state.output) / seconds)
        }
        (state.at, state.input, state.output) = (now, input, output)
      }
      return (state.peak, state.rates.0, state.rates.1)
    }
  }
}

/// A user that is connected, on this node.
final class UserSeat: Sendable {
  let pace = SharedPace()
  fileprivate let connections = Atomic(0)

  /// Several of its connections share its rate.
  var isShared: Bool { connections.load(ordering: .relaxed) > 1 }
}

/// The users that are connected. Counted are those that say who they are; the others are their own users.
final class UserCount: Sendable {
  private struct State {
    var named: [String: UserSeat] = [:]
    var unnamed: [String: Int] = [:]
  }

  private let state = Mutex(State())

  /// The seat of a user with a name.
  func add(_ user: String, isNamed: Bool) -> UserSeat? {
    state.withLock { state in
      guard isNamed else {
        state.unnamed[user, default: 0] += 1
        return nil
      }
      let seat = state.named[user] ?? UserSeat()
      seat.connections.add(1, ordering: .relaxed)
      state.named[user] = seat
      return seat
    }
  }

  func remove(_ user: String, isNamed: Bool) {
    state.withLock { state in
      if isNamed, let seat = state.named[user] {
        if seat.connections.subtract(1, ordering: .relaxed).newValue <= 0 { state.named[user] = nil }
      } else if let count = state.unnamed[user] {
        state.unnamed[user] = count > 1 ? count - 1 : nil
      }
    }
  }

  var count: Int { state.withLock { $0.named.count + $0.unnamed.count } }
}
