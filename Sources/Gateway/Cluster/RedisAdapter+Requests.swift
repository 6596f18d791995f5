internal import Base
internal import RedisLink
internal import SocketProtocol
internal import Synchronization

/// Questions of other servers, and ours to them.
extension RedisAdapter {
  func heardRequest(_ names: RedisAdapterChannels, _ bytes: [UInt8], _ life: UInt64) {
    if case .dropped = requestSink.yield(Request(channels: names, bytes: bytes, life: life)) {
      counters.withLock { $0.dropped += 1 }
    }
  }

  func heardResponse(_ bytes: [UInt8]) {
    guard questions.withLock({ !$0.isEmpty }) else { return }
    do throws(MessagePackError) {
      let response = try AdapterResponse(decoding: bytes)
      questions.withLock { $0[response.requestID] }?(response)
    } catch {
      counters.withLock { $0.malformed += 1 }
    }
  }

  /// Requests that may wait for this node's loops at the same time.
  private static let answeringMax = 64

  /// They begin one after the other, because a join and the leave behind it must not change places; what they wait for
  /// they wait for together.
  func answerRequests() async {
    await withTaskGroup(of: Void.self) { group in
      var answering = 0
      for await request in requests {
        let decoded: AdapterRequest
        do throws(MessagePackError) {
          decoded = try AdapterRequest(decoding: request.bytes)
        } catch {
          counters.withLock { $0.malformed += 1 }
          continue
        }
        guard decoded.uid != options.node, let answer = begin(decoded, request.channels) else { continue }
        if answering == Self.answeringMax {
          await group.next()
          answering -= 1
        }
        group.addTask { await answer() }
        answering += 1
      }
    }
  }

  /// Nil when nothing is to be done, or nobody wants to know what came of it.
  private func begin(_ request: AdapterRequest, _ names: RedisAdapterChannels) -> (@Sendable () async -> Void)? {
    let selection = SocketSelection(namespace: names.namespace, rooms: request.selection, except: request.except)
    let asked: RemoteRequest
    switch request.kind {
    case .remoteJoin: asked = .join(selection, rooms: request.rooms)
    case .remoteLeave: asked = .leave(selection, rooms: request.rooms)
    case .remoteDisconnect: asked = .disconnect(selection, closesTransport: request.closesTransport)
    case .remoteFetch, .sockets: asked = .fetchSockets(selection)
    case .allRooms: asked = .rooms(namespace: names.namespace)
    case .members: asked = .members(namespace: names.namespace, rooms: request.selection)
    case .broadcast: asked = acknowledgedBroadcast(request, names)
    // Nothing here listens to events between servers: no answer, as a Node server without a listener.
    case .serverSideEmit: return nil
    }
    let pending = delegate.begin(asked)
    return { [weak self] in
      let response = await pending()
      self?.pass(response, to: request, names)
    }
  }

  private func acknowledgedBroadcast(_ request: AdapterRequest, _ names: RedisAdapterChannels) -> RemoteRequest {
    let emission = Emission(
      namespace: names.namespace, rooms: request.selection, except: request.except, event: request.event,
      arguments: request.arguments, attachments: request.attachments)
    let deadline = request.timeoutMilliseconds.map { Duration.milliseconds(min($0, 3_600_000)) }
    return .broadcastWithAcknowledgement(emission, within: deadline ?? options.requestDeadline) {
      [weak self] argument, attachments in
      self?.respond(request, .acknowledgement(argument, attachments: attachments), names)
    }
  }

  private func pass(_ response: RemoteResponse, to request: AdapterRequest, _ names: RedisAdapterChannels) {
    switch response {
    // Only older servers, which name one socket, want to know.
    case .done: if request.socketID != nil { respond(request, .done, names) }
    case .sockets(let sockets) where request.kind == .sockets:
      respond(request, .socketIDs(sockets.map(\.id)), names)
    case .sockets(let sockets): respond(request, .sockets(sockets.map { .init($0) }), names)
    case .rooms(let rooms): respond(request, .rooms(rooms), names)
    case .count(let count): respond(request, .clientCount(count), names)
    }
  }

