import API
import Access
import Base
import ControlPlane
import Foundation
import Synchronization
import Testing

/// `/v1/sockets` and publishing from outside.
struct SocketRouteTests {
  private static let json = "Content-Type: application/json"

  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func aPageOfSocketsIsAskedForAsWritten() async throws {
    try await TestNode.run { node async throws in
      let answer = try await node.ask(
        "GET", "/v1/sockets?filter=user%3Dad%2A%20queue%3C5&sort=-queue&offset=0&limit=7")
      #expect(answer.status == 200)
      let page = try JSONDecoder().decode(SocketPage.self, from: Data(answer.body.utf8))
      #expect(page.sockets == [TestPlane.socket] && page.total == 1 && page.matching == 1)
      let wanted = SocketQuery(filter: "user=ad* queue<5", sort: .queue, isDescending: true, offset: 0, limit: 7)
      #expect(node.plane.queries.withLock { $0 } == [.sockets(wanted)])
      let row = try #require((try object(answer.body)["sockets"] as? [[String: Any]])?.first)
      #expect(row["verified"] as? Bool == true && row["transport"] as? String == "websocket")
    }
  }

  @Test(arguments: [
    "limit=0", "limit=1001", "limit=x", "limit=", "offset=-1", "offset=x", "sort=size", "sort=", "filter=size%3E1",
    "filter=re%3A(", "page=2", "limit=1&limit=2",
  ])
  func aWrongPageIs400AndNothingIsAsked(target: String) async throws {
    try await TestNode.run { node async throws in
      let answer = try await node.ask("GET", "/v1/sockets?\(target)")
      #expect(answer.status == 400)
      #expect(answer.headers["content-type"] == "application/problem+json")
      #expect(node.plane.queries.withLock { $0.isEmpty })
    }
  }

  @Test func oneSocketIsShownAndKicked() async throws {
    try await TestNode.run { node async throws in
      let path = "/v1/sockets/\(TestPlane.socket.id)"
      let shown = try await node.ask("GET", path)
      #expect(shown.status == 200)
      #expect(try object(shown.body)["rooms"] as? [String] == ["task:1"])
      let kicked = try await node.ask("DELETE", path)
      #expect(kicked.status == 200 && kicked.body == "{\"kicked\":[\"AQID_-0\"],\"missing\":[]}")
      #expect(node.plane.commands.withLock { $0 } == [.kickSockets(ids: ["AQID_-0"])])
      #expect(try await node.ask("GET", "/v1/sockets/other").status == 404)
      #expect(try await node.ask("DELETE", "/v1/sockets/other").status == 404)
    }
  }

  @Test(arguments: ["/v1/sockets/a%20b", "/v1/sockets/%0A", "/v1/sockets/\(String(repeating: "a", count: 129))"])
  func whatIsNoIDIs400(path: String) async throws {
    try await TestNode.run { node async throws in
      #expect(try await node.ask("GET", path).status == 400)
      #expect(try await node.ask("DELETE", path).status == 400)
      #expect(node.plane.commands.withLock { $0.isEmpty })
    }
  }

  @Test func whatIsPublishedArrivesAsItWasWritten() async throws {
    try await TestNode.run { node async throws in
      let data = "{\"n\": 1.0, \"big\": 123456789012345678901}"
      let bodies: [(String, String, Command)] = [
        (
          "/v1/agents/claude%2F1/thoughts", "{\"thought\":\"so\",\"taskId\":\"t\",\"timestamp\":9,\"priority\":0}",
          .agentThought(AgentThought(agentID: "claude/1", thought: "so", taskID: "t", timestamp: 9, priority: 0))
        ),
        (
          "/v1/tasks/t1/updates", "{\"status\":\"in_progress\",\"progress\":41.5,\"message\":\"half\"}",
          .taskUpdate(TaskUpdate(taskID: "t1", status: .inProgress, progress: 41.5, message: "half"))
        ),
        (
          "/v1/projects/api/events", "{\"event\":\"run-finished\",\"data\":\(data)}",
          .projectEvent(
            ProjectEvent(projectID: ProjectID(folderName: "api"), event: "run-finished", data: try RawJSON(data)))
        ),
        (
          "/v1/rooms/task%3A%E6%97%A5/events", "{\"data\":[1 ,2],\"event\":\"x\",\"priority\":9}",
          .broadcast(Broadcast(room: "task:日", event: "x", data: try RawJSON("[1 ,2]"), priority: 9))
        ),
        ("/v1/rooms/r/events", "{\"event\":\"bare\"}", .broadcast(Broadcast(room: "r", event: "bare"))),
        (
          "/v1/rooms/r/events", "{\"event\":\"e\",\"moreRooms\":[\"s\",\"t\"]}",
          .broadcast(Broadcast(room: "r", moreRooms: ["s", "t"], event: "e"))
        ),
      ]
      for (path, body, command) in bodies {
        let answer = try await node.ask("POST", path, headers: [Self.json], body: body)
        #expect(answer.status == 200, "\(answer.body)")
        #expect(try object(answer.body)["sockets"] as? Int == 3)
        #expect(node.plane.commands.withLock { $0.last } == command)
      }
    }
  }

