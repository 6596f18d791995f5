internal import Base
internal import Logging
internal import RedisLink
internal import SocketProtocol
internal import Synchronization

/// One life: connect, subscribe, heal, publish.
extension RedisAdapter {
  static let batchMax = 256
  static let batchBytesMax = 512 << 10
  static let pageSize = 512
  /// Entries of one log that are read to heal; more than a log holds.
  static let healedMax = 200_000

  /// Publishes and logs in one step. KEYS: log. ARGV: channel, message, sequence, floor of the log.
  private static let script = """
    redis.call('XADD', KEYS[1], 'MINID', '~', ARGV[4], ARGV[3], 'c', ARGV[1], 'm', ARGV[2])
    return redis.call('PUBLISH', ARGV[1], ARGV[2])
    """

  func live(_ life: UInt64, _ stands: () -> Void) async throws(RedisError) {
    inbox.withLock { $0.begin(life: life) }
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
    defer {
      push.close()
      data.close()
    }
    let (publishing, wakePublisher) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let (subscribing, wakeSubscriber) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    shared.withLock { state in
      (state.data, state.push) = (data, push)
      (state.wakePublisher, state.wakeSubscriber) = (wakePublisher, wakeSubscriber)
      state.subscribed = []
      state.dirty = Set(state.wanted.keys)
    }
    try await subscribeBase(push)
    try await subscribe(push)
    try await heal(data)
    let hash = try await loadScript(data)
    try await resume(data)
    try await announce(data)
    shared.withLock { state in
      (state.link, state.reason, state.since) = (.connected, nil, clock.nowMilliseconds())
    }
    stands()
    logger.info("gateway is joined to Redis", metadata: ["redis": "\(options.url)"])
    wakePublisher.yield()
    wakeSubscriber.yield()
    let reason = await watch(data, push, hash, publishing, subscribing)
    end(life, reason)
  }

  private func watch(
    _ data: RedisConnection, _ push: RedisConnection, _ hash: String, _ publishing: AsyncStream<Void>,
    _ subscribing: AsyncStream<Void>
  ) async -> String {
    await withTaskGroup(of: String.self) { group in
      group.addTask { await data.ended().reason }
      group.addTask { await push.ended().reason }
      group.addTask { await self.repeating(publishing) { () throws(RedisError) in try await self.drain(data, hash) } }
      group.addTask { await self.repeating(subscribing) { () throws(RedisError) in try await self.subscribe(push) } }
      group.addTask { await self.heartbeat(data, push) }
      let reason = await withTaskCancellationHandler {
        await group.next() ?? "no connection"
      } onCancel: {
        push.close()
      }
      if Task.isCancelled { sayGoodbye(data) }
      // Those who wait for the end of a connection wait until it comes.
      push.close()
      data.close()
      group.cancelAll()
      return Task.isCancelled ? "the node is stopping" : reason
    }
  }

  private func repeating(_ signals: AsyncStream<Void>, _ work: () async throws(RedisError) -> Void) async -> String {
    for await _ in signals {
      do throws(RedisError) {
        try await work()
      } catch {
        return error.reason
      }
    }
    return "the node is stopping"
  }

  // MARK: Subscriptions

  /// The channels that every server of a namespace listens to, and that of our peers.
  private func subscribeBase(_ push: RedisConnection) async throws(RedisError) {
    var names = [keys.peers]
    for channel in channels {
      names += [channel.broadcasts, channel.requests, channel.responses, channel.responses(to: options.node)]
    }
    try Self.check(try await push.send([RedisCommand("SUBSCRIBE", arguments: names.map { .text($0) })]))
  }

  /// Brings Redis up to date with the channels that changed, whatever happened to them meanwhile.
  func subscribe(_ push: RedisConnection) async throws(RedisError) {
    while true {
      let (add, remove) = shared.withLock { state in
        let batch = state.dirty.prefix(Self.subscribeBatch)
        state.dirty.subtract(Array(batch))
        let add = batch.filter { state.wanted[$0] != nil && !state.subscribed.contains($0) }
        let remove = batch.filter { state.wanted[$0] == nil && state.subscribed.contains($0) }
        state.subscribed.formUnion(add)
        state.subscribed.subtract(remove)
        state.isSubscribing = true
        return (add, remove)
      }
      var commands: [RedisCommand] = []
      if !add.isEmpty { commands.append(RedisCommand("SUBSCRIBE", arguments: add.map { .text($0) })) }
      if !remove.isEmpty { commands.append(RedisCommand("UNSUBSCRIBE", arguments: remove.map { .text($0) })) }
      try Self.check(try await push.send(commands, deadline: options.commandDeadline))
      let isDone = shared.withLock { state in
        state.isSubscribing = false
        return state.dirty.isEmpty
      }
      if isDone { return }
    }
  }

