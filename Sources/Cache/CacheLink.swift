internal import Base
internal import ControlPlane
internal import Logging
internal import RedisLink
internal import Synchronization

/// Keeps this node joined to the data set in Redis. One life after another: connect, join, replay the journal, read the
/// log, empty the first level, and only then open the second level for reading. Any fault ends the life for both
/// connections, at once and for everybody, and the next one begins after the wait of `Reconnect`.
final class CacheLink: Sendable {
  struct Status: Sendable, Equatable {
    var isOpen = false
    var reason: String? = "not connected yet"
    /// Milliseconds since 1970 of the last change between open and not.
    var since: Int64
    /// Round trip of the last PING, in milliseconds.
    var latencyMilliseconds: Double?
    var lives: UInt64 = 0
    /// A connection came up or failed.
    var isTried = false
    /// Redis' `maxmemory-policy`, when it says it.
    var evictionPolicy: String?
  }

  private struct State {
    var level: RedisSecondLevel?
    var life: UInt64 = 0
    var connections: [RedisConnection] = []
    /// Our connections of earlier lives: what they still carry must not run after the journal was replayed.
    var former: [(run: String, clientID: Int64)] = []
    var status: Status
  }

  let coherence: Coherence
  let outbox: Outbox
  let options: CacheLinkOptions
  let clock: any WallClock
  let logger: Logger
  private let state: Mutex<State>

  init(
    _ options: CacheLinkOptions, coherence: Coherence, outbox: Outbox, clock: any WallClock, logger: Logger
  ) {
    self.options = options
    self.coherence = coherence
    self.outbox = outbox
    self.clock = clock
    self.logger = logger
    state = Mutex(State(status: Status(since: clock.nowMilliseconds())))
    if let position = options.positionFile?.load() { coherence.recall(position) }
  }

  var status: Status { state.withLock { $0.status } }

  /// The second level of a life; nil when that is over.
  func level(_ life: UInt64) -> RedisSecondLevel? { state.withLock { $0.life == life ? $0.level : nil } }

  /// Runs until the task is cancelled.
  func run() async {
    await Reconnect.run { stands in
      let life = coherence.join()
      do throws(RedisError) {
        try await live(life, stands)
      } catch {
        fail(life, error.reason)
      }
    }
    savePosition()
  }

  /// Ends a life: the first to notice closes the door for all.
  func fail(_ life: UInt64, _ reason: String) {
    let isFirst = coherence.leave(life)
    let connections = state.withLock { state in
      guard state.life == life || isFirst else { return [RedisConnection]() }
      state.level = nil
      state.status.isTried = true
      let isNews = state.status.isOpen || state.status.reason != reason
      if state.status.isOpen { state.status.since = clock.nowMilliseconds() }
      state.status.isOpen = false
      if isNews, isFirst, !Task.isCancelled {
        logger.warning("cache is without Redis", metadata: ["reason": "\(reason)"])
      }
      if isFirst { state.status.reason = reason }
      return state.connections
    }
    for connection in connections { connection.close() }
  }

  // MARK: One life

  private func live(_ life: UInt64, _ stands: () -> Void) async throws(RedisError) {
    let push = try await RedisConnection.open(options.url, options: options.redis) { [weak self] message in
      self?.heard(message, life)
    }
    let data: RedisConnection
    do throws(RedisError) {
      data = try await RedisConnection.open(options.url, options: options.redis)
    } catch {
      push.close()
      throw error
    }
    let former = state.withLock { state in
      defer { state.former = [(push.serverRun, push.clientID), (data.serverRun, data.clientID)] }
      state.connections = [push, data]
      state.life = life
      return state.former
    }
    defer {
      push.close()
      data.close()
    }
    try await dismiss(former, over: data)
    let level = try await join(data, push)
    try await open(level, life)
    await readEvictionPolicy(data)
    stands()
    logger.info("cache is joined to Redis", metadata: ["redis": "\(options.url)"])
    await watch(level, push, life)
    savePosition()
  }