  @Test func onThisNodeOnlyIs202() async throws {
    try await TestNode.run { node async throws in
      node.plane.reach.withLock { $0 = .localOnly }
      let answer = try await node.ask("POST", "/v1/rooms/r/events", headers: [Self.json], body: "{\"event\":\"e\"}")
      #expect(answer.status == 202)
      #expect(try object(answer.body)["reach"] as? String == "localOnly")
    }
  }

  private static let wrong: [(String, String)] = [
    ("/v1/agents/a/thoughts", "{}"), ("/v1/agents/a/thoughts", "{\"thought\":\"\"}"),
    ("/v1/agents/a/thoughts", "{\"thought\":1}"), ("/v1/agents/a/thoughts", "{\"thought\":\"x\",\"priority\":10}"),
    ("/v1/agents/a/thoughts", "{\"thought\":\"x\",\"agentId\":\"b\"}"),
    ("/v1/agents/%0A/thoughts", "{\"thought\":\"x\"}"), ("/v1/tasks/t/updates", "{\"status\":\"done\"}"),
    ("/v1/tasks/t/updates", "{\"status\":\"failed\",\"progress\":101}"),
    ("/v1/projects/A%20B/events", "{\"event\":\"e\"}"), ("/v1/projects/api/events", "{\"data\":1}"),
    ("/v1/rooms/r/events", "{\"event\":\"\"}"), ("/v1/rooms/r/events", "{\"event\":\"connect\"}"),
    ("/v1/rooms/r/events", "{\"event\":\"e\",\"moreRooms\":[\"*\"]}"),
    ("/v1/rooms/r/events", "{\"event\":\"e\",\"moreRooms\":\"s\"}"),
    ("/v1/projects/p/events", "{\"event\":\"e\",\"moreRooms\":[\"s\"]}"),
    ("/v1/rooms/r/events", "{\"event\":\"e\",\"Data\":1}"), ("/v1/rooms/r/events", "[]"),
    ("/v1/rooms/r/events", "{\"event\":\"e\",\"data\":}"), ("/v1/rooms/r/events?x=1", "{\"event\":\"e\"}"),
    ("/v1/rooms/\(String(repeating: "r", count: 257))/events", "{\"event\":\"e\"}"),
  ]

  @Test(arguments: wrong) func whatIsNoEventIs400AndNothingIsSent(path: String, body: String) async throws {
    try await TestNode.run { node async throws in
      let answer = try await node.ask("POST", path, headers: [Self.json], body: body)
      #expect(answer.status == 400, "\(answer.body)")
      #expect(answer.headers["content-type"] == "application/problem+json")
      #expect(node.plane.commands.withLock { $0.isEmpty })
    }
  }

  @Test func dataThatIsTooLargeOrTooDeepIs413() async throws {
    try await TestNode.run { node async throws in
      let long = "{\"event\":\"e\",\"data\":\"\(String(repeating: "x", count: RawJSON.bytesMax))\"}"
      #expect(try await node.ask("POST", "/v1/rooms/r/events", headers: [Self.json], body: long).status == 413)
      let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
      let body = "{\"event\":\"e\",\"data\":\(deep)}"
      #expect(try await node.ask("POST", "/v1/rooms/r/events", headers: [Self.json], body: body).status == 413)
      #expect(node.plane.commands.withLock { $0.isEmpty })
    }
  }

  @Test func theseRoutesTakeJSONAndTheirMethods() async throws {
    try await TestNode.run { node async throws in
      #expect(try await node.ask("POST", "/v1/rooms/r/events", body: "{\"event\":\"e\"}").status == 415)
      #expect(try await node.ask("GET", "/v1/rooms/r/events").headers["allow"] == "POST")
      #expect(try await node.ask("DELETE", "/v1/sockets").headers["allow"] == "GET, HEAD")
      #expect(try await node.ask("PUT", "/v1/sockets/x").headers["allow"] == "GET, HEAD, DELETE")
    }
  }
}