  static func check(_ replies: [RedisValue]) throws(RedisError) {
    for case .error(let error) in replies { throw .server(error) }
  }

  // MARK: Healing

  /// Reads from the others' logs what this node missed, then hands on what came live meanwhile.
  private func heal(_ data: RedisConnection) async throws(RedisError) {
    let isFirst = shared.withLock { $0.link == .connecting }
    for node in try await nodes(data) where node != options.node {
      if let reached = inbox.withLock({ $0.reached[node] }) {
        try await heal(node, after: reached, data)
      } else if isFirst {
        guard let last = try await lastOfLog(node, data) else { continue }
        _ = inbox.withLock { $0.admit(node, last) }
        delegate.cut(origin: node, through: last)
      } else {
        try await heal(node, after: 0, data)
      }
    }
    while true {
      let (messages, isOver, isOverrun) = inbox.withLock { inbox in
        let messages = inbox.takeWaiting()
        return (messages, !inbox.isHealing, inbox.isOverrun)
      }
      if isOverrun { throw .busy }
      if isOver { return }
      for message in messages { take(message) }
    }
  }

  private func heal(_ node: String, after reached: UInt64, _ data: RedisConnection) async throws(RedisError) {
    var last = reached
    var read = 0
    while read < Self.healedMax {
      let entries = try await log(node, after: last, data)
      for entry in entries {
        if entry.previous > last, last > 0 { resync(node, through: entry.previous) }
        last = entry.sequence
        read += 1
        let isWanted = isOurs(entry.channel)
        guard inbox.withLock({ $0.admit(node, entry.sequence) }), isWanted, let broadcast = entry.broadcast else {
          continue
        }
        counters.withLock { $0.healed += 1 }
        delegate.deliver(broadcast)
      }
      if entries.count < Self.pageSize { return }
    }
  }

  private func isOurs(_ channel: String) -> Bool {
    channels.contains { $0.broadcasts == channel } || shared.withLock { $0.wanted[channel] != nil }
  }

  func nodes(_ data: RedisConnection) async throws(RedisError) -> [String] {
    let reply = try await data.send(
      RedisCommand("ZRANGE", .text(keys.nodes), "0", .integer(Int64(Self.peersMax - 1))),
      deadline: options.commandDeadline)
    return (reply.elements ?? []).compactMap(\.text)
  }

  func lastOfLog(_ node: String, _ data: RedisConnection) async throws(RedisError) -> UInt64? {
    let reply = try await data.send(
      RedisCommand("XREVRANGE", .text(keys.log(node)), "+", "-", "COUNT", "1"), deadline: options.commandDeadline)
    return reply.elements?.first.flatMap(LogEntry.sequence)
  }

  /// One page of a node's log. Entries that cannot be read are counted, and have no broadcast.
  func log(_ node: String, after sequence: UInt64, _ data: RedisConnection) async throws(RedisError) -> [LogEntry] {
    let reply = try await data.send(
      RedisCommand(
        "XRANGE", .text(keys.log(node)), .text("(\(sequence)-0"), "+", "COUNT", .integer(Int64(Self.pageSize))),
      deadline: options.commandDeadline)
    return (reply.elements ?? []).compactMap { line in
      guard let entry = LogEntry(line) else {
        counters.withLock { $0.malformed += 1 }
        return nil
      }
      return entry
    }
  }

  // MARK: Publishing

  private func loadScript(_ data: RedisConnection) async throws(RedisError) -> String {
    let reply = try await data.send(RedisCommand("SCRIPT", "LOAD", .text(Self.script)))
    guard let hash = reply.text else { throw .protocolViolation("SCRIPT LOAD gave no hash") }
    return hash
  }

  private func resume(_ data: RedisConnection) async throws(RedisError) {
    let last = try await lastOfLog(options.node, data)
    shared.withLock { $0.outbox.resume(after: last, now: MonotonicTime.now()) }
  }