  /// Client numbers are only unique within one run of the server.
  private func dismiss(_ former: [(run: String, clientID: Int64)], over data: RedisConnection)
    async throws(RedisError)
  {
    let commands = former.filter { $0.run == data.serverRun && !$0.run.isEmpty }
      .map { RedisCommand("CLIENT", "KILL", "ID", .integer($0.clientID)) }
    _ = try await data.send(commands)
  }

  private func join(_ data: RedisConnection, _ push: RedisConnection) async throws(RedisError) -> RedisSecondLevel {
    let scripts = try await RedisScript.load(data)
    let keyspace = options.keyspace
    let make = { (epoch: String) in
      RedisSecondLevel(
        connection: data, keyspace: keyspace, node: self.options.node, epoch: epoch, scripts: scripts,
        deadline: self.options.redis.commandDeadline)
    }
    let keys = [keyspace.sequence, keyspace.epoch, keyspace.log]
    let reply = try await make("").run(
      .join, keys: keys, [.text(newEpoch(after: ""))], deadline: .milliseconds(500))
    guard let answer = reply.elements, answer.count == 2, let epoch = answer[0].text,
      let sequence = answer[1].integer.flatMap({ UInt64(exactly: $0) })
    else { throw .protocolViolation("the join script gave an unknown answer") }
    let level = make(epoch)
    try await subscribe(push)
    try await verify(level, sequence)
    return level
  }

  /// Messages of the channel, and of Redis itself when the epoch's key changes or everything is flushed.
  private func subscribe(_ push: RedisConnection) async throws(RedisError) {
    _ = try await push.send(
      RedisCommand(
        "CLIENT", "TRACKING", "ON", "REDIRECT", .integer(push.clientID), "BCAST", "PREFIX",
        .text(options.keyspace.epoch)))
    _ = try await push.send([
      RedisCommand("SUBSCRIBE", "__redis__:invalidate", .text(options.keyspace.channel)), RedisCommand("PING"),
    ])
  }

  /// Epochs grow: the time in milliseconds and twenty bits of chance, and in any case more than `known`.
  private func newEpoch(after known: String) -> String {
    let byTime = UInt64(max(0, clock.nowMilliseconds())) << 20 | UInt64.random(in: 0..<1 << 20)
    let (least, isOver) = (UInt64(known, radix: 16) ?? 0).addingReportingOverflow(1)
    return RedisSecondLevel.hex(isOver ? byTime : max(byTime, least))
  }

  /// A data set that is older than what we know of it lost the end of its history: values that were invalidated may be
  /// back in it. It gets a new epoch, in which none of them is valid.
  private func verify(_ level: RedisSecondLevel, _ sequence: UInt64) async throws(RedisError) {
    guard let known = coherence.mark else { return }
    let place = RedisCommand.Argument.text("\(known.sequence)-0")
    let lines = try await level.connection.send(RedisCommand("XRANGE", .text(options.keyspace.log), place, place))
    let line = RedisLog.entries(lines).first
    guard Coherence.hasGoneBack(from: known, to: level.epoch, sequence, line: line) else { return }
    logger.warning("the data set in Redis went back in time: starting it anew")
    _ = try await level.run(
      .roll, keys: [options.keyspace.sequence, options.keyspace.epoch, options.keyspace.log],
      [
        .text(level.epoch), .text(newEpoch(after: known.epoch)), .text(String(known.sequence)),
        .text(options.keyspace.channel),
      ], deadline: .milliseconds(500))
    throw .unsuitable("the data set in Redis went back in time and was started anew")
  }

