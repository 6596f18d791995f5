import API
import Access
import Base
import ControlPlane
import ServiceLifecycle
import Synchronization
import Testing

struct EventStreamTests {
  private func open(_ node: TestNode, _ query: String = "") async throws -> RawClient {
    let client = try RawClient(port: node.port)
    await client.send("GET /v1/events\(query) HTTP/1.1\r\nHost: localhost\r\n\r\n")
    let head = try await client.read(until: "\r\n\r\n")
    #expect(head.contains("text/event-stream"))
    _ = try await client.read(until: ": signalbox events\n\n")
    return client
  }

  @Test func anEventArrivesWithItsKindNumberAndData() async throws {
    try await TestNode.run { node async throws in
      let client = try await open(node)
      try await TestNode.until { node.plane.bus.listenerCount == 1 }
      node.plane.bus.publish(
        Event(timeMilliseconds: 5, body: .benchProgress(BenchProgress(suite: "s", workload: "w", fraction: 0.5))))
      let text = try await client.read(until: "\n\n")
      #expect(text.contains("id: 1\nevent: bench-progress\ndata: {"))
      #expect(
        text.contains(
          "{\"data\":{\"fraction\":0.5,\"suite\":\"s\",\"workload\":\"w\"},\"kind\":\"bench-progress\","
            + "\"timeMilliseconds\":5}"))
    }
  }

  @Test func onlyTheKindsAskedForArrive() async throws {
    try await TestNode.run { node async throws in
      let client = try await open(node, "?kind=draining,health&kind=stopping")
      try await TestNode.until { node.plane.bus.listenerCount == 1 }
      for body in [Event.Body.projectsChanged, .health(Health(components: [])), .projectsChanged, .stopping] {
        node.plane.bus.publish(Event(timeMilliseconds: 1, body: body))
      }
      #expect(try await client.read(until: "\n\n").contains("event: health"))
      _ = try await client.read(until: "event: ")
      #expect(try await client.read(until: "\n") == "stopping\n")
    }
  }

  @Test func anUnknownKindIsRefusedWithTheKnownOnes() async throws {
    try await TestNode.run { node async throws in
      let answer = try await node.ask("GET", "/v1/events?kind=health,nonsense")
      #expect(answer.status == 400)
      #expect(answer.body.contains("bench-progress"))
    }
  }

  @Test func aGracefulStopEndsStreamsAndIdleConnections() async throws {
    var settings = APISettings(port: 0)
    settings.shutdownTimeout = .seconds(600)
    try await TestNode.run(settings) { node async throws in
      let stream = try await open(node)
      let idle = try RawClient(port: node.port)
      await idle.send("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
      #expect(try await idle.answer().status == 200)
      await node.group.triggerGracefulShutdown()
      #expect(try await stream.readToEnd().hasSuffix("0\r\n\r\n"))
      #expect(try await idle.readToEnd().isEmpty)
    }
  }

  @Test func aStopCutsWhoDoesNotEnd() async throws {
    var settings = APISettings(port: 0)
    settings.shutdownTimeout = .milliseconds(200)
    try await TestNode.run(settings) { node async throws in
      node.plane.benchTime.withLock { $0 = .seconds(600) }
      let stuck = try RawClient(port: node.port)
      await stuck.send(
        "POST /v1/bench HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
      try await TestNode.until { node.plane.benchRuns.withLock { !$0.isEmpty } }
      await node.group.triggerGracefulShutdown()
      _ = try await stuck.readToEnd()
    }
  }

  @Test func aClientThatIsGoneFreesItsStream() async throws {
    var settings = APISettings(port: 0)
    // Not noticed by a write that fails, but at once.
    settings.eventKeepAlive = .seconds(600)
    try await TestNode.run(settings) { node async throws in
      do {
        let client = try await open(node)
        try await TestNode.until { node.plane.bus.listenerCount == 1 }
        client.shutdownSending()
      }
      try await TestNode.until { node.statistics.eventStreams == 0 && node.plane.bus.listenerCount == 0 }
    }
  }

  @Test func anIdleStreamCarriesComments() async throws {
    var settings = APISettings(port: 0)
    settings.eventKeepAlive = .milliseconds(50)
    try await TestNode.run(settings) { node async throws in
      let client = try await open(node)
      _ = try await client.read(until: ": keep-alive\n\n")
      _ = try await client.read(until: ": keep-alive\n\n")
    }
  }

  @Test func oneStreamTooManyIs429() async throws {
    var settings = APISettings(port: 0)
    settings.eventStreamsMax = 2
    try await TestNode.run(settings) { node async throws in
      let first = try await open(node)
      let second = try await open(node)
      let answer = try await node.ask("GET", "/v1/events")
      #expect(answer.status == 429)
      withExtendedLifetime((first, second)) {}
    }
  }

  @Test func aClientThatNeverReadsIsCutAndHoldsUpNobody() async throws {
    var settings = APISettings(port: 0)
    settings.writeTimeout = .milliseconds(300)
    try await TestNode.run(settings) { node async throws in
      let client = try RawClient(port: node.port, receiveBuffer: 4_096)
      await client.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
      try await TestNode.until { node.plane.bus.listenerCount == 1 }
      let long = String(repeating: "x", count: 64 << 10)
      let end = ContinuousClock.now + .seconds(20)
      while node.statistics.eventStreams > 0, ContinuousClock.now < end {
        let record = LogRecord(timeMilliseconds: 1, level: .info, label: "l", message: long)
        for _ in 0..<20 { node.plane.bus.publish(Event(timeMilliseconds: 1, body: .log(record))) }
        #expect(try await node.ask("GET", "/health").status == 200)
      }
      #expect(node.statistics.eventStreams == 0)
      withExtendedLifetime(client) {}
    }
  }
}
