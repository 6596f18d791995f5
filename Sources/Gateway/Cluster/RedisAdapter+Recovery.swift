internal import Base
internal import RedisLink
internal import SocketProtocol
internal import Synchronization

/// Sessions that may come back to any node.
extension RedisAdapter {
  /// How long the rooms of a session that came back are listened to before its client has joined them.
  static let recoveryHold = Duration.seconds(10)
  /// Broadcasts one client may be given when it comes back.
  static let replayMax = 50_000

  func writeSessions(_ data: RedisConnection) async throws(RedisError) {
    let changes = shared.withLock { state in
      defer { state.sessions = [] }
      return state.sessions
    }
    let key = RedisCommand.Argument.text(keys.sessions(options.node))
    var rest = changes[...]
    while !rest.isEmpty {
      let commands = rest.prefix(Self.batchMax).map { change in
        switch change {
        case .save(let session): RedisCommand("HSET", key, .text(session.pid), .bytes(session.encoded))
        case .forget(let pid): RedisCommand("HDEL", key, .text(pid))
        }
      }
      do throws(RedisError) {
        try Self.check(try await data.send(commands, deadline: options.commandDeadline))
      } catch {
        // They are written in the next life, before what came later.
        let unwritten = Array(rest)
        shared.withLock { $0.sessions = Array((unwritten + $0.sessions).prefix(Self.sessionChangesMax)) }
        throw error
      }
      rest = rest.dropFirst(Self.batchMax)
    }
  }

  func recover(pid: String, offset: String) async -> RecoveredSession? {
    guard (1...128).contains(pid.utf8.count), let seen = OffsetVector(offset) else { return nil }
    let connections = shared.withLock { state in state.link == .connected ? (state.data, state.push) : (nil, nil) }
    guard let data = connections.0, let push = connections.1 else { return nil }
    do throws(RedisError) {
      let nodes = try await nodes(data)
      guard let session = try await take(pid, nodes, data) else { return nil }
      hold(session)
      try await listen(session, push)
      var recovered = RecoveredSession(session: session, older: [], covered: [:])
      for node in nodes where node != options.node {
        guard try await replay(node, after: seen[node] ?? 0, to: &recovered, data) else { return nil }
      }
      return recovered
    } catch {
      return nil
    }
  }

  /// What each node knows of the session. A client may be here before its node has written what it held for it when it
  /// went; nothing is waited for longer than a moment, for a node that was killed says nothing any more.
  private func records(
    _ pid: String, _ holders: [String], _ data: RedisConnection
  ) async throws(RedisError) -> [(node: String, session: RecoverySession?)] {
    let commands = holders.map { RedisCommand("HGET", .text(keys.sessions($0)), .text(pid)) }
    var pauses = options.farewellPauses[...]
    while true {
      let replies = try await data.send(commands, deadline: options.commandDeadline)
      let found = zip(holders, replies).compactMap { node, reply in
        // A record that cannot be read is no session, and goes with the others.
        reply.bytes.map { (node: node, session: try? RecoverySession(decoding: $0)) }
      }
      let isConnected = found.contains { $0.session.map { $0.droppedAtMilliseconds == nil } ?? false }
      guard isConnected, let pause = pauses.popFirst() else { return found }
      do { try await Task.sleep(for: pause) } catch { return found }  // cancelled: what is known is taken
    }
  }

  /// The session, if this node is the one that takes it away. Several nodes may hold it, when its client had come back
  /// to one before another noticed that it had gone: then it is what the node knows that heard of it last.
  private func take(_ pid: String, _ nodes: [String], _ data: RedisConnection) async throws(RedisError)
    -> RecoverySession?
  {
    let found = try await records(pid, Array(Set(nodes + [options.node])), data)
    guard !found.isEmpty else { return nil }
    let removed = try await data.send(
      found.map { RedisCommand("HDEL", .text(keys.sessions($0.node)), .text(pid)) }, deadline: options.commandDeadline)
    var newest: (session: RecoverySession, isOurs: Bool)?
    for (record, removal) in zip(found, removed) {
      guard let session = record.session, session.pid == pid,
        newest.map({ $0.session.lastKnown < session.lastKnown }) ?? true
      else { continue }
      newest = (session, removal.integer == 1)
    }
    return newest.flatMap { $0.isOurs ? $0.session : nil }
  }

  /// Everything behind `seen` that concerns the session; false when some of it is gone.
  private func replay(
    _ node: String, after seen: UInt64, to recovered: inout RecoveredSession, _ data: RedisConnection
  ) async throws(RedisError) -> Bool {
    let members = Set(recovered.session.rooms + [recovered.session.sid])
    let held = recovered.session.held
    var last = held.reduce(seen) { min($0, OffsetVector($1.after)?[node] ?? 0) }
    while recovered.older.count < Self.replayMax {
      let entries = try await log(node, after: last, data)
      for entry in entries {
        guard entry.previous <= last else { return false }
        last = entry.sequence
        guard let broadcast = entry.broadcast,
          RecoveryRules.concerns(broadcast.emission, namespace: recovered.session.namespace, members: members),
          entry.sequence > seen || held.contains(where: { $0.has(broadcast, entry.sequence) })
        else { continue }
        recovered.older.append(broadcast)
      }
      if entries.count < Self.pageSize {
        recovered.covered[node] = last
        return true
      }
    }
    return false
  }

  /// Wants the session's rooms for a while: its client is about to join them.
  private func hold(_ session: RecoverySession) {
    let names = session.rooms.map { channel(session.namespace, $0) }
    for name in names { want(name, 1) }
    if case .dropped = holds.yield((names, ContinuousClock.now + Self.recoveryHold)) {
      for name in names { want(name, -1) }
    }
  }

  /// Lets go of what was held, each when its time is over. All are held equally long, so they end in order.
  func releaseHolds() async {
    for await (names, end) in held {
      // A cancelled sleep ends the task at the next turn.
      try? await Task.sleep(until: end, clock: .continuous)
      for name in names { want(name, -1) }
    }
  }

  /// Returns when Redis has confirmed the subscriptions, also those another task has under way.
  private func listen(_ session: RecoverySession, _ push: RedisConnection) async throws(RedisError) {
    let names = session.rooms.map { channel(session.namespace, $0) }
    guard !names.isEmpty else { return }
    shared.withLock { state in
      state.subscribed.formUnion(names)
      state.dirty.subtract(names)
    }
    try Self.check(
      try await push.send(
        [RedisCommand("SUBSCRIBE", arguments: names.map { .text($0) })], deadline: options.commandDeadline))
  }
}

extension RecoverySession {
  /// When its node heard of its client last; one that is connected is heard of now.
  fileprivate var lastKnown: Int64 { droppedAtMilliseconds ?? .max }
}
