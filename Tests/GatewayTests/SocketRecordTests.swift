import Access
import Base
import ControlPlane
import Glibc
import TestKit
import Testing

@testable import Gateway

/// What the node's faces are told of single sockets, on real ones.
@Suite struct SocketRecordTests {
  private static func id(_ greeting: String) -> String { String(greeting.split(separator: "\"")[3]) }

  @Test func ratesAreOfTheLastSecondsAndNotOfALife() async throws {
    try await TestGateway.withServer { server, port in
      let (client, greeting) = try #require(SocketClient.socket(port: port))
      let sid = Self.id(greeting)
      for number in 0..<200 {
        client.send("42\(number)[\"echo\",1]")
        #expect(client.text() == "43\(number)[1]")
      }
      let busy = try #require(await server.socket(sid))
      #expect(busy.eventsIn == 200 && busy.eventsOut == 200)
      // It says nothing more, so that soon nothing is left of what it said: an average of its life would take hours.
      #expect(
        await eventually {
          guard let record = await server.sockets().first else { return false }
          return record.inPerSecond == 0 && record.outPerSecond == 0
        })
      var number = 200
      #expect(
        await eventually {
          for _ in 0..<10 {
            client.send("42\(number)[\"echo\",1]")
            _ = client.text()
            number += 1
          }
          guard let record = await server.sockets().first else { return false }
          return record.inPerSecond > 1 && record.outPerSecond > 1
        })
    }
  }

  /// Else a list in the order of age would shuffle at every look.
  @Test func aSocketBeganAtOneTimeHoweverOftenOneAsks() async throws {
    try await TestGateway.withServer { server, port in
      let (client, greeting) = try #require(SocketClient.socket(port: port))
      let first = try #require(await server.socket(Self.id(greeting))).socket.connectedAt
      #expect(abs(first - SystemWallClock().nowMilliseconds()) < 60_000)
      for number in 0..<50 {
        client.send("42\(number)[\"echo\",1]")
        _ = client.text()
        #expect(await server.sockets().map(\.connectedAt) == [first])
      }
    }
  }

  /// Else a console would show a table without them, and refuse to kick the one that makes its loop busy.
  @Test func aLoopThatIsBusyIsWaitedForAndItsSocketsAreInTheList() async throws {
    try await TestGateway.withServer { server, port in
      let (client, greeting) = try #require(SocketClient.socket(port: port))
      for seat in server.seats { #expect(seat.mailbox.post(.work { _ in usleep(600_000) })) }
      let sockets = await server.sockets()
      #expect(sockets.map(\.id) == [Self.id(greeting)])
      for seat in server.seats { #expect(seat.mailbox.post(.work { _ in usleep(600_000) })) }
      #expect(await server.kick(Self.id(greeting), reason: "asked for"))
      #expect(client.text() == "41")
    }
  }

  @Test func heartbeatsAreNoEvents() async throws {
    try await TestGateway.withServer(change: { $0.pingInterval = .milliseconds(20) }) { server, port in
      let (client, greeting) = try #require(SocketClient.socket(port: port))
      for _ in 0..<3 {
        #expect(client.frame()?.text == "2")
        client.send("3")
      }
      client.send("421[\"echo\",1]")
      #expect(client.text() == "431[1]")
      let detail = try #require(await server.socket(Self.id(greeting)))
      #expect(detail.eventsIn == 1 && detail.eventsOut == 1)
      func eventsIn() -> UInt64 { server.seats.reduce(0) { $0 + $1.current.eventsIn } }
      #expect(await eventually { eventsIn() > 0 })
      #expect(eventsIn() == 1)
    }
  }

  @Test func theLastEventsOfASocketSomebodyLooksAtAreShown() async throws {
    try await TestGateway.withServer { server, port in
      let (client, greeting) = try #require(SocketClient.socket(port: port))
      let (other, unseen) = try #require(SocketClient.socket(port: port))
      let sid = Self.id(greeting)
      client.send("421[\"subscribe-task\",\"t\"]")
      _ = client.text()
      #expect(await server.socket(sid)?.recent == [])
      client.send("422[\"echo\",\"abc\"]")
      #expect(client.text() == "432[\"abc\"]")
      server.publish(room: "task:t", event: "note", json: "7")
      let note = try #require(client.text())
      let recent = try #require(await server.socket(sid)).recent
      #expect(recent.map(\.event) == ["note", "ack", "echo"])
      #expect(recent.map(\.direction) == [.out, .out, .in])
      #expect(recent.map(\.room) == ["task:t", nil, nil])
      #expect(recent.first?.bytes == note.utf8.count)
      for number in 0..<30 { server.publish(room: "task:t", event: "n\(number)", json: nil) }
      for _ in 0..<30 { _ = client.text() }
      let later = try #require(await server.socket(sid)).recent
      #expect(later.map(\.event) == (10..<30).reversed().map { "n\($0)" })
      other.send("421[\"echo\",1]")
      _ = other.text()
      #expect(await server.socket(Self.id(unseen))?.recent == [])
    }
  }

  @Test func rawSocketsAndPollingOnesShowTheirEventsToo() async throws {
    try await TestGateway.withServer { server, port in
      let raw = try #require(SocketClient(port: port))
      #expect(raw.upgrade("/ws")?.status == 101)
      raw.send("{\"event\":\"subscribe-task\",\"data\":\"t\",\"id\":1}")
      _ = raw.text()
      let sid = try #require(await server.sockets().first).id
      _ = await server.socket(sid)
      server.publish(room: "task:t", event: "note", json: "7")
      let note = try #require(raw.text())
      raw.send("{\"event\":\"echo\",\"data\":5,\"id\":2}")
      _ = raw.text()
      let recent = try #require(await server.socket(sid)).recent
      #expect(recent.map(\.event) == ["echo", "echo", "note"])
      #expect(recent.map(\.direction) == [.out, .in, .out])
      #expect((recent.last?.bytes ?? 0) >= note.utf8.count)
    }
  }

  @Test(arguments: [
    ("127.0.0.0/8", "203.0.113.7", "203.0.113.7"), ("127.0.0.0/8", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
    ("10.0.0.0/8", "203.0.113.7", "127.0.0.1"), ("", "203.0.113.7", "127.0.0.1"),
  ])
  func theAddressIsTheClientsBehindTrustedProxies(_ proxies: String, _ header: String, _ shown: String) async throws {
    let secret = Secret(GatewayProductTests.secret)
    let access = AccessSettings(
      jwtSecret: secret, trustedProxies: proxies.isEmpty ? [] : try CIDR.list(proxies))
    try await TestGateway.withServer(access: access) { server, port in
      let token = try await GatewayProductTests().token()
      let (client, greeting) = try #require(
        SocketClient.socket(
          port: port, auth: "{\"token\":\"\(token)\"}", headers: ["X-Forwarded-For: \(header)"]))
      let detail = try #require(await server.socket(Self.id(greeting)))
      #expect(detail.socket.address == shown)
      client.send("421[\"echo\",1]")
      #expect(client.text() == "431[1]")
    }
  }
}

/// The same without a gateway, where time is the test's.
@Suite struct SocketFigureTests {
  private static let second: UInt64 = 1_000_000_000

  private func count(_ events: UInt32, generation: UInt32 = 1) -> RateMarks.Count {
    RateMarks.Count(generation: generation, input: events, output: 2 * events)
  }

  @Test func aRateCoversOneToTwoSecondsHoweverOftenItIsAskedFor() {
    var marks = RateMarks()
    var events: UInt32 = 0
    // Ten events a second, then a hundred: two seconds later nothing of the ten is left.
    for tick in UInt64(1)...60 {
      events += tick <= 30 ? 1 : 10
      let now = tick * Self.second / 10
      marks.look(now: now) { [count(events)] }
      guard tick > 10, tick <= 30 || tick > 51 else { continue }
      let rates = marks.rates(0, count(events), connectedAt: 0, now: now)
      #expect(abs(rates.input - (tick <= 30 ? 10 : 100)) < 0.001 && abs(rates.output - 2 * rates.input) < 0.001)
    }
  }

  @Test func aFirstLookIsNotReadyAndALongPauseBeginsAnew() {
    var marks = RateMarks()
    #expect(!marks.isReady(now: Self.second))
    marks.look(now: Self.second) { [count(5)] }
    #expect(!marks.isReady(now: Self.second + RateMarks.ageMin - 1))
    #expect(marks.isReady(now: Self.second + RateMarks.ageMin))
    let late = Self.second + RateMarks.ageMax + 1
    #expect(!marks.isReady(now: late))
    marks.look(now: late) { [count(1_000)] }
    let rates = marks.rates(0, count(1_001), connectedAt: 0, now: late + Self.second)
    #expect(rates.input == 1)
  }

  @Test func aSessionInAnothersPlaceCountsFromItsBeginning() {
    var marks = RateMarks()
    marks.look(now: Self.second) { [count(1_000)] }
    let now = 3 * Self.second
    let rates = marks.rates(0, count(4, generation: 2), connectedAt: Self.second, now: now)
    #expect(rates.input == 2 && rates.output == 4)
    #expect(marks.rates(7, count(4), connectedAt: now, now: now).input == 4)
  }

  @Test func aWatchEndsTenSecondsAfterTheLastLook() {
    var watches = EventWatches()
    let event = EventWatches.Activity(timeMilliseconds: 1, direction: .in, event: "e", bytes: 1)
    #expect(watches.look(3, generation: 1, now: 0).isEmpty)
    watches.record(3, event)
    #expect(watches.look(3, generation: 1, now: 9 * Self.second) == [event])
    watches.prune(now: 18 * Self.second)
    #expect(watches.isWatched(3, generation: 1) && !watches.isWatched(3, generation: 2))
    watches.prune(now: 19 * Self.second)
    #expect(watches.isEmpty)
    watches.record(3, event)
    #expect(watches.look(3, generation: 1, now: 20 * Self.second).isEmpty)
    // Another session in its place begins with nothing.
    watches.record(3, event)
    #expect(watches.look(3, generation: 2, now: 20 * Self.second).isEmpty)
  }

  @Test func watchesAreBounded() {
    var watches = EventWatches()
    for slot in 0..<Int32(EventWatches.watchesMax + 10) { _ = watches.look(slot, generation: 1, now: 0) }
    let watched = (0..<Int32(EventWatches.watchesMax + 10)).count { watches.isWatched($0, generation: 1) }
    #expect(watched == EventWatches.watchesMax)
  }
}
