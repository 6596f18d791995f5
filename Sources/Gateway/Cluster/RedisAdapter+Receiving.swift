internal import Base
internal import RedisLink
internal import SocketProtocol
internal import Synchronization

/// What comes in on the subscribed connection, on its thread.
extension RedisAdapter {
  func heard(_ push: RedisPush, _ life: UInt64) {
    guard let bytes = push.payload.bytes, shared.withLock({ $0.life == life }) else { return }
    if push.channel == keys.peers { return heardPeer(bytes) }
    for names in channels {
      if push.channel == names.requests { return heardRequest(names, bytes, life) }
      if push.channel.hasPrefix(names.responses) { return heardResponse(bytes) }
    }
    heardBroadcast(push.channel, bytes)
  }

  private func heardBroadcast(_ channel: String, _ bytes: [UInt8]) {
    do throws(MessagePackError) {
      let message = try AdapterBroadcast(decoding: bytes)
      guard message.uid != options.node else { return }
      let names = RedisAdapterChannels(key: options.socketIOKey, namespace: message.namespace)
      guard channel.hasPrefix(names.broadcasts) else { throw .unexpectedType }
      receive(.broadcast(RemoteBroadcast(message)))
    } catch {
      counters.withLock { $0.malformed += 1 }
    }
  }

  private func heardPeer(_ bytes: [UInt8]) {
    do throws(MessagePackError) {
      let peer = try PeerMessage(decoding: bytes)
      if peer.node != options.node { receive(.peer(peer)) }
    } catch {
      counters.withLock { $0.malformed += 1 }
    }
  }

  private func receive(_ message: ClusterInbox.Message) {
    if inbox.withLock({ $0.keeps(message) }) { return }
    take(message)
  }

  /// Called by one thread at a time.
  func take(_ message: ClusterInbox.Message) {
    switch message {
    case .peer(let peer): take(peer)
    case .broadcast(let broadcast):
      if let sequence = broadcast.originSequence {
        guard inbox.withLock({ $0.admit(broadcast.originID, sequence) }) else { return }
      }
      counters.withLock { $0.received += 1 }
      delegate.deliver(broadcast)
    }
  }

  private func take(_ peer: PeerMessage) {
    let reached = inbox.withLock { $0.reached[peer.node] }
    if let reached, peer.lost > reached { resync(peer.node, through: peer.lost) }
    if peer.last > 0, inbox.withLock({ $0.admit(peer.node, peer.last) }) {
      // The first word of a node that has spoken before: what it said was not for this node.
      if reached == nil {
        delegate.cut(origin: peer.node, through: peer.last)
      } else {
        delegate.advance(origin: peer.node, to: peer.last)
      }
    }
    let now = clock.nowMilliseconds()
    shared.withLock { state in
      guard !peer.isLeaving else { return state.peers[peer.node] = nil }
      if state.peers[peer.node] == nil, state.peers.count >= Self.peersMax {
        let silent = state.peers.min { $0.value.lastSeenMilliseconds < $1.value.lastSeenMilliseconds }
        if let silent { state.peers[silent.key] = nil }
      }
      state.peers[peer.node] = ClusterState.Peer(
        node: peer.node, version: peer.version, lastSeenMilliseconds: now, sockets: peer.sockets)
    }
  }
}

extension RemoteBroadcast {
  init(_ message: AdapterBroadcast) {
    let kind: Emission.Kind =
      switch message.stamp?.kind {
      case .agentThought(let agent): .agentThought(agent: agent)
      case .taskUpdate(let task): .taskUpdate(task: task)
      case .plain, nil: .plain
      }
    self.init(
      emission: Emission(
        namespace: message.namespace, rooms: message.rooms, except: message.except, event: message.event,
        arguments: message.arguments, attachments: message.attachments, isVolatile: message.isVolatile, kind: kind,
        priority: message.stamp?.priority ?? 5),
      originID: message.uid, originSequence: message.stamp?.sequence)
  }
}

extension AdapterBroadcast {
  init(_ entry: ClusterOutbox.Entry, node: String) {
    let emission = entry.broadcast.emission
    let kind: Stamp.Kind =
      switch emission.kind {
      case .plain: .plain
      case .agentThought(let agent): .agentThought(agent: agent)
      case .taskUpdate(let task): .taskUpdate(task: task)
      }
    self.init(
      uid: node, namespace: emission.namespace, event: emission.event, arguments: emission.arguments,
      attachments: emission.attachments, rooms: emission.rooms, except: emission.except,
      isVolatile: emission.isVolatile,
      stamp: Stamp(
        sequence: entry.sequence, previous: entry.previous, kind: kind, priority: emission.priority))
  }
}
