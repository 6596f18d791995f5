import Testing

@testable import Gateway

/// The points of the public Engine.IO 4 and Socket.IO 5 suites, on real sockets.
@Suite struct GatewayConformanceTests {
  static let paths = ["/engine.io/", "/socket.io/"]

  @Test(arguments: paths, ["", "?transport=polling", "?EIO=4", "?EIO=3&transport=polling", "?EIO=4&transport=abc"])
  func aWrongQueryIsRefused(_ path: String, _ query: String) async throws {
    try await TestGateway.withConformance { _, port in
      let client = try #require(SocketClient(port: port))
      #expect(client.request("GET", path + query)?.status == 400)
      let other = try #require(SocketClient(port: port))
      #expect(other.upgrade(path + query.replacing("polling", with: "websocket"))?.status != 101)
    }
  }

  @Test(arguments: paths) func aHandshakeTellsWhatItOffers(_ path: String) async throws {
    try await TestGateway.withConformance { _, port in
      let client = try #require(SocketClient(port: port))
      let polled = try #require(client.request("GET", path + "?EIO=4&transport=polling"))
      #expect(polled.status == 200)
      #expect(polled.body.hasPrefix("0{\"sid\":\"") && polled.body.contains("\"upgrades\":[\"websocket\"]"))
      let other = try #require(SocketClient(port: port))
      #expect(other.upgrade(path + "?EIO=4&transport=websocket")?.status == 101)
      #expect(other.text()?.contains("\"upgrades\":[]") == true)
      #expect(client.request("POST", path + "?EIO=4&transport=polling")?.status == 400)
      #expect(client.request("PUT", path + "?EIO=4&transport=polling")?.status == 400)
    }
  }

  private func session(_ client: SocketClient, _ path: String) -> String? {
    let body = client.request("GET", path + "?EIO=4&transport=polling")?.body ?? ""
    let parts = body.split(separator: "\"")
    return parts.count > 3 ? "\(path)?EIO=4&transport=polling&sid=\(parts[3])" : nil
  }

  @Test func pollingEchoesTextAndBinaryInOneAnswer() async throws {
    try await TestGateway.withConformance { _, port in
      let client = try #require(SocketClient(port: port))
      let target = try #require(session(client, "/engine.io/"))
      #expect(client.request("POST", target, body: "4a\u{1E}4b\u{1E}bAQIDBA==")?.body == "ok")
      #expect(client.request("GET", target)?.body == "4a\u{1E}4b\u{1E}bAQIDBA==")
    }
  }

  @Test(arguments: paths, ["abc", "", "9", "4\u{1E}", "b###"])
  func whatIsNoPacketEndsTheSession(_ path: String, _ body: String) async throws {
    try await TestGateway.withConformance { _, port in
      let client = try #require(SocketClient(port: port))
      let target = try #require(session(client, path))
      #expect(client.request("POST", target, body: body)?.status == 400)
      #expect(client.request("GET", target)?.status == 400)
    }
  }

  @Test(arguments: paths) func twoGetsAtOnceEndTheSession(_ path: String) async throws {
    try await TestGateway.withConformance { _, port in
      let client = try #require(SocketClient(port: port))
      let other = try #require(SocketClient(port: port))
      let target = try #require(session(client, path))
      client.write("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n")
      // Both are on their way; whichever comes second is the one refused.
      let second = other.request("GET", target)
      let first = client.response()
      #expect(Set([first?.status, second?.status]) == [200, 400])
      #expect(client.request("GET", target)?.status == 400)
    }
  }

  @Test(arguments: paths) func aCloseIsAnsweredWithANoop(_ path: String) async throws {
    try await TestGateway.withConformance { _, port in
      let client = try #require(SocketClient(port: port))
      let other = try #require(SocketClient(port: port))
      let target = try #require(session(client, path))
      #expect(other.request("POST", target, body: "1")?.body == "ok")
      #expect(client.request("GET", target)?.status == 400)
    }
  }

  @Test(arguments: paths) func aSessionMovesToAWebSocketOnce(_ path: String) async throws {
    try await TestGateway.withConformance { _, port in
      let client = try #require(SocketClient(port: port))
      let target = try #require(session(client, path))
      let socket = try #require(SocketClient(port: port))
      let upgrade = target.replacing("polling", with: "websocket")
      #expect(socket.upgrade(upgrade)?.status == 101)
      socket.send("2probe")
      #expect(socket.frame()?.text == "3probe")
      #expect(client.request("GET", target)?.body == "6")
      socket.send("5")
      socket.send(path == "/engine.io/" ? "4hello" : "40")
      let answer = socket.text()
      #expect(path == "/engine.io/" ? answer == "4hello" : answer?.hasPrefix("40{\"sid\":") == true)
      #expect(client.request("GET", target)?.status == 400)
      let late = try #require(SocketClient(port: port))
      #expect(late.upgrade(upgrade)?.status == 101)
      #expect(late.closeCode() != nil)
    }
  }

