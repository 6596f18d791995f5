internal import Base
internal import ControlPlane
internal import Logging

/// Answers the requests of one greeted client through its door.
struct SessionDoor: Sendable {
  let session: ControlSession
  let sink: FrameSink
  let door: any ControlPlane

  /// Starts a request. The caller owns the task it gets; nil when the request is done with already.
  func begin(_ id: UInt64, _ ask: ControlRequest) async throws -> Task<Void, Never>? {
    if case .cancel(let other) = ask {
      session.requests.cancel(other)
      return nil
    }
    session.server.counters.count { $0.requests += 1 }
    guard id != 0, !session.requests.contains(id) else {
      throw ControlSession.End.refuse(Failure(.invalid, "a control request needs an id of its own"), isMalformed: true)
    }
    if session.server.registry.isDraining {
      try await sink.send(.response(id: id, result: .failure(ControlSession.stopping)))
      return nil
    }
    switch ask {
    case .ping, .cancel:
      try await sink.send(.response(id: id, result: .pong))
      return nil
    case .subscribe:
      return try await beginSubscription(id)
    case .snapshot, .ask, .perform:
      await session.requests.waitForPlace()
      let task = Task { await respond(id, ask) }
      session.requests.add(id, task, isSubscription: false)
      return task
    }
  }

  /// A message whose form is right and whose verb is not known here: a newer client. Anything else ends the connection.
  func answerUnknown(_ payload: [UInt8]) async throws {
    guard let id = WireCodec.decode(UnknownRequest.self, payload)?.request.id else {
      throw ControlSession.End.refuse(Failure(.invalid, "a control message that is not understood"), isMalformed: true)
    }
    let failure = Failure(
      .invalid, "node version \(session.server.welcome().version) does not know this request",
      hint: "use the same release of signalbox on both sides")
    try await sink.send(.response(id: id, result: .failure(failure)))
  }

  private func beginSubscription(_ id: UInt64) async throws -> Task<Void, Never>? {
    let limit = session.server.configuration.subscriptionsMax
    guard session.requests.subscriptions < limit else {
      let failure = Failure(.limit, "a control client may have \(limit) event streams")
      try await sink.send(.response(id: id, result: .failure(failure)))
      return nil
    }
    let events = door.events()
    let task = Task { await forward(events, id) }
    session.requests.add(id, task, isSubscription: true)
    return task
  }

  private func respond(_ id: UInt64, _ ask: ControlRequest) async {
    let result = await self.result(of: ask)
    // A connection that is gone has nobody to answer; the reader sees its end too.
    try? await sink.sendLast(.response(id: id, result: result))
  }

  private func result(of ask: ControlRequest) async -> ControlResponse {
    do throws(Failure) {
      switch ask {
      case .snapshot: return .snapshot(try await door.snapshot())
      case .ask(let query): return .answer(try await door.ask(query))
      case .perform(let command): return .outcome(try await door.perform(command))
      case .subscribe, .cancel, .ping: return .pong
      }
    } catch {
      return .failure(error)
    }
  }

  /// The node's side never waits: the ring takes every event, and only the writing half waits for the client.
  private func forward(_ events: AsyncStream<Event>, _ id: UInt64) async {
    let ring = EventRing(capacity: session.server.configuration.eventsMax)
    await withDiscardingTaskGroup { group in
      group.addTask {
        for await event in events { ring.append(event) }
        ring.finish()
      }
      do {
        try await sink.send(.response(id: id, result: .subscribed))
        while let event = await ring.next() {
          if case .dropped(let count) = event.body {
            session.server.counters.count { $0.eventsDropped += count }
          }
          try await sink.send(.event(id: id, event: event))
        }
        try await sink.sendLast(.response(id: id, result: .unsubscribed))
      } catch {
        // The connection is gone: the group's end ends the subscription.
        session.server.logger.trace("control subscription ended", metadata: ["reason": "\(error)"])
      }
      group.cancelAll()
    }
  }
}
