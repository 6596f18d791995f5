import Base
import ControlPlane
import Logging
import ServiceLifecycle
import Testing

@testable import ControlSocket

@Suite struct ServerStopTests {
  @Test func aGracefulStopLetsIdleClientsGoAndCutsTheRestAtItsDeadline() async throws {
    try await withFolder { folder in
      let desk = Desk()
      let server = makeServer("\(folder)/s", desk: desk) { $0.stopDeadline = .milliseconds(200) }
      try await server.listen()
      let trigger = Gate(count: 1)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await serveUntil(trigger, server) }
        let idle = try await ControlClient.connect(path: "\(folder)/s", hello: Stage.hello, deadline: .seconds(60))
        let busy = try await ControlClient.connect(path: "\(folder)/s", hello: Stage.hello, deadline: .seconds(60))
        let command = Task { try await busy.perform(.drain) }
        try await eventually("the command runs") { desk.performing == 1 }
        trigger.arrive()
        // The one that waits for nothing is let go; the one whose command never ends is cut at the deadline.
        #expect(await idle.ended().code == .unavailable)
        #expect(await busy.ended().code == .unavailable)
        let lost = await failure { _ = try await command.value }
        #expect(lost?.code == .unavailable)
        try await group.waitForAll()
      }
      #expect(desk.cancelled == 1)
      #expect(FileIdentity(path: "\(folder)/s") == nil)
      #expect(server.statistics.clients == 0)
    }
  }

  @Test func aGracefulStopAnswersWhatRunsAndTakesNothingNew() async throws {
    try await withFolder { folder in
      let desk = Desk()
      let server = makeServer("\(folder)/s", desk: desk) { $0.stopDeadline = .seconds(120) }
      try await server.listen()
      let trigger = Gate(count: 1)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await serveUntil(trigger, server) }
        let busy = try await ControlClient.connect(path: "\(folder)/s", hello: Stage.hello, deadline: .seconds(60))
        let command = Task { try await busy.perform(.setLogLevel(.debug)) }
        try await eventually("the command runs") { desk.performing == 1 }
        trigger.arrive()
        try await eventually("the node stops") { server.registry.isDraining }
        let late = await failure { _ = try await busy.snapshot() }
        #expect(late == Failure(.unavailable, "the node is stopping"))
        let stranger = await failure { _ = try await ControlClient.connect(path: "\(folder)/s", hello: Stage.hello) }
        #expect(stranger?.code == .unavailable)
        desk.release()
        #expect(try await command.value == Outcome(auditID: "a1", result: .done))
        try await group.waitForAll()
      }
      #expect(desk.cancelled == 0)
    }
  }

  private func serveUntil(_ gate: Gate, _ server: ControlServer) async throws {
    let group = ServiceGroup(
      services: [server], gracefulShutdownSignals: [], logger: .init(label: "test"))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      try await eventually("the signal") { gate.isOpen }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
  }
}