  /// Row: what a client sends after CONNECT, and what it gets.
  @Test(arguments: [
    ("42[\"message\",1,\"2\",{\"3\":[true]}]", "42[\"message-back\",1,\"2\",{\"3\":[true]}]"),
    ("42456[\"message-with-ack\",1,\"2\",{\"3\":[false]}]", "43456[1,\"2\",{\"3\":[false]}]"),
    ("40/custom", "40/custom,{\"sid\":"), ("40/custom,", "40/custom,{\"sid\":"),
    ("40/random", "44/random,{\"message\":\"Invalid namespace\"}"),
  ])
  func packetsAreAnswered(_ sent: String, _ expected: String) async throws {
    try await TestGateway.withConformance { _, port in
      let (client, greeting) = try #require(SocketClient.socket(port: port, auth: "{\"token\":\"123\"}"))
      #expect(greeting.hasPrefix("40{\"sid\":\"") && !greeting.contains("pid"))
      #expect(client.text() == "42[\"auth\",{\"token\":\"123\"}]")
      client.send(sent)
      #expect(client.text()?.hasPrefix(expected) == true)
    }
  }

  @Test func attachmentsComeBackBehindTheirPacket() async throws {
    try await TestGateway.withConformance { _, port in
      let (client, _) = try #require(SocketClient.socket(port: port))
      _ = client.text()
      client.send("452-789[\"message-with-ack\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]")
      client.send(frame: 2, [1, 2, 3])
      client.send(frame: 2, [4, 5])
      #expect(client.text() == "462-789[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]")
      #expect(client.frame()?.payload == [1, 2, 3])
      #expect(client.frame()?.payload == [4, 5])
    }
  }

  @Test(arguments: ["4abc", "42{}", "42abc[\"message\"]", "42{", "40", "2", "0", "42[\"connect\"]", "x"])
  func whatIsMalformedClosesTheSocket(_ sent: String) async throws {
    try await TestGateway.withConformance { _, port in
      let (client, _) = try #require(SocketClient.socket(port: port))
      client.send(sent)
      #expect(client.closeCode() == 1002)
    }
  }

  /// Opened, and no namespace joined in time: closed on both transports. Whoever joined one may stay without.
  @Test func whoConnectsToNoNamespaceIsClosed() async throws {
    let server = try await Conformance.server(port: 0, logger: TestGateway.quiet) {
      $0.connectTimeout = .milliseconds(500)
      $0.pingInterval = .seconds(20)
    }
    try await TestGateway.serve(server) { _, port in
      let idle = try #require(SocketClient(port: port))
      #expect(idle.upgrade("/socket.io/?EIO=4&transport=websocket")?.status == 101)
      let (joined, _) = try #require(SocketClient.socket(port: port))
      #expect(joined.text()?.hasPrefix("42[\"auth\"") == true)
      joined.send("41")
      #expect(idle.text()?.hasPrefix("0{") == true)
      #expect(idle.closeCode() == 1001)
      let polling = try #require(SocketClient(port: port))
      let opened = try #require(polling.request("GET", "/socket.io/?EIO=4&transport=polling")?.body)
      let sid = opened.split(separator: "\"")[3]
      #expect(polling.request("GET", "/socket.io/?EIO=4&transport=polling&sid=\(sid)")?.body == "1")
      joined.send("40")
      #expect(joined.text()?.hasPrefix("40{\"sid\"") == true, "longer than the timeout after it left")
    }
    #expect(GatewayOptions().connectTimeout == .seconds(45))
  }

  @Test func leavingANamespaceKeepsTheTransport() async throws {
    try await TestGateway.withConformance { _, port in
      let (client, _) = try #require(SocketClient.socket(port: port))
      _ = client.text()
      client.send("40/custom")
      _ = client.text()
      _ = client.text()
      client.send("41/custom")
      client.send("42[\"message\",\"x\"]")
      #expect(client.text() == "42[\"message-back\",\"x\"]")
    }
  }

  /// Row: bytes of a frame, and the close code they get (RFC 6455, section 7.4.1).
  @Test(
    arguments: [
      ([0xC1, 0x80, 0, 0, 0, 0], 1002), ([0x83, 0x80, 0, 0, 0, 0], 1002), ([0x81, 0x01, 0x61], 1002),
      ([0x09, 0x80, 0, 0, 0, 0], 1002), ([0x80, 0x80, 0, 0, 0, 0], 1002), ([0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007),
      ([0x82, 0xFF, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF], 1009), ([0x88, 0x81, 0, 0, 0, 0, 1], 1002),
    ] as [([UInt8], UInt16)])
  func framesAreCheckedToTheLetter(_ bytes: [UInt8], _ code: UInt16) async throws {
    try await TestGateway.withConformance { _, port in
      let client = try #require(SocketClient(port: port))
      #expect(client.upgrade("/raw")?.status == 101)
      client.write(bytes)
      #expect(client.closeCode() == code)
    }
  }

  @Test func fragmentsPingsAndLargeMessagesComeBack() async throws {
    try await TestGateway.withConformance { _, port in
      let client = try #require(SocketClient(port: port))
      #expect(client.upgrade("/raw")?.status == 101)
      client.send(frame: 1, Array("ab".utf8), isFinal: false)
      client.send(frame: 9, Array("p".utf8))
      client.send(frame: 0, Array("cd".utf8))
      #expect(client.frame() == .init(opcode: 10, payload: Array("p".utf8)))
      #expect(client.frame()?.text == "abcd")
      let large = [UInt8](repeating: 7, count: 3 << 20)
      client.send(frame: 2, large)
      #expect(client.frame()?.payload == large)
      client.send(frame: 8, [0x0F, 0xA0])
      #expect(client.closeCode() == 4000)
      #expect(client.isClosed())
    }
  }
}
