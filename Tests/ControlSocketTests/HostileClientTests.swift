import Base
import ControlPlane
import Foundation
import Glibc
import Testing

@testable import ControlSocket

@Suite struct HostileClientTests {
  @Test func anotherVersionIsToldBothVersions() async throws {
    try await withServer { stage in
      let peer = try RawPeer(stage.path)
      try await peer.greet(version: 7)
      let refusal = try await peer.untilRefused()
      #expect(refusal.code == .conflict)
      #expect(refusal.message == "this node speaks control protocol 1, the client 7")
      #expect(stage.server.statistics.refused == 1)
    }
  }

  @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "\u{0}\u{0}\u{0}\u{0}", "SBX", "SBXD0000"])
  func bytesThatAreNoPreambleEndTheConnection(text: String) async throws {
    // Only the first bytes of a right preamble are waited for; what is wrong is refused at once.
    let deadline: Duration = text == "SBX" ? .milliseconds(200) : .seconds(60)
    try await withServer(change: { $0.handshakeDeadline = deadline }) { stage in
      let peer = try RawPeer(stage.path)
      try await peer.send(Array(text.utf8))
      let refusal = try await peer.untilRefused()
      #expect(refusal.code == (text == "SBX" ? .timeout : .invalid))
      try await eventually("it is counted") { stage.server.statistics.malformed == 1 }
    }
  }

  @Test func silenceEndsAtTheHandshakeDeadline() async throws {
    try await withServer(change: { $0.handshakeDeadline = .milliseconds(50) }) { stage in
      let refusal = try await RawPeer(stage.path).untilRefused()
      #expect(refusal == Failure(.timeout, "no hello came within 50 ms"))
    }
  }

  @Test func anOversizeFrameIsRefusedByItsHeader() async throws {
    try await withServer { stage in
      let peer = try RawPeer(stage.path)
      try await peer.greet()
      try await peer.send([0x01, 0x80, 0x00, 0x01])
      #expect(try await peer.untilRefused().code == .limit)
      #expect(stage.server.statistics.malformed == 1)
    }
  }

  @Test func aClientThatHasNotGreetedMaySendLittle() async throws {
    try await withServer { stage in
      let peer = try RawPeer(stage.path)
      try await peer.send(ControlPreamble().bytes + [0x00, 0x01, 0x00, 0x01])
      #expect(try await peer.untilRefused().code == .limit)
    }
  }

  @Test func anEndlessStreamIsCut() async throws {
    try await withServer(change: { $0.lingerDeadline = .milliseconds(200) }) { stage in
      let peer = try RawPeer(stage.path)
      try await peer.greet()
      let endless = [UInt8](repeating: 0xff, count: 65_536)
      try await eventually("the node hangs up") {
        peer.sendSome(endless)
        return peer.isEnded
      }
      try await eventually("the client is counted out") { stage.server.statistics.clients == 0 }
    }
  }

  @Test(arguments: ["{", "[]", "{\"request\":{}}", "\u{1b}[2J", "{\"hello\":null}", ""])
  func wrongJSONEndsTheConnectionWithAReason(text: String) async throws {
    try await withServer { stage in
      let peer = try RawPeer(stage.path)
      try await peer.greet()
      try await peer.send(Frame.encode(Array(text.utf8), bytesMax: 1_000))
      #expect(try await peer.untilRefused().code == .invalid)
      #expect(stage.server.statistics.malformed == 1)
      let other = try await stage.client()
      try await other.ping()
      await other.close()
    }
  }

  @Test func anUnknownVerbIsAnsweredAndTheConnectionStands() async throws {
    try await withServer { stage in
      let peer = try RawPeer(stage.path)
      try await peer.greet()
      try await peer.send(
        Frame.encode(Array("{\"request\":{\"id\":9,\"ask\":{\"tomorrow\":{}}}}".utf8), bytesMax: 1_000))
      try await peer.request(10, .ping)
      let messages = try await peer.until("both answers") { $0.contains(.response(id: 10, result: .pong)) }
      #expect(messages.count == 3)
      guard case .response(9, .failure(let failure)) = messages[1] else {
        Issue.record("no answer to the unknown verb")
        return
      }
      #expect(failure.code == .invalid)
    }
  }

  @Test func anIDThatIsInUseIsRefused() async throws {
    try await withServer { stage in
      let peer = try RawPeer(stage.path)
      try await peer.greet()
      try await peer.request(1, .perform(.drain))
      try await peer.request(1, .perform(.drain))
      #expect(try await peer.untilRefused().code == .invalid)
      try await eventually("its command is cancelled") { stage.desk.cancelled == 1 }
    }
  }

  @Test func oneMoreThanTheMostClientsIsToldSo() async throws {
    try await withServer(change: { $0.clientsMax = 2 }) { stage in
      let first = try await stage.client()
      let second = try await stage.client()
      let refusal = await failure { _ = try await stage.client() }
      #expect(refusal?.code == .limit)
      #expect(refusal?.message == "this node has its 2 control clients already")
      await first.close()
      try await eventually("there is room again") { stage.server.statistics.clients == 1 }
      let third = try await stage.client()
      try await third.ping()
      await second.close()
      await third.close()
    }
  }

  @Test func aClientThatClaimsToBeTheNodeIsRefused() async throws {
    try await withServer { stage in
      let refusal = await failure {
        _ = try await stage.client(ControlHello(version: "1", operatorLabel: "x", origin: .node))
      }
      #expect(refusal?.code == .invalid)
    }
  }

  /// The file mode is opened by hand, as an operator might: the kernel's word about the peer still decides.
  @Test func aPeerOfAnotherUserIsDenied() async throws {
    let isRoot = geteuid() == 0
    try await withServer(change: { if !isRoot { $0.nodeUser = geteuid() + 1 } }) { stage in
      try #require(chmod(stage.folder, 0o755) == 0 && chmod(stage.path, 0o666) == 0)
      let refusal: Failure
      if isRoot {
        refusal = try await refusalOfAnotherUser(stage.path)
      } else {
        let peer = try RawPeer(stage.path)
        try await peer.greet()
        refusal = try await peer.untilRefused()
      }
      #expect(refusal.code == .denied)
      #expect(refusal.message == "user \(isRoot ? 65_534 : geteuid()) may not use this control socket")
      #expect(stage.server.statistics.refused == 1)
      #expect(stage.desk.callers.isEmpty)
    }
  }

  /// Root cannot be refused, so a real process gives its rights up first.
  private func refusalOfAnotherUser(_ path: String) async throws -> Failure {
    let greeting = ControlPreamble().bytes + (try WireCodec.frame(.hello(Stage.hello) as ClientMessage))
    let child = Process()
    child.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    child.arguments = [
      "python3", "-c",
      """
      import os, socket, sys
      os.setgid(65534); os.setuid(65534)
      peer = socket.socket(socket.AF_UNIX)
      peer.connect(sys.argv[1])
      peer.sendall(bytes.fromhex(sys.argv[2]))
      while data := peer.recv(65536): sys.stdout.buffer.write(data)
      """, path, Digest.hex(greeting),
    ]
    let pipe = Pipe()
    child.standardOutput = pipe
    try child.run()
    try await eventually("the other user's process ends") { !child.isRunning }
    var reader = FrameReader(bytesMax: Frame.serverBytesMax)
    reader.append(Array(pipe.fileHandleForReading.readDataToEndOfFile()))
    _ = try reader.preamble()
    guard let payload = try reader.next(),
      case .refused(let failure) = WireCodec.decode(ServerMessage.self, payload)
    else { throw Failure(.notFound, "no refusal") }
    return failure
  }

  @Test func moreStreamsThanAllowedAreRefused() async throws {
    try await withServer(change: { $0.subscriptionsMax = 2 }) { stage in
      let peer = try RawPeer(stage.path)
      try await peer.greet()
      for id in 1...3 as ClosedRange<UInt64> { try await peer.request(id, .subscribe) }
      let messages = try await peer.until("three answers") { $0.count == 4 }
      let failures = messages.compactMap { message -> Failure? in
        if case .response(3, .failure(let failure)) = message { return failure }
        return nil
      }
      #expect(failures.map(\.code) == [.limit])
      try await peer.request(4, .cancel(id: 1))
      _ = try await peer.until("the end of the first") { $0.contains(.response(id: 1, result: .unsubscribed)) }
      try await eventually("the node lets go of it") { stage.desk.bus.listenerCount == 1 }
    }
  }

  /// Valid conversations with bytes changed, cut and repeated, from a fixed seed. The node must stay well and answer
  /// the next honest client.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func fuzzedConversationsLeaveTheNodeWell(seed: UInt64) async throws {
    var random = SplitMix(state: seed)
    try await withServer(change: {
      $0.handshakeDeadline = .seconds(3)
      $0.lingerDeadline = .milliseconds(20)
    }) { stage in
      var honest = ControlPreamble().bytes + (try WireCodec.frame(.hello(Stage.hello) as ClientMessage))
      for id in 1...4 as ClosedRange<UInt64> {
        honest += try WireCodec.frame(ClientMessage.request(id: id, ask: id == 2 ? .subscribe : .snapshot))
      }
      for _ in 0..<40 {
        var bytes = honest
        for _ in 0..<Int.random(in: 1...8, using: &random) {
          let place = Int.random(in: 0..<bytes.count, using: &random)
          switch Int.random(in: 0..<3, using: &random) {
          case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
          case 1: bytes.removeSubrange(place..<min(bytes.count, place + 5))
          default: bytes.insert(contentsOf: bytes[place...].prefix(9), at: place)
          }
        }
        let peer = try RawPeer(stage.path)
        peer.sendSome(bytes)
        peer.receive()
      }
      let client = try await stage.client()
      #expect(try await client.snapshot() == Desk.snapshot)
      await client.close()
      try await eventually("all have been let go") {
        stage.server.registry.count == 0 && stage.desk.bus.listenerCount == 0
      }
    }
  }
}

/// Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014), the output function of SplitMix64.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }
}
