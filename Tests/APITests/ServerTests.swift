import API
import Access
import Base
import ControlPlane
import Logging
import Testing

struct ServerTests {
  @Test func aPortInUseIsOneClearLine() async throws {
    try await TestNode.run { first async throws in
      let failure = await #expect(throws: Failure.self) {
        try await TestNode.run(APISettings(port: first.port)) { _ in Issue.record("two servers on one port") }
      }
      #expect(failure?.exitCode == 69)
      #expect(failure?.line.contains("port \(first.port) ") == true)
      #expect(failure?.line.contains("SIGNALBOX_API_PORT") == true)
    }
  }

  @Test func anAddressThatIsNotOursIsOneClearLine() async throws {
    let access = AccessSettings(token: Secret(TestNode.token), host: "203.0.113.1")
    let failure = await #expect(throws: Failure.self) {
      try await TestNode.run(APISettings(host: "203.0.113.1", port: 0), access: access) { _ in
        Issue.record("listening on a foreign address")
      }
    }
    #expect(failure?.line.contains("SIGNALBOX_HOST") == true)
  }

  @Test func manyClientsAtOnceAreAllServed() async throws {
    try await TestNode.run { node async throws in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<40 { group.addTask { try await node.ask("GET", "/v1/status").status } }
        for try await status in group { #expect(status == 200) }
      }
      #expect(node.statistics.requests == 40)
    }
  }
}
