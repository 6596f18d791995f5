/// The transports of one Engine.IO 4 session: which request may do what, and how polling becomes WebSocket.
///
///     polling ── WebSocket with its sid ──▶ probing ── `2probe` ──▶ probed ── `5` ──▶ webSocket
///        ▲                                     │                      │
///        └──────── that WebSocket ends, or upgradeTimeout ────────────┘
///
/// Any of them ends in `closed`. At most one GET waits at a time. While a probe has been answered no GET waits: it is
/// answered at once, with what is queued or else with a noop, so that the client can stop polling (Engine.IO protocol,
/// "Upgrade"). Sending, queues and timers are the caller's; it asks here and does what it is told. 2 bytes.
public struct EngineSessionMachine: Sendable, Equatable {
  public enum State: UInt8, Sendable {
    case polling, probing, probed, webSocket, closed
  }

  public enum PollDecision: Sendable, Equatable {
    /// Answer with what is queued; if that is nothing, keep the request until something is.
    case hold
    /// Answer with what is queued, or else with `6`.
    case answerNow
    /// 400, nothing changes.
    case refuse
    /// This request gets 400 and the session is over: `close` says how the waiting one is answered.
    case refuseAndClose
  }

  public enum WebSocketDecision: Sendable, Equatable {
    /// The connection is this session's probe.
    case probe
    /// Close the new connection; the session lives on.
    case refuse
  }

  public enum ProbeDecision: Sendable, Equatable {
    /// Send `3probe` on the probe; a waiting GET gets what is queued, or else `6`.
    case answer(releasesPoll: Bool)
    /// The probe is the session's transport now, and takes over what is queued. A waiting GET gets `6`.
    case upgraded(releasesPoll: Bool)
    /// Close the probe; the session goes on polling.
    case closeProbe
  }

  public enum PacketDecision: Sendable, Equatable {
    case deliver
    case pong
    case ignore
    /// The client says goodbye: `close(isAsked: true)`.
    case goodbye
    /// The session is over for a packet that only a server may send.
    case violation
  }

  /// How a waiting GET is answered when the session ends; a WebSocket is closed.
  public enum Ending: Sendable, Equatable {
    case nobodyWaits
    /// `1`: the server ended it.
    case answerClose
    /// `6`: the client asked for the end.
    case answerNoop
  }

  public private(set) var state: State
  /// A GET is being kept.
  public private(set) var isPollWaiting = false

  /// A session begins with the transport of its handshake.
  public init(beginsWithWebSocket: Bool) { state = beginsWithWebSocket ? .webSocket : .polling }

  public var isClosed: Bool { state == .closed }
  /// Messages leave through the WebSocket.
  public var isWebSocket: Bool { state == .webSocket }
  private var isPolling: Bool { state == .polling || state == .probing || state == .probed }

  // MARK: Polling

  /// A GET came.
  public mutating func pollOpened() -> PollDecision {
    guard isPolling else { return .refuse }
    if isPollWaiting { return .refuseAndClose }
    if state == .probed { return .answerNow }
    isPollWaiting = true
    return .hold
  }

  /// The waiting GET was answered.
  public mutating func pollAnswered() { isPollWaiting = false }

  /// The client went away from its waiting GET: the session is over. False when none was waiting.
  public mutating func pollAborted() -> Bool {
    guard isPollWaiting else { return false }
    isPollWaiting = false
    state = .closed
    return true
  }

  /// Whether a POST may bring packets: 400 when not.
  public func acceptsPost() -> Bool { isPolling }

  // MARK: WebSocket

  /// A WebSocket came with this session's id.
  public mutating func webSocketOpened() -> WebSocketDecision {
    guard state == .polling else { return .refuse }
    state = .probing
    return .probe
  }

  /// A text packet on the probe. `isProbe` says that the payload is exactly `probe`. Binary messages: `closeProbe`.
  public mutating func probeReceived(_ kind: EngineIOPacket.Kind, isProbe: Bool) -> ProbeDecision {
    switch (state, kind) {
    case (.probing, .ping) where isProbe, (.probed, .ping) where isProbe:
      state = .probed
      defer { isPollWaiting = false }
      return .answer(releasesPoll: isPollWaiting)
    case (.probed, .upgrade):
      state = .webSocket
      defer { isPollWaiting = false }
      return .upgraded(releasesPoll: isPollWaiting)
    default:
      probeEnded()
      return .closeProbe
    }
  }

  /// The probe was closed, broke the protocol, or took too long.
  public mutating func probeEnded() {
    if state == .probing || state == .probed { state = .polling }
  }

  // MARK: Packets and the end

  /// A text packet on the session's transport. In version 4 it is the server that pings.
  public func received(_ kind: EngineIOPacket.Kind) -> PacketDecision {
    switch kind {
    case _ where state == .closed: .ignore
    case .message: .deliver
    case .pong: .pong
    case .noop: .ignore
    case .close: .goodbye
    case .open, .ping, .upgrade: .violation
    }
  }

  /// The session ends, because its client asked for it or for any other reason: time-outs, violations, kicks.
  public mutating func close(isAsked: Bool) -> Ending {
    defer { isPollWaiting = false }
    state = .closed
    return isPollWaiting ? isAsked ? .answerNoop : .answerClose : .nobodyWaits
  }
}
