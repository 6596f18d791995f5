internal import Access
internal import Base
internal import SocketProtocol

/// What other threads leave in a loop's mailbox.
enum Letter: Sendable {
  /// A socket that leaves HTTP; the loop owns its descriptor.
  case adopt(Handover)
  case openPolling(PollingOpening)
  case poll(SessionID, HTTPReply)
  case post(SessionID, body: [UInt8], HTTPReply)
  /// The client closed the connection on which its GET waited.
  case pollAborted(SessionID, HTTPReply)
  case broadcast(Broadcast)
  /// The answer of the desk to a CONNECT packet.
  case identified(SessionID, attempt: SessionID, Result<Authenticated, Failure>)
  /// A piece of work on the loop's own thread: lists, kicks, drains, answers of hooks.
  case work(@Sendable (Loop) -> Void)
  case stop
}

/// Which protocol a connection speaks.
enum SessionKind: UInt8, Sendable {
  case socketIO
  /// Engine.IO alone: every message comes back.
  case engineEcho
  /// `/ws` with the product's events.
  case raw
  /// RFC 6455 echo.
  case rawEcho

  var isEngine: Bool { self == .socketIO || self == .engineEcho }
}

/// What is known of a client when its session begins.
struct ClientFacts: Sendable {
  /// Behind trusted proxies the client's own, not the proxy's.
  var address: IPAddress?
  /// Who it is, when the request said it already.
  var authenticated: Authenticated?
}

struct ConnectionEnds: Sendable {
  var peer: SocketEndpoint?
  var local: SocketEndpoint?
}

/// A WebSocket after its opening handshake was checked: the loop answers it.
struct Handover: Sendable {
  var descriptor: Int32
  var kind: SessionKind
  /// The polling session it upgrades.
  var session: SessionID?
  /// The 101 answer.
  var answer: [UInt8]
  /// What the client sent behind its request.
  var leftover: [UInt8]
  /// What was agreed on about compression.
  var deflate: DeflateParameters?
  var client: ClientFacts
}

struct PollingOpening: Sendable {
  var kind: SessionKind
  var reply: HTTPReply
  var client: ClientFacts
}
