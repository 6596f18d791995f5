internal import Base
internal import Logging
internal import RedisLink
internal import SocketProtocol
internal import Synchronization

/// Joins this node's gateway to other nodes, and to any Socket.IO server or emitter that shares the channels, over
/// Redis.
///
/// It lives one life after another, as the cache does (`Reconnect`): two connections, one for subscriptions and one
/// for everything else; whichever ends takes the other with it. A life begins with: subscribe; read from the other
/// nodes' logs what was missed, while live messages wait; continue publishing behind what our own log holds.
/// `ClusterOutbox` and `ClusterInbox` are the two halves of the memory between lives.
///
/// Order: our broadcasts go out in the node's order, one batch at a time. What comes in is handed to the delegate
/// by one thread at a time: the subscription's, or the healing task before it. No lock is held while the delegate
/// is called.
final class RedisAdapter: ClusterAdapter {
  struct State {
    var life: UInt64 = 0
    var outbox: ClusterOutbox
    /// Members of our own: how often a channel is wanted.
    var wanted: [String: Int] = [:]
    /// What Redis was told in this life.
    var subscribed: Set<String> = []
    /// Some of that has not been confirmed yet.
    var isSubscribing = false
    /// Channels whose state may have changed.
    var dirty: Set<String> = []
    var peers: [String: ClusterState.Peer] = [:]
    var sessions: [SessionChange] = []
    var data: RedisConnection?
    var push: RedisConnection?
    var wakePublisher: AsyncStream<Void>.Continuation?
    var wakeSubscriber: AsyncStream<Void>.Continuation?
    var link = ClusterState.Link.connecting
    var since: Int64
    var reason: String? = "not connected yet"
  }

  struct Counters {
    var received: UInt64 = 0
    var dropped: UInt64 = 0
    var malformed: UInt64 = 0
    var healed: UInt64 = 0
    var resyncs: UInt64 = 0
  }

  enum SessionChange: Sendable {
    case save(RecoverySession)
    case forget(pid: String)
  }

  struct Request: Sendable {
    var channels: RedisAdapterChannels
    var bytes: [UInt8]
    var life: UInt64
  }

  static let peersMax = 256
  static let sessionChangesMax = 50_000
  static let subscribeBatch = 512
  static let requestsMax = 1_024
  static let holdsMax = 16_384

  let options: RedisAdapterOptions
  let keys: ClusterKeyspace
  let channels: [RedisAdapterChannels]
  let delegate: any ClusterDelegate
  let clock: any WallClock
  let logger: Logger
  let shared: Mutex<State>
  let inbox = Mutex(ClusterInbox())
  let counters = Mutex(Counters())
  /// What is done with the answers to our own requests, by their ids.
  let questions = Mutex<[String: @Sendable (AdapterResponse) -> Void]>([:])
  let requests: AsyncStream<Request>
  let requestSink: AsyncStream<Request>.Continuation
  /// Channels that are wanted until some time, on behalf of sessions that came back.
  let held: AsyncStream<([String], ContinuousClock.Instant)>
  let holds: AsyncStream<([String], ContinuousClock.Instant)>.Continuation

