import Base
import ControlPlane
import TestKit
import Testing

@testable import Gateway

/// Clients that are slow, broken or malicious cost the node something bounded, and the others nothing.
@Suite(.serialized) struct GatewayHostileClientTests {
  @Test(arguments: [
    "\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
    "GET /socket.io/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET /socket.io/ HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
  ])
  func whatIsNoRequestIsRefused(_ bytes: String) async throws {
    try await TestGateway.withServer { server, port in
      let client = try #require(SocketClient(port: port))
      client.write(bytes)
      #expect(client.response()?.status == 400)
      #expect(SocketClient.socket(port: port) != nil)
    }
  }

  /// Row: a header of the opening handshake that is replaced, and the answer.
  @Test(arguments: [
    ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8", 426),
    ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Key: short", 400),
    ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "X: y", 400), ("Upgrade: websocket", "Upgrade: other", 426),
  ])
  func aWrongOpeningHandshakeIsRefused(_ header: String, _ other: String, _ status: Int) async throws {
    try await TestGateway.withServer { _, port in
      let client = try #require(SocketClient(port: port))
      let headers = SocketClient.upgradeHeaders.map { $0 == header ? other : $0 }
      #expect(client.request("GET", "/ws", headers: headers)?.status == status)
    }
  }

  @Test func aHeadThatDripsIsCutOff() async throws {
    try await TestGateway.withServer(change: { $0.headerDeadline = .milliseconds(300) }) { server, port in
      let client = try #require(SocketClient(port: port))
      client.write("GET /health HTTP/1.1\r\n")
      #expect(client.isClosed())
      #expect(await eventually { server.admission.openCount == 0 && server.admission.halfOpenCount == 0 })
    }
  }

  @Test func aBodyBeyondTheLimitIsRefused() async throws {
    try await TestGateway.withServer(change: { $0.payloadBytesMax = 1_000 }) { _, port in
      let client = try #require(SocketClient(port: port))
      client.write(
        "POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n")
      #expect(client.response()?.status == 413)
    }
  }

  @Test func aStormOfHalfOpenConnectionsLeavesNothing() async throws {
    try await TestGateway.withServer(change: {
      $0.halfOpenMax = 200
      $0.headerDeadline = .milliseconds(500)
    }) { server, port in
      var storm: [SocketClient] = []
      for _ in 0..<400 { if let client = SocketClient(port: port) { storm.append(client) } }
      #expect(await eventually { server.snapshot().refused >= 100 })
      #expect(await eventually { server.admission.openCount == 0 })
      storm = []
      let client = try #require(SocketClient(port: port))
      #expect(client.request("GET", "/health")?.status == 200)
    }
  }

  @Test func connectionsComeAndGoWithoutATrace() async throws {
    try await TestGateway.withServer { server, port in
      for _ in 0..<50 {
        let (client, _) = try #require(SocketClient.socket(port: port))
        client.send("421[\"subscribe-task\",\"t\"]")
        #expect(client.text() == "431[{\"ok\":true}]")
      }
      #expect(await eventually { server.admission.openCount == 0 })
      #expect(server.audience("task:t") == 0)
      #expect(server.context.sequencer.roomCount == 0)
      #expect(server.users.count == 0)
    }
  }

  @Test func theHouseIsFull() async throws {
    try await TestGateway.withServer(change: { $0.connectionsMax = 3 }) { server, port in
      var inside: [SocketClient] = []
      for _ in 0..<3 { inside.append(try #require(SocketClient.socket(port: port)?.client)) }
      let late = try #require(SocketClient(port: port))
      let answer = late.request("GET", "/socket.io/?EIO=4&transport=polling")
      #expect(answer?.status == 503)
      #expect(answer?.head.contains("Retry-After: ") == true)
      inside.removeLast()
      #expect(await eventually { server.admission.openCount <= 2 })
      #expect(SocketClient.socket(port: port) != nil)
    }
  }

  /// Row: the policy, and whether the client that never reads is still there.
  @Test(arguments: [(GatewayOptions.SlowPolicy.dropOldest, true), (.disconnect, false)])
  func aClientThatNeverReadsHasABoundedQueue(_ policy: GatewayOptions.SlowPolicy, _ stays: Bool) async throws {
    try await TestGateway.withServer(change: {
      $0.slowPolicy = policy
      $0.queueBytesMax = 256 << 10
    }) { server, port in
      let stalled = try #require(SocketClient(port: port, receiveBuffer: 4_096))
      #expect(stalled.upgrade("/ws")?.status == 101)
      stalled.send("{\"event\":\"subscribe-task\",\"data\":\"t\",\"id\":1}")
      _ = stalled.text()
      let (healthy, _) = try #require(SocketClient.socket(port: port))
      healthy.send("421[\"subscribe-task\",\"t\"]")
      _ = healthy.text()
      let payload = "\"" + String(repeating: "x", count: 60_000) + "\""
      for number in 0..<400 {
        server.publish(room: "task:t", event: "n\(number)", json: payload)
        #expect(healthy.text()?.hasPrefix("42[\"n\(number)\",") == true)
      }
      #expect(await eventually { stays ? server.snapshot().dropped > 0 : server.snapshot().cut == 1 })
      #expect(server.snapshot().queuedBytes <= 1 << 20)
      #expect(await eventually { server.audience("task:t") == (stays ? 2 : 1) })
    }
  }

  @Test func aKickedSocketIsToldAndGone() async throws {
    try await TestGateway.withServer { server, port in
      let (client, greeting) = try #require(SocketClient.socket(port: port, auth: "{\"agent\":\"a7\"}"))
      let sid = String(greeting.split(separator: "\"")[3])
      let record = try #require(await server.sockets().first { $0.id == sid })
      #expect(record.user == "a7" && !record.isVerified && record.transport == .websocket)
      #expect(await server.socket(sid)?.socket.id == sid)
      #expect(await server.kick(sid, reason: "kicked by an operator"))
      #expect(client.text() == "41")
      #expect(client.closeCode() == 1008)
      #expect(await server.kick(sid, reason: "again") == false)
      #expect(await server.sockets().isEmpty)
    }
  }

  @Test func aDrainSendsEverybodyAway() async throws {
    try await TestGateway.withServer { server, port in
      var clients: [SocketClient] = []
      for _ in 0..<8 { clients.append(try #require(SocketClient.socket(port: port)?.client)) }
      await server.drain(over: .milliseconds(300))
      for client in clients { #expect(client.closeCode() == 1012) }
      let late = try #require(SocketClient(port: port))
      #expect(late.request("GET", "/socket.io/?EIO=4&transport=polling")?.status == 503)
    }
  }

  @Test func compressionBombsAreRefused() async throws {
    try await TestGateway.withConformance { _, port in
      let client = try #require(SocketClient(port: port))
      let answer = client.upgrade("/raw", headers: ["Sec-WebSocket-Extensions: permessage-deflate"])
      #expect(answer?.head.contains("permessage-deflate") == true)
      var deflater = try Deflater()
      var bomb: [UInt8] = []
      let zeros = [UInt8](repeating: 0, count: 20 << 20)
      try zeros.withUnsafeBytes { try deflater.deflate($0, to: &bomb) }
      var frame: [UInt8] = [0xC2, 0xFF]
      for shift in stride(from: 56, through: 0, by: -8) { frame.append(UInt8(truncatingIfNeeded: bomb.count >> shift)) }
      client.write(frame + [0, 0, 0, 0] + bomb)
      #expect(client.closeCode() == 1009)
    }
  }
}
