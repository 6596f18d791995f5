import Access
import Base
import ControlPlane
import Glibc
import Synchronization
import TestKit
import Testing

@testable import EngineRoom

/// A whole node in this process, whose gateway is scripted: what starting, draining and failing mean for the others.
@Suite(.serialized, .timeLimit(.minutes(2))) struct GatewayNodeTests {
  private struct Stage {
    let folder: TemporaryFolder
    let door = ScriptedDoor()
    let settings: NodeSettings

    init() throws {
      folder = try TemporaryFolder()
      #expect(chmod(folder.path, 0o700) == 0)
      var settings = NodeSettings(
        version: "0.0.0", stateFolder: folder.file("state"), socketPath: folder.file("s"), access: AccessSettings(),
        apiPort: 0, logDestination: .file,
        doctor: DoctorSettings(
          redis: nil, dockerHost: "unix:///nowhere", stateFolder: folder.path, environment: [:], ports: []))
      settings.engines = [.gateway]
      self.settings = settings
    }

    func run(_ body: @escaping @Sendable (any ControlPlane) async -> Void) async throws(Failure) {
      let door = door
      try await Node.run(settings, face: body, ready: {}, gateway: { _, _, _, _ in door })
    }
  }

  @Test func aNodeIsReadyWhenItsGatewayListensAndShowsIt() async throws {
    let stage = try Stage()
    let seen = Mutex<Snapshot?>(nil)
    try await stage.run { plane in
      do {
        let snapshot = try await plane.snapshot()
        seen.withLock { $0 = snapshot }
      } catch { Issue.record(error) }
    }
    let snapshot = try #require(seen.withLock { $0 })
    #expect(snapshot.phase == .ready && snapshot.gateway != nil)
    #expect(snapshot.health == .degraded, "it takes no socket at all: \(snapshot.reasons)")
  }

  @Test func aGatewayThatCannotListenIsTheOneLineOfTheNode() async throws {
    let stage = try Stage()
    stage.door.script.withLock {
      $0.failure = Failure(.unavailable, "port 3001 of 127.0.0.1 is in use", hint: "set WEBSOCKET_PORT")
    }
    let shown = Mutex(false)
    let failure = await #expect(throws: Failure.self) {
      try await stage.run { _ in shown.withLock { $0 = true } }
    }
    #expect(failure?.line == "port 3001 of 127.0.0.1 is in use (set WEBSOCKET_PORT)")
    let isShown = shown.withLock { $0 }
    #expect(!isShown, "no console flashes up before the message")
    #expect(access(stage.settings.socketPath, F_OK) != 0)
  }

  @Test func aDrainTellsTheClientsBeforeTheNodeStops() async throws {
    let stage = try Stage()
    try await stage.run { plane in
      do { _ = try await plane.perform(.drain) } catch { Issue.record(error) }
    }
    #expect(stage.door.script.withLock { $0.drained } == GatewayEngine.drainDuration)
  }

  @Test func aStopDoesNotWaitForClientsToMove() async throws {
    let stage = try Stage()
    try await stage.run { plane in
      do { _ = try await plane.perform(.stop) } catch { Issue.record(error) }
    }
    #expect(stage.door.script.withLock { $0.drained } == nil)
  }
}