  init(
    _ options: RedisAdapterOptions, delegate: any ClusterDelegate, clock: any WallClock = SystemWallClock(),
    logger: Logger
  ) {
    self.options = options
    keys = ClusterKeyspace(prefix: options.prefix)
    channels = options.namespaces.map { RedisAdapterChannels(key: options.socketIOKey, namespace: $0) }
    self.delegate = delegate
    self.clock = clock
    self.logger = logger
    shared = Mutex(State(outbox: ClusterOutbox(options.outbox), since: clock.nowMilliseconds()))
    (requests, requestSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.requestsMax))
    (held, holds) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.holdsMax))
  }

  // MARK: Posted by the gateway

  func publish(_ broadcast: Broadcast) {
    guard !broadcast.emission.isLocal, broadcast.origin.id == options.node else { return }
    let wake = shared.withLock { state in
      let wasEmpty = state.outbox.isEmpty
      state.outbox.append(broadcast, isConnected: state.link == .connected)
      return wasEmpty ? state.wakePublisher : nil
    }
    wake?.yield()
  }

  /// The room without a name is the namespace: its channel is always listened to.
  func roomBecameLocal(namespace: String, room: String) {
    if !room.isEmpty { want(channel(namespace, room), 1) }
  }

  func roomLeft(namespace: String, room: String) {
    if !room.isEmpty { want(channel(namespace, room), -1) }
  }

  func saveSession(_ record: RecoverySession) { post(.save(record)) }
  func forgetSession(pid: String) { post(.forget(pid: pid)) }

  private func post(_ change: SessionChange) {
    let wake = shared.withLock { state in
      guard state.sessions.count < Self.sessionChangesMax else {
        counters.withLock { $0.dropped += 1 }
        return state.wakePublisher
      }
      state.sessions.append(change)
      return state.wakePublisher
    }
    wake?.yield()
  }

  func channel(_ namespace: String, _ room: String) -> String {
    RedisAdapterChannels(key: options.socketIOKey, namespace: namespace).room(room)
  }

  func want(_ channel: String, _ change: Int) {
    let wake = shared.withLock { state in
      let count = max(0, (state.wanted[channel] ?? 0) + change)
      state.wanted[channel] = count == 0 ? nil : count
      guard (count > 0) != state.subscribed.contains(channel) else { return nil as AsyncStream<Void>.Continuation? }
      state.dirty.insert(channel)
      return state.wakeSubscriber
    }
    wake?.yield()
  }

  var state: ClusterState {
    let now = clock.nowMilliseconds()
    let silence = Int64(options.peerSilenceMax.milliseconds)
    let counters = counters.withLock { $0 }
    return shared.withLock { state in
      ClusterState(
        link: state.link, since: state.since, reason: state.reason,
        peers: state.peers.values.filter { now - $0.lastSeenMilliseconds <= silence }.sorted { $0.node < $1.node },
        pending: state.outbox.count, published: state.outbox.published, received: counters.received,
        dropped: state.outbox.dropped + counters.dropped, malformed: counters.malformed, healed: counters.healed,
        resyncs: counters.resyncs)
    }
  }

  // MARK: Lives

  /// Runs until the task is cancelled.
  func run() async {
    await withTaskGroup { group in
      group.addTask { await self.answerRequests() }
      group.addTask { await self.releaseHolds() }
      await Reconnect.run { stands in
        let life = shared.withLock { state in
          state.life += 1
          return state.life
        }
        do throws(RedisError) {
          try await live(life, stands)
        } catch {
          end(life, error.reason)
        }
      }
      group.cancelAll()
    }
  }

  /// Takes both connections down and says since when, and why, there is no Redis.
  func end(_ life: UInt64, _ reason: String) {
    let connections = shared.withLock { state in
      guard state.life == life else { return [RedisConnection]() }
      defer { (state.data, state.push, state.wakePublisher, state.wakeSubscriber) = (nil, nil, nil, nil) }
      let isNews = state.link == .connected || state.reason != reason
      if state.link == .connected { state.since = clock.nowMilliseconds() }
      if isNews, !Task.isCancelled {
        logger.warning("gateway is without Redis: its clients hear this node only", metadata: ["reason": "\(reason)"])
      }
      state.link = state.link == .connecting ? .connecting : .lost
      state.reason = reason
      state.peers = [:]
      return [state.data, state.push].compactMap(\.self)
    }
    for connection in connections { connection.close() }
  }

  /// What the delegate is told when messages of an origin are gone for good.
  func resync(_ origin: String, through sequence: UInt64) {
    counters.withLock { $0.resyncs += 1 }
    logger.warning("broadcasts of a peer were lost", metadata: ["peer": "\(DisplayText(origin))"])
    delegate.cut(origin: origin, through: sequence)
    delegate.resync(origin: origin)
  }
}
