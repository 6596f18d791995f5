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
      _ = questions.withLock { $0[response.requestID] }?.yield(response)
    } catch {
      counters.withLock { $0.malformed += 1 }
    }
  }

  /// One after the other: a join and the leave behind it must not change places.
  func answerRequests() async {
    for await request in requests {
      do throws(MessagePackError) {
        try await answer(try AdapterRequest(decoding: request.bytes), request.channels)
      } catch {
        counters.withLock { $0.malformed += 1 }
      }
    }
  }

  private func answer(_ request: AdapterRequest, _ names: RedisAdapterChannels) async throws(MessagePackError) {
    guard request.uid != options.node else { return }
    let selection = SocketSelection(
      namespace: names.namespace, rooms: request.selection, except: request.except)
    switch request.kind {
    case .remoteJoin:
      _ = await delegate.remoteRequest(.join(selection, rooms: request.rooms))
      if request.socketID != nil { respond(request, .done, names) }
    case .remoteLeave:
      _ = await delegate.remoteRequest(.leave(selection, rooms: request.rooms))
      if request.socketID != nil { respond(request, .done, names) }
    case .remoteDisconnect:
      _ = await delegate.remoteRequest(.disconnect(selection, closesTransport: request.closesTransport))
      if request.socketID != nil { respond(request, .done, names) }
    case .remoteFetch, .sockets:
      guard case .sockets(let sockets) = await delegate.remoteRequest(.fetchSockets(selection)) else { return }
      let isOld = request.kind == .sockets
      respond(request, isOld ? .socketIDs(sockets.map(\.id)) : .sockets(sockets.map { .init($0) }), names)
    case .allRooms:
      guard case .rooms(let rooms) = await delegate.remoteRequest(.rooms(namespace: names.namespace)) else { return }
      respond(request, .rooms(rooms), names)
    case .broadcast: await broadcastWithAcknowledgement(request, names)
    // Nothing here listens to events between servers: no answer, as a Node server without a listener.
    case .serverSideEmit: break
    }
  }

  private func broadcastWithAcknowledgement(_ request: AdapterRequest, _ names: RedisAdapterChannels) async {
    let emission = Emission(
      namespace: names.namespace, rooms: request.selection, except: request.except, event: request.event,
      arguments: request.arguments, attachments: request.attachments)
    let response = await delegate.remoteRequest(
      .broadcastWithAcknowledgement(emission) { [weak self] argument, attachments in
        self?.respond(request, .acknowledgement(argument, attachments: attachments), names)
      })
    if case .count(let count) = response { respond(request, .clientCount(count), names) }
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
    let answers = await ask(request, selection.namespace)
    return answers.flatMap { answer in
      if case .sockets(let sockets) = answer.content { return sockets.map { RemoteSocket($0) } }
      return []
    }
  }

  /// Rooms of all other servers.
  func remoteRooms(namespace: String) async -> Set<String> {
    let answers = await ask(AdapterRequest(kind: .allRooms), namespace)
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
    return data.post(RedisCommand("PUBLISH", .text(names.requests), .bytes(wire.encoded())))
  }

  private static let questionsMax = 256

  private func ask(_ request: AdapterRequest, _ namespace: String) async -> [AdapterResponse] {
    guard let count = await serverCount(namespace: namespace), count > 1, let data = shared.withLock({ $0.data }) else {
      return []
    }
    var request = request
    request.uid = options.node
    let requestID = NodeID.random().rawValue + NodeID.random().rawValue
    request.requestID = requestID
    let (answers, sink) = AsyncStream<AdapterResponse>.makeStream(bufferingPolicy: .bufferingOldest(count))
    guard
      questions.withLock({ questions in
        guard questions.count < Self.questionsMax else { return false }
        questions[requestID] = sink
        return true
      })
    else { return [] }
    defer { _ = questions.withLock { $0.removeValue(forKey: requestID) } }
    let names = RedisAdapterChannels(key: options.socketIOKey, namespace: namespace)
    guard data.post(RedisCommand("PUBLISH", .text(names.requests), .bytes(request.encoded()))) else { return [] }
    return await withTaskGroup(of: Void.self) { group in
      group.addTask {
        // Cancelled when all have answered.
        try? await Task.sleep(for: self.options.requestDeadline)
        sink.finish()
      }
      var heard: [AdapterResponse] = []
      for await answer in answers {
        heard.append(answer)
        if heard.count == count - 1 { break }
      }
      group.cancelAll()
      return heard
    }
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
