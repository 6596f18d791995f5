import Base
import ControlPlane
import Glibc
import Testing

@testable import ControlSocket

@Suite struct ControlLinkTests {
  @Test func theLinkSurvivesARestartOfTheNode() async throws {
    try await withFolder { folder in
      let path = "\(folder)/s"
      let desk = Desk()
      let link = ControlLink(path: path, hello: Stage.hello)
      #expect(link.state == .connecting)
      let early = await failure { _ = try await link.snapshot() }
      #expect(early?.code == .unavailable)
      let states = link.states()
      let events = link.events()
      let keeper = Task { await link.run() }
      try await eventually("it has tried") { if case .lost = link.state { true } else { false } }
      for round in 0..<2 {
        let server = makeServer(path, desk: desk)
        try await server.listen()
        try await running(server) {
          try await eventually("the link is live") { link.state == .live && desk.bus.listenerCount == 1 }
          #expect(try await link.snapshot() == Desk.snapshot)
          desk.publish("round \(round)")
          var lines: [String] = []
          for await event in events {
            if case .log(let record) = event.body { lines.append(record.message) }
            break
          }
          #expect(lines == ["round \(round)"])
        }
        try await eventually("the loss is seen") { if case .lost = link.state { true } else { false } }
      }
      keeper.cancel()
      await keeper.value
      var kinds: [String] = []
      for await state in states { kinds.append(String("\(state)".prefix(4))) }
      #expect(kinds.filter { $0 == "live" }.count == 2)
      #expect(kinds.last == "lost")
    }
  }

  @Test func aNodeOfAnotherVersionIsRefusedForGood() async throws {
    try await withFolder { folder in
      let listening = try await ListeningSocket(path: "\(folder)/s", group: nil)
      let descriptor = try #require(listening.takeDescriptor())
      defer {
        close(descriptor)
        listening.removeFile()
      }
      let link = ControlLink(path: "\(folder)/s", hello: Stage.hello)
      async let ended: Void = link.run()
      var peer: Int32 = -1
      try await eventually("the link connects") {
        peer = accept(descriptor, nil, nil)
        return peer >= 0
      }
      let preamble = ControlPreamble(version: 2).bytes
      #expect(send(peer, preamble, preamble.count, Int32(MSG_NOSIGNAL)) == preamble.count)
      await ended
      close(peer)
      guard case .refused(let reason) = link.state else {
        Issue.record("the link is \(link.state)")
        return
      }
      #expect(reason.code == .conflict)
      #expect(reason.message == "the node at \(folder)/s speaks control protocol 2, this signalbox 1")
      let later = await failure { _ = try await link.snapshot() }
      #expect(later == reason)
    }
  }

  @Test func whatIsNoNodeIsNamed() async throws {
    try await withFolder { folder in
      let listening = try await ListeningSocket(path: "\(folder)/s", group: nil)
      let descriptor = try #require(listening.takeDescriptor())
      defer {
        close(descriptor)
        listening.removeFile()
      }
      let client = Task { try await ControlClient.connect(path: "\(folder)/s", hello: Stage.hello) }
      var peer: Int32 = -1
      try await eventually("the client connects") {
        peer = accept(descriptor, nil, nil)
        return peer >= 0
      }
      let answer = Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
      #expect(send(peer, answer, answer.count, Int32(MSG_NOSIGNAL)) == answer.count)
      let refusal = await failure { _ = try await client.value }
      close(peer)
      #expect(refusal?.message == "what answers at \(folder)/s is no signalbox node")
    }
  }

  /// What a node would send, with bytes changed, from a fixed seed: the client must end, and never wait for ever.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func garbageFromANodeEndsTheClient(seed: UInt64) async throws {
    var random = SplitMix(state: seed)
    let welcome = ServerMessage.welcome(ControlWelcome(node: "n", version: "1", phase: .ready))
    let answer = ServerMessage.response(id: 1, result: .snapshot(Desk.snapshot))
    let honest = try ControlPreamble().bytes + WireCodec.frame(welcome) + WireCodec.frame(answer)
    try await withFolder { folder in
      let listening = try await ListeningSocket(path: "\(folder)/s", group: nil)
      let descriptor = try #require(listening.takeDescriptor())
      defer {
        listening.removeFile()
        close(descriptor)
      }
      for _ in 0..<30 {
        var bytes = honest
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        let asking = Task {
          let client = try await ControlClient.connect(path: "\(folder)/s", hello: Stage.hello, deadline: .seconds(60))
          return try await client.snapshot()
        }
        var peer: Int32 = -1
        try await eventually("the client connects") {
          peer = accept(descriptor, nil, nil)
          return peer >= 0
        }
        #expect(send(peer, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
        shutdown(peer, Int32(SHUT_WR))
        // Either a changed byte inside a text went unnoticed, or there is one failure; the task has an end.
        let refusal = await failure { _ = try await asking.value }
        if let refusal { #expect(!refusal.message.isEmpty) }
        close(peer)
      }
    }
  }

  @Test func pausesGrowFromFiftyMillisecondsToTwoSecondsWithJitter() {
    var random = SplitMix(state: 5)
    var backoff = Backoff()
    var ceiling = Duration.milliseconds(50)
    for _ in 0..<12 {
      let pause = backoff.next(using: &random)
      #expect(pause <= ceiling && pause >= ceiling / 2)
      ceiling = min(ceiling * 2, .seconds(2))
    }
    backoff.reset()
    #expect(backoff.next(using: &random) <= .milliseconds(50))
  }

}
