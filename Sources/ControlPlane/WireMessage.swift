public import Base

/// What a client sends: first `hello`, then requests, each with an id of its own.
public enum ClientMessage: Sendable, Codable, Equatable {
  case hello(ControlHello)
  /// `id` is not 0 and not in use by another request of this connection.
  case request(id: UInt64, ask: ControlRequest)
}

/// Who the client says it is. A label, never a credential: the node checks the peer's user id.
public struct ControlHello: Sendable, Codable, Equatable {
  public var client: String
  public var version: String
  /// How this operator is named in logs, the audit and other consoles; the login name when empty.
  public var operatorLabel: String
  /// `console` or `commandLine`; the node refuses any other.
  public var origin: Caller.Origin
  /// Asks for the grants of a viewer only.
  public var isReadOnly: Bool

  public init(
    client: String = "signalbox", version: String, operatorLabel: String = "", origin: Caller.Origin,
    isReadOnly: Bool = false
  ) {
    self.client = client
    self.version = version
    self.operatorLabel = operatorLabel
    self.origin = origin
    self.isReadOnly = isReadOnly
  }
}

public enum ControlRequest: Sendable, Codable, Equatable {
  case snapshot
  case ask(Query)
  case perform(Command)
  /// Events follow under this request's id until it is cancelled.
  case subscribe
  /// Ends another request of this connection; it has no response of its own.
  case cancel(id: UInt64)
  case ping
}

/// What the node sends: `welcome` or `refused`, then responses and events in any order.
public enum ServerMessage: Sendable, Codable, Equatable {
  case welcome(ControlWelcome)
  /// The last message before the node closes the connection.
  case refused(Failure)
  case response(id: UInt64, result: ControlResponse)
  /// `id`: the subscription it belongs to.
  case event(id: UInt64, event: Event)
}

/// The node's side of the greeting.
public struct ControlWelcome: Sendable, Codable, Equatable {
  public var node: String
  public var version: String
  public var phase: Snapshot.Phase

  public init(node: String, version: String, phase: Snapshot.Phase) {
    self.node = node
    self.version = version
    self.phase = phase
  }
}

public enum ControlResponse: Sendable, Codable, Equatable {
  case snapshot(Snapshot)
  case answer(Answer)
  case outcome(Outcome)
  /// The subscription stands: everything that happens from now on follows.
  case subscribed
  /// The subscription's last message.
  case unsubscribed
  case pong
  case failure(Failure)
}