  private func open(_ level: RedisSecondLevel, _ life: UInt64) async throws(RedisError) {
    for _ in 0..<8 {
      try await replay(level)
      let log = try await RedisLog.read(level)
      let isOpen = coherence.reopen(
        life, epoch: level.epoch, sequence: log.sequence, log: log.entries, floor: log.floor
      ) { outbox.isSettled }
      guard isOpen else {
        if outbox.isSettled { throw .protocolViolation("messages and log of the cache do not meet") }
        continue
      }
      state.withLock { state in
        state.level = level
        state.status = Status(
          isOpen: true, reason: nil, since: clock.nowMilliseconds(), lives: state.status.lives + 1, isTried: true)
      }
      return
    }
    throw .busy
  }

  /// Commits the journal, in order. Rules that come in meanwhile are taken along.
  private func replay(_ level: RedisSecondLevel) async throws(RedisError) {
    let deadline = ContinuousClock.now.advanced(by: .seconds(60))
    repeat {
      let rules = outbox.take()
      for rule in rules { coherence.replayed(try await level.commit(rule).entries, epoch: level.epoch) }
      if outbox.settle(rules.count) { return }
      do {
        try await Task.sleep(for: .milliseconds(1))
      } catch {
        throw .cancelled
      }
    } while ContinuousClock.now < deadline && !Task.isCancelled
    throw .timeout
  }

  // MARK: While it is open

  private func watch(_ level: RedisSecondLevel, _ push: RedisConnection, _ life: UInt64) async {
    let sweeper = Sweeper(level: level, coherence: coherence, options: options, clock: clock)
    await withTaskGroup(of: String?.self) { group in
      group.addTask { await level.connection.ended().reason }
      group.addTask { await push.ended().reason }
      group.addTask { await self.heartbeat(level.connection, push) }
      group.addTask {
        await sweeper.run()
        return nil
      }
      // The sweeper may give up; a connection or the heartbeat ends the life.
      while let result = await group.next() {
        guard let reason = result else { continue }
        fail(life, reason)
        group.cancelAll()
      }
    }
  }

  /// How Redis chooses what to throw away when its memory is full. An operator may change it at any time. A server that
  /// does not say is not asked to: the answer matters to a warning only.
  private func readEvictionPolicy(_ data: RedisConnection) async {
    let info = try? await data.send(RedisCommand("INFO", "memory"), deadline: options.silenceMax)
    let name = "maxmemory_policy:"
    let line = info?.text?.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name) }
    state.withLock { $0.status.evictionPolicy = line.map { String($0.dropFirst(name.count)) } }
  }

  /// Heartbeats between two looks at the eviction policy.
  private static let policyInterval = 20

  private func heartbeat(_ data: RedisConnection, _ push: RedisConnection) async -> String {
    var beats = 0
    while true {
      do {
        beats += 1
        if beats.isMultiple(of: Self.policyInterval) { await readEvictionPolicy(data) }
        let started = ContinuousClock.now
        _ = try await data.send(RedisCommand("PING"), deadline: options.silenceMax)
        let latency = (ContinuousClock.now - started).milliseconds
        state.withLock { $0.status.latencyMilliseconds = latency }
        _ = try await push.send(RedisCommand("PING"), deadline: options.silenceMax)
        savePosition()
        try await Task.sleep(for: options.heartbeat)
      } catch let error as RedisError {
        return error.reason
      } catch {
        return "the node is stopping"
      }
    }
  }

  /// On the push connection's thread.
  private func heard(_ push: RedisPush, _ life: UInt64) {
    guard push.channel == options.keyspace.channel else {
      fail(life, "the data set in Redis was flushed or replaced")
      return
    }
    guard let bytes = push.payload.bytes, let message = CacheMessage(bytes) else {
      fail(life, "an unknown message came on the cache's channel")
      return
    }
    switch message {
    case .rule(let entry):
      if !coherence.receive(entry, life: life) { fail(life, "a message of the cache's channel was lost") }
    case .written(let node, let keys):
      if node != options.node { coherence.written(keys, life: life) }
    case .newEpoch: fail(life, "the data set in Redis was started anew")
    }
  }

  private func savePosition() {
    if let position = coherence.mark { options.positionFile?.save(position) }
  }
}
