import Base
import ControlPlane
import Glibc
import Testing

@testable import ControlSocket

@Suite struct ControlSocketTests {
  @Test func aClientGetsWhatTheDoorGives() async throws {
    try await withServer { stage in
      let client = try await stage.client()
      #expect(client.welcome == ControlWelcome(node: "0badcafe", version: "1.2.3", phase: .ready))
      #expect(try await client.snapshot() == Desk.snapshot)
      #expect(try await client.ask(.projects) == .projects([]))
      #expect(try await client.perform(.stop) == Outcome(auditID: "a1", result: .done))
      try await client.ping()
      let refusal = await failure { _ = try await client.ask(.doctor) }
      #expect(refusal == Failure(.notFound, "the desk knows nothing of doctor", hint: "ask for projects"))
      #expect(stage.desk.callers == [Caller(actor: "mira", origin: .commandLine, grants: .operator)])
      await client.close()
      let after = await failure { _ = try await client.snapshot() }
      #expect(after?.code == .unavailable)
    }
  }

  @Test func readOnlyClientsAreViewersAndNamelessOnesGetTheirLoginName() async throws {
    try await withServer { stage in
      let client = try await stage.client(
        ControlHello(version: "1", operatorLabel: " \u{1b}[2J\u{202e} ", origin: .console, isReadOnly: true))
      let refusal = await failure { _ = try await client.perform(.stop) }
      #expect(refusal?.code == .denied)
      let caller = try #require(stage.desk.callers.first)
      #expect(caller.grants == .viewer)
      #expect(caller.actor == "[2J")
      let nameless = try await stage.client(ControlHello(version: "1", operatorLabel: "\u{7}", origin: .console))
      // The greeting may be read before the door is made; an answer comes through it.
      _ = try await nameless.snapshot()
      #expect(stage.desk.callers.last?.actor == UserDirectory.loginName(of: geteuid()) ?? "user \(geteuid())")
      await client.close()
      await nameless.close()
    }
  }

  @Test func twentyClientsAskAndWatchAtOnce() async throws {
    try await withServer { stage in
      try await withThrowingTaskGroup(of: Void.self) { group in
        let ready = Gate(count: 20)
        for _ in 0..<20 {
          group.addTask {
            let client = try await stage.client()
            let events = client.events()
            // The subscription stands before the answer to a later request.
            try await client.ping()
            ready.arrive()
            for _ in 0..<10 { #expect(try await client.snapshot() == Desk.snapshot) }
            var seen: [String] = []
            for await event in events {
              if case .log(let record) = event.body { seen.append(record.message) }
              if seen.count == 30 { break }
            }
            #expect(seen == (0..<30).map { "line \($0)" })
            await client.close()
          }
        }
        group.addTask {
          try await eventually("all have subscribed") { ready.isOpen && stage.desk.bus.listenerCount == 20 }
          for line in 0..<30 { stage.desk.publish("line \(line)") }
        }
        try await group.waitForAll()
      }
      try await eventually("all have left") { stage.server.statistics.clients == 0 }
      #expect(stage.server.statistics.accepted == 20)
      #expect(stage.server.statistics.eventsDropped == 0)
    }
  }

  @Test func aCancelledCommandIsCancelledInTheNode() async throws {
    try await withServer { stage in
      let client = try await stage.client()
      let command = Task { try await client.perform(.drain) }
      try await eventually("the command runs") { stage.desk.performing == 1 }
      command.cancel()
      let refusal = await failure { _ = try await command.value }
      #expect(refusal?.code == .unavailable)
      try await eventually("the node has cancelled it") { stage.desk.cancelled == 1 && stage.desk.performing == 0 }
      #expect(try await client.snapshot() == Desk.snapshot)
      await client.close()
    }
  }

  @Test func aClientThatVanishesTakesItsCommandsWithIt() async throws {
    try await withServer { stage in
      let client = try await stage.client()
      let command = Task { try await client.perform(.drain) }
      try await eventually("the command runs") { stage.desk.performing == 1 }
      await client.close()
      let refusal = await failure { _ = try await command.value }
      #expect(refusal?.code == .unavailable)
      try await eventually("the node has cancelled it") { stage.desk.cancelled == 1 }
    }
  }

  @Test func aQuestionHasADeadline() async throws {
    try await withFolder { folder in
      // Listens and never serves: the kernel connects, nobody greets.
      let server = makeServer("\(folder)/s", desk: Desk())
      try await server.listen()
      let refusal = await failure {
        _ = try await ControlClient.connect(path: "\(folder)/s", hello: Stage.hello, deadline: .milliseconds(50))
      }
      #expect(refusal?.code == .timeout)
    }
    try await withServer(change: { $0.requestsMax = 1 }) { stage in
      let client = try await stage.client()
      let command = Task { try await client.perform(.drain) }
      try await eventually("the command runs") { stage.desk.performing == 1 }
      // The only place is taken, so this one waits unread.
      let refusal = await failure { _ = try await client.ask(.projects, deadline: .milliseconds(50)) }
      #expect(refusal?.code == .timeout)
      command.cancel()
      await client.close()
    }
  }

  @Test func requestsBeyondTheLimitWaitAndAreAnsweredLater() async throws {
    try await withServer(change: { $0.requestsMax = 2 }) { stage in
      let client = try await stage.client()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<50 {
          group.addTask {
            let snapshot = try await client.snapshot()
            #expect(snapshot == Desk.snapshot)
          }
        }
        try await group.waitForAll()
      }
      await client.close()
    }
  }

