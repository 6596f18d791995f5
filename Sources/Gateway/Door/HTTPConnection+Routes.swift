internal import Access
internal import Base
internal import ControlPlane
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// What a request asks for, and what it must pass first.
extension HTTPConnection {
  /// A request that has passed Host and Origin.
  struct Request {
    var head: HTTPRequestHead
    var target: RequestTarget
    var body: [UInt8]
    var reply: HTTPReply
  }

  func check(_ head: HTTPRequestHead, _ body: [UInt8], _ context: ChannelHandlerContext) {
    let hosts = head.headers["Host"]
    let keepAlive = head.isKeepAlive
    func refuse(_ status: HTTPResponseStatus, _ text: String) {
      self.reply(context, nil, keepAlive: keepAlive).send(.init(status: status, body: Array(text.utf8)))
    }
    guard hosts.count <= 1, let target = RequestTarget(head.uri) else {
      return refuse(.badRequest, "malformed request")
    }
    guard front.options.isOpenToAll || front.authenticator.allows(host: hosts.first) else {
      return refuse(.misdirectedRequest, "this node answers only to loopback names")
    }
    let origin = decide(head, host: hosts.first)
    guard origin != .foreign else { return refuse(.forbidden, "pages of this origin may not call this node") }
    let reply = self.reply(context, origin, keepAlive: keepAlive, isHead: head.method == .HEAD)
    if head.method == .OPTIONS { return reply.send(.init(status: .noContent)) }
    if target.path == "/health", head.method == .GET || head.method == .HEAD {
      return reply.send(front.health.answer)
    }
    guard let kind = kind(of: target.path) else { return reply.send(.init(status: .notFound)) }
    identify(Request(head: head, target: target, body: body, reply: reply), kind, context)
  }

  private func decide(_ head: HTTPRequestHead, host: String?) -> OriginPolicy.Decision {
    let origins = head.headers["Origin"]
    if front.options.isOpenToAll { return origins.isEmpty ? .absent : .allowed(headerValue: "*") }
    let isSecure =
      head.headers.first(name: "X-Forwarded-Proto")?.lowercased() == "https"
      && ends.peer.map { front.authenticator.trusts(proxy: $0.address) } == true
    return front.authenticator.decide(
      origin: origins.count > 1 ? "null" : origins.first, host: host, scheme: isSecure ? "https" : "http")
  }

  private func kind(of path: String) -> SessionKind? {
    let options = front.options
    func matches(_ served: String) -> Bool { path == served || path + "/" == served }
    if matches(options.socketPath) { return .socketIO }
    if let engine = options.enginePath, matches(engine) { return .engineEcho }
    if path == options.rawPath { return .raw }
    if path == options.echoPath { return .rawEcho }
    return nil
  }

  // MARK: Who it is

  /// Without a credential the user at the other end of this connection is asked for once. With one, a token in the
  /// request is checked now; Socket.IO may still show it in its CONNECT packet, `/ws` must have it here.
  private func identify(_ request: Request, _ kind: SessionKind, _ context: ChannelHandlerContext) {
    let reply = request.reply
    var credentials = RequestCredentials(
      peer: ends.peer, local: ends.local, forwardedFor: request.head.headers["X-Forwarded-For"], face: .gateway)
    var facts = ClientFacts(
      address: front.authenticator.clientAddress(of: credentials), authenticated: sameUser)
    guard !front.options.isOpenToAll, sameUser == nil else { return serve(request, kind, facts, context) }
    if front.authenticator.isCredentialRequired {
      do throws(Failure) {
        credentials.bearer = try RequestCredentials.bearer(authorization: request.head.headers["Authorization"])
      } catch {
        return refuse(reply, error)
      }
      if credentials.bearer == nil, kind == .raw { credentials.bearer = request.target["token"].map { Secret($0) } }
      if credentials.bearer == nil, kind == .socketIO { return serve(request, kind, facts, context) }
    }
    let isRequired = front.authenticator.isCredentialRequired
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let eventLoop = context.eventLoop
    let sent = facts
    facts.authenticated = nil
    front.desk.check(credentials) { result in
      eventLoop.execute {
        let (connection, context) = bound.value
        switch result {
        case .failure(let failure): connection.refuse(reply, failure)
        case .success(let authenticated):
          var facts = sent
          facts.authenticated = authenticated
          if !isRequired { connection.sameUser = authenticated }
          connection.serve(request, kind, facts, context)
        }
      }
    }
  }

  func refuse(_ reply: HTTPReply, _ failure: Failure) {
    let status = HTTPResponseStatus(statusCode: failure.httpStatus)
    reply.send(.init(status: status, body: Array(failure.line.utf8), isClosing: true))
  }

  // MARK: Routes

  private func serve(_ request: Request, _ kind: SessionKind, _ facts: ClientFacts, _ context: ChannelHandlerContext) {
    guard context.channel.isActive else { return }
    let isUpgrade = UpgradeRequest.isAsked(request.head)
    guard kind.isEngine else {
      guard isUpgrade else {
        return request.reply.send(.init(status: .upgradeRequired, body: Array("this path is a WebSocket".utf8)))
      }
      return upgrade(request, kind, nil, facts, context)
    }
    switch engineSession(request, isUpgrade: isUpgrade) {
    case .failure(let refusal): request.reply.refuse(refusal)
    case .success(let session):
      if isUpgrade { return upgrade(request, kind, session, facts, context) }
      poll(request, kind, session, facts)
    }
  }

  /// The session an Engine.IO request names; nil: it begins one (engine.io `verify`, with its order of refusals).
  private func engineSession(_ request: Request, isUpgrade: Bool) -> Result<SessionID?, EngineRefusal> {
    let transport = request.target["transport"]
    guard transport == "polling" || transport == "websocket" else { return .failure(.transportUnknown) }
    guard isUpgrade == (transport == "websocket") else { return .failure(.badRequest) }
    guard request.target["EIO"] == "4" else { return .failure(.versionUnsupported) }
    guard let sid = request.target["sid"] else {
      return request.head.method == .GET ? .success(nil) : .failure(.badMethod)
    }
    guard let session = SessionID(sid), front.loop(of: session) != nil else { return .failure(.sessionUnknown) }
    return .success(session)
  }

  private func poll(_ request: Request, _ kind: SessionKind, _ session: SessionID?, _ facts: ClientFacts) {
    guard let session, let loop = front.loop(of: session) else {
      let opening = PollingOpening(kind: kind, reply: request.reply, client: facts)
      if !front.deal().mailbox.post(.openPolling(opening)) { request.reply.send(.init(status: .serviceUnavailable)) }
      return
    }
    switch request.head.method {
    case .GET:
      waits(session, request.reply)
      if !loop.mailbox.post(.poll(session, request.reply)) { request.reply.refuse(.sessionUnknown) }
    case .POST, .PUT:
      if !loop.mailbox.post(.post(session, body: request.body, request.reply)) {
        request.reply.refuse(.sessionUnknown)
      }
    default: request.reply.refuse(.badMethod)
    }
  }
}