  /// Publishes until nothing is left, one batch at a time so that the order holds whatever fails.
  private func drain(_ data: RedisConnection, _ hash: String) async throws(RedisError) {
    try await writeSessions(data)
    while true {
      let (batch, floor) = shared.withLock { state in
        (state.outbox.next(countMax: Self.batchMax, bytesMax: Self.batchBytesMax), state.outbox.logFloor)
      }
      guard !batch.isEmpty else { return }
      let commands = batch.compactMap { command($0, floor, hash) }
      for case .error(let error) in try await data.send(commands, deadline: options.commandDeadline) {
        // A number that the log has already was published; anything else is for the next life to try again.
        guard error.code == "ERR", error.line.contains("equal or smaller") else { throw .server(error) }
      }
      let now = MonotonicTime.now()
      shared.withLock { $0.outbox.acknowledge(batch, now: now) }
      if shared.withLock({ !$0.sessions.isEmpty }) { try await writeSessions(data) }
    }
  }

  private func command(_ entry: ClusterOutbox.Entry, _ floor: UInt64, _ hash: String) -> RedisCommand? {
    let emission = entry.broadcast.emission
    let message: [UInt8]
    do throws(MessagePackJSON.JSONError) {
      message = try AdapterBroadcast(entry, node: options.node).encoded()
    } catch {
      counters.withLock { $0.malformed += 1 }
      return nil
    }
    let names = RedisAdapterChannels(key: options.socketIOKey, namespace: emission.namespace)
    let channel = names.channel(rooms: emission.rooms)
    guard entry.isLogged else { return RedisCommand("PUBLISH", .text(channel), .bytes(message)) }
    return RedisCommand(
      "EVALSHA", .text(hash), "1", .text(keys.log(options.node)), .text(channel), .bytes(message),
      .text("\(entry.sequence)-0"), .text("\(floor)-0"))
  }

  // MARK: Heartbeat

  private func heartbeat(_ data: RedisConnection, _ push: RedisConnection) async -> String {
    while true {
      do {
        try await Task.sleep(for: options.heartbeat)
        try await announce(data)
        _ = try await push.send(RedisCommand("PING"), deadline: options.commandDeadline)
      } catch let error as RedisError {
        return error.reason
      } catch {
        return "the node is stopping"
      }
    }
  }

  /// Tells the peers, and keeps this node's log and sessions from expiring.
  private func announce(_ data: RedisConnection) async throws(RedisError) {
    var sockets = 0
    for channel in channels {
      if case .count(let count) = await delegate.remoteRequest(.count(namespace: channel.namespace)) {
        sockets += count
      }
    }
    let (last, lost) = shared.withLock { ($0.outbox.acknowledged, $0.outbox.lost) }
    let peer = PeerMessage(node: options.node, version: options.version, sockets: sockets, last: last, lost: lost)
    let now = clock.nowMilliseconds()
    let life = RedisCommand.Argument.integer(options.keepMilliseconds)
    let replies = try await data.send(
      [
        RedisCommand("PUBLISH", .text(keys.peers), .bytes(peer.encoded)),
        RedisCommand("ZADD", .text(keys.nodes), .integer(now), .text(options.node)),
        RedisCommand("ZREMRANGEBYSCORE", .text(keys.nodes), "-inf", .integer(now - options.keepMilliseconds)),
        RedisCommand("PEXPIRE", .text(keys.log(options.node)), life),
        RedisCommand("PEXPIRE", .text(keys.sessions(options.node)), life),
      ], deadline: options.commandDeadline)
    try Self.check(replies)
  }

  private func sayGoodbye(_ data: RedisConnection) {
    let (last, lost) = shared.withLock { ($0.outbox.acknowledged, $0.outbox.lost) }
    let peer = PeerMessage(
      node: options.node, version: options.version, sockets: 0, last: last, lost: lost, isLeaving: true)
    data.post(RedisCommand("PUBLISH", .text(keys.peers), .bytes(peer.encoded)))
  }
}

/// One entry of a node's log.
struct LogEntry: Sendable {
  var sequence: UInt64
  var previous: UInt64
  var channel: String
  var broadcast: RemoteBroadcast?

  /// `[id, ["c", channel, "m", message]]`
  init?(_ line: RedisValue) {
    guard let sequence = Self.sequence(line), let fields = line.elements?.last?.elements, fields.count == 4,
      let channel = fields[1].text, let bytes = fields[3].bytes,
      // An entry of another program, or a damaged one: it is counted by the caller.
      let message = try? AdapterBroadcast(decoding: bytes), let stamp = message.stamp, stamp.sequence == sequence
    else { return nil }
    self.sequence = sequence
    self.channel = channel
    previous = stamp.previous
    broadcast = RemoteBroadcast(message)
  }

  static func sequence(_ line: RedisValue) -> UInt64? {
    line.elements?.first?.text?.split(separator: "-").first.flatMap { UInt64($0) }
  }
}