  @Test func aLostNodeFailsAllThatWaits() async throws {
    try await withFolder { folder in
      let desk = Desk()
      let server = makeServer("\(folder)/s", desk: desk)
      try await server.listen()
      let node = Task { try? await server.run() }
      let client = try await ControlClient.connect(path: "\(folder)/s", hello: Stage.hello, deadline: .seconds(60))
      let events = client.events()
      let command = Task { try await client.perform(.drain) }
      try await eventually("the command runs") { desk.performing == 1 }
      node.cancel()
      // The desk's own farewell, or the end of the connection: whichever comes first.
      let lost = await failure { _ = try await command.value }
      #expect(lost?.code == .unavailable)
      for await _ in events {}
      #expect(await client.ended() == Failure(.unavailable, "the node has gone"))
      await node.value
      #expect(FileIdentity(path: "\(folder)/s") == nil)
    }
  }

  @Test func withoutANodeOneLineSaysSo() async throws {
    try await withFolder { folder in
      let refusal = await failure { _ = try await ControlClient.connect(path: "\(folder)/s", hello: Stage.hello) }
      #expect(refusal == Failure(.unavailable, "no node answers at \(folder)/s", hint: "signalbox start"))
      let long = await failure {
        _ = try await ControlClient.connect(path: "/tmp/" + String(repeating: "a", count: 120), hello: Stage.hello)
      }
      #expect(long?.code == .invalid)
      #expect(long?.message.contains("at most 107") == true)
    }
  }

  @Test func aLargeAnswerArrivesWholeAndATooLargeOneIsAFailure() async throws {
    try await withServer { stage in
      let client = try await stage.client()
      let answer = try await client.ask(.logs(LogQuery(limit: 3_000)), deadline: .seconds(60))
      guard case .logs(let records) = answer else { throw Failure(.internal, "no logs") }
      #expect(records.count == 3_000)
      let refusal = await failure { _ = try await client.ask(.logs(LogQuery(limit: 70_000)), deadline: .seconds(120)) }
      #expect(refusal?.code == .limit)
      try await client.ping(deadline: .seconds(60))
      await client.close()
    }
  }

  @Test func aBlockFormClosesTheConnection() async throws {
    try await withServer { stage in
      let snapshot = try await withControlClient(path: stage.path, hello: Stage.hello) {
        client throws(Failure) in try await client.snapshot()
      }
      #expect(snapshot == Desk.snapshot)
      try await eventually("the client has left") { stage.server.statistics.clients == 0 }
    }
  }
}