  private func respond(_ request: AdapterRequest, _ content: AdapterResponse.Content, _ names: RedisAdapterChannels) {
    guard let requestID = request.requestID, let data = shared.withLock({ $0.data }) else { return }
    do throws(MessagePackJSON.JSONError) {
      let bytes = try AdapterResponse(requestID: requestID, content).encoded()
      // Every version of the adapter listens to the common channel; only newer ones to one of their own.
      data.post(RedisCommand("PUBLISH", .text(names.responses), .bytes(bytes)))
    } catch {
      counters.withLock { $0.malformed += 1 }
    }
  }

  // MARK: Ours

  /// Sockets of all other servers that answered before the deadline. A server that is silent is missing.
  func remoteSockets(_ selection: SocketSelection) async -> [RemoteSocket] {
    var request = AdapterRequest(kind: .remoteFetch)
    (request.selection, request.except) = (selection.rooms, selection.except)
    let answers = await ask(request, selection.namespace)?.answers ?? []
    return answers.flatMap { answer in
      if case .sockets(let sockets) = answer.content { return sockets.map { RemoteSocket($0) } }
      return []
    }
  }

  /// Rooms of all other servers.
  func remoteRooms(namespace: String) async -> Set<String> {
    let answers = await ask(AdapterRequest(kind: .allRooms), namespace)?.answers ?? []
    return answers.reduce(into: []) { rooms, answer in
      if case .rooms(let names) = answer.content { rooms.formUnion(names) }
    }
  }

  /// How many servers listen to the namespace, this one included; nil while Redis is away.
  func serverCount(namespace: String) async -> Int? {
    let names = RedisAdapterChannels(key: options.socketIOKey, namespace: namespace)
    guard let data = shared.withLock({ $0.data }) else { return nil }
    // Nil says that it is not known, whatever the reason.
    let reply = try? await data.send(RedisCommand("PUBSUB", "NUMSUB", .text(names.requests)))
    return reply?.elements?.last?.integer.flatMap { Int(exactly: $0) }
  }

  /// Tells all other servers; what it means for our own sockets the caller does. False while Redis is away.
  @discardableResult
  func command(_ request: RemoteRequest) -> Bool {
    let message: (kind: AdapterRequest.Kind, selection: SocketSelection, rooms: [String], closes: Bool)
    switch request {
    case .join(let selection, let rooms): message = (.remoteJoin, selection, rooms, false)
    case .leave(let selection, let rooms): message = (.remoteLeave, selection, rooms, false)
    case .disconnect(let selection, let closes): message = (.remoteDisconnect, selection, [], closes)
    default: return false
    }
    var wire = AdapterRequest(kind: message.kind)
    wire.uid = options.node
    (wire.selection, wire.except) = (message.selection.rooms, message.selection.except)
    (wire.rooms, wire.closesTransport) = (message.rooms, message.closes)
    let names = RedisAdapterChannels(key: options.socketIOKey, namespace: message.selection.namespace)
    guard let data = shared.withLock({ $0.data }) else { return false }
    return send(wire, names, data)
  }

  private func send(_ request: AdapterRequest, _ names: RedisAdapterChannels, _ data: RedisConnection) -> Bool {
    do throws(MessagePackJSON.JSONError) {
      return data.post(RedisCommand("PUBLISH", .text(names.requests), .bytes(try request.encoded())))
    } catch {
      counters.withLock { $0.malformed += 1 }
      return false
    }
  }

  private static let questionsMax = 256

  /// Puts a request to all other servers; `heard` gets every answer until `withdraw`. The id of the question, and how
  /// many servers will answer it; nil: there is nobody, or nobody can be asked.
  private func pose(
    _ request: AdapterRequest, _ namespace: String, heard: @escaping @Sendable (AdapterResponse) -> Void
  ) async -> (id: String, servers: Int)? {
    guard let count = await serverCount(namespace: namespace), count > 1, let data = shared.withLock({ $0.data }) else {
      return nil
    }
    var request = request
    request.uid = options.node
    let id = NodeID.random().rawValue + NodeID.random().rawValue
    request.requestID = id
    let isTaken = questions.withLock { questions in
      guard questions.count < Self.questionsMax else { return false }
      questions[id] = heard
      return true
    }
    guard isTaken else { return nil }
    guard send(request, RedisAdapterChannels(key: options.socketIOKey, namespace: namespace), data) else {
      withdraw(id)
      return nil
    }
    return (id, count - 1)
  }

  private func withdraw(_ id: String) { _ = questions.withLock { $0.removeValue(forKey: id) } }

  /// The answers of all other servers, or of the first `enough`, that came before the deadline, and how many servers
  /// were asked.
  private func ask(
    _ request: AdapterRequest, _ namespace: String, within deadline: Duration? = nil, enough: Int? = nil
  ) async -> (answers: [AdapterResponse], servers: Int)? {
    let (answers, sink) = AsyncStream<AdapterResponse>.makeStream(bufferingPolicy: .bufferingOldest(Self.peersMax))
    guard let question = await pose(request, namespace, heard: { sink.yield($0) }) else { return nil }
    defer { withdraw(question.id) }
    let wanted = min(enough ?? question.servers, question.servers)
    let heard = await withTaskGroup(of: Void.self) { group in
      group.addTask {
        // Cancelled when all have answered.
        try? await Task.sleep(for: deadline ?? self.options.requestDeadline)
        sink.finish()
      }
      var heard: [AdapterResponse] = []
      if wanted > 0 {
        for await answer in answers {
          heard.append(answer)
          if heard.count == wanted { break }
        }
      }
      group.cancelAll()
      return heard
    }
    return (heard, question.servers)
  }

  func ask(
    _ emission: Emission, within deadline: Duration, heard: @escaping @Sendable (ClusterAnswer) -> Void
  ) async -> ClusterQuestion? {
    var request = AdapterRequest(kind: .broadcast)
    (request.selection, request.except) = (emission.rooms, emission.except)
    (request.event, request.arguments, request.attachments) = (emission.event, emission.arguments, emission.attachments)
    request.namespace = emission.namespace
    request.timeoutMilliseconds = Int64(deadline.milliseconds)
    let question = await pose(request, emission.namespace) { response in
      switch response.content {
      case .clientCount(let count): heard(.asked(max(0, count)))
      case .acknowledgement(let json, let attachments):
        heard(.acknowledgement(.answer(json, attachments: attachments)))
      default: break
      }
    }
    guard let question else { return nil }
    return ClusterQuestion(servers: question.servers) { [weak self] in self?.withdraw(question.id) }
  }

  /// Our own nodes are asked for a number; other Socket.IO servers could only be asked for all their sockets, and make
  /// the answer incomplete.
  func audience(namespace: String, rooms: [String], within deadline: Duration) async -> ClusterAudience {
    guard let count = await serverCount(namespace: namespace) else { return ClusterAudience(isComplete: false) }
    guard count > 1 else { return ClusterAudience() }
    var request = AdapterRequest(kind: .members)
    request.selection = rooms
    guard let heard = await ask(request, namespace, within: deadline, enough: max(1, state.peers.count)) else {
      return ClusterAudience(isComplete: false)
    }
    let members = heard.answers.reduce(0) { sum, answer in
      if case .clientCount(let count) = answer.content { sum + max(0, count) } else { sum }
    }
    return ClusterAudience(sockets: members, isComplete: heard.answers.count == heard.servers)
  }
}

extension AdapterResponse.Socket {
  init(_ socket: RemoteSocket) {
    self.init(id: socket.id, rooms: socket.rooms, handshake: socket.handshakeJSON, data: socket.dataJSON)
  }
}

extension RemoteSocket {
  init(_ socket: AdapterResponse.Socket) {
    self.init(id: socket.id, rooms: socket.rooms, handshakeJSON: socket.handshake, dataJSON: socket.data)
  }
}
