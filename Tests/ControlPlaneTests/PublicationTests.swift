import Base
import Foundation
import Testing

@testable import ControlPlane

struct PublicationTests {
  private func object(_ broadcast: Broadcast) throws -> NSDictionary {
    let text = try #require(broadcast.data?.text)
    _ = try RawJSON(text)
    return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary)
  }

  @Test func aThoughtGoesToItsAgentsRoom() throws {
    let thought = AgentThought(agentID: "a\"1", thought: "line\nsaid \"so\"", taskID: "t1", priority: 9)
    let broadcast = try thought.broadcast(now: 77)
    #expect(broadcast.room == "agent:a\"1" && broadcast.event == "agent-thought" && broadcast.priority == 9)
    #expect(
      try object(broadcast) == ["agentId": "a\"1", "thought": "line\nsaid \"so\"", "taskId": "t1", "timestamp": 77])
    let bare = try object(AgentThought(agentID: "a", thought: "x", timestamp: 5).broadcast(now: 77))
    #expect(bare == ["agentId": "a", "thought": "x", "timestamp": 5])
  }

  @Test func anUpdateGoesToItsTasksRoom() throws {
    let update = TaskUpdate(taskID: "t1", status: .inProgress, progress: 41.5, message: "half", timestamp: 9)
    let broadcast = try update.broadcast(now: 1)
    #expect(broadcast.room == "task:t1" && broadcast.event == "task-update")
    #expect(
      try object(broadcast)
        == ["taskId": "t1", "status": "in_progress", "progress": 41.5, "message": "half", "timestamp": 9])
    let whole = try TaskUpdate(taskID: "t", status: .completed, progress: 100).broadcast(now: 1)
    #expect(whole.data?.text == "{\"taskId\":\"t\",\"status\":\"completed\",\"progress\":100,\"timestamp\":1}")
  }

  @Test func dataOfAnEventIsPassedOnAsItIs() throws {
    let data = try RawJSON("{\"n\": 1.0}")
    let event = ProjectEvent(projectID: ProjectID(folderName: "api"), event: "run-finished", data: data)
    #expect(try event.broadcast() == Broadcast(room: "project:api", event: "run-finished", data: data))
  }

  private static let wrong: [Broadcast] = [
    Broadcast(room: "", event: "x"), Broadcast(room: "r", event: ""), Broadcast(room: "r\n", event: "x"),
    Broadcast(room: "r", event: "x\u{9B}"), Broadcast(room: "r", event: "connect"),
    Broadcast(room: "r", event: "disconnect"), Broadcast(room: "r", event: "x", priority: 10),
    Broadcast(room: "r", event: "x", priority: -1), Broadcast(room: String(repeating: "r", count: 257), event: "x"),
    Broadcast(room: "r", event: String(repeating: "e", count: 129)),
    Broadcast(room: "r", moreRooms: ["s", ""], event: "x"), Broadcast(room: "r", moreRooms: ["*"], event: "x"),
    Broadcast(room: "*", moreRooms: ["r"], event: "x"), Broadcast(room: "r", moreRooms: ["s"], event: "agent-thought"),
    Broadcast(room: "r", moreRooms: ["s"], event: "task-update"),
    Broadcast(room: "r", moreRooms: (0..<64).map { "s\($0)" }, event: "x"),
  ]

  @Test(arguments: wrong) func whatIsNoEventIsRefusedInOneLine(broadcast: Broadcast) {
    let failure = #expect(throws: Failure.self) { try broadcast.check() }
    #expect(failure?.code == .invalid && failure?.line.contains("\n") == false)
  }

  @Test func roomsThatAreNamedTwiceCountOnce() throws {
    let broadcast = Broadcast(room: "r", moreRooms: ["s", "r", "s"], event: "x")
    try broadcast.check()
    #expect(broadcast.rooms == ["r", "s"])
    #expect(Command.broadcast(broadcast).target == "r,s x")
    try Broadcast(room: "r", moreRooms: ["r"], event: "agent-thought").check()
    try Broadcast(room: "r", moreRooms: (1..<64).map { "s\($0)" }, event: "x").check()
  }

  @Test func boundsOfThoughtsAndUpdatesAreKept() {
    let thoughts = [
      AgentThought(agentID: "", thought: "x"), AgentThought(agentID: "a", thought: ""),
      AgentThought(agentID: "a", thought: "x", taskID: ""), AgentThought(agentID: "a", thought: "x", timestamp: -1),
      AgentThought(agentID: "a", thought: String(repeating: "x", count: AgentThought.thoughtBytesMax + 1)),
      AgentThought(agentID: "a", thought: "x", priority: 11),
    ]
    for thought in thoughts { #expect(throws: Failure.self) { try thought.broadcast(now: 1) } }
    let updates = [
      TaskUpdate(taskID: "", status: .failed), TaskUpdate(taskID: "t", status: .failed, progress: 101),
      TaskUpdate(taskID: "t", status: .failed, progress: .nan), TaskUpdate(taskID: "t", status: .failed, message: ""),
      TaskUpdate(taskID: "t", status: .failed, timestamp: .max),
    ]
    for update in updates { #expect(throws: Failure.self) { try update.broadcast(now: 1) } }
  }

  /// The control socket carries all of it as JSON.
  @Test func everythingComesBackFromTheWire() throws {
    func roundTrip<Value: Codable & Equatable>(_ value: Value) throws {
      #expect(try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value)) == value)
    }
    let record = SocketRecord(
      id: "s", user: "u", isVerified: true, agent: "a", rooms: ["r"], roomCount: 3, transport: .raw, state: .closing,
      rttMilliseconds: 1.5, connectedAt: 7, address: "x", node: "n")
    let detail = SocketDetail(
      socket: record, rooms: ["r"],
      recent: [.init(timeMilliseconds: 1, direction: .in, event: "e", room: nil, bytes: 2)], expiresAt: 9)
    let data = try RawJSON("{\"a\":\"\\u00e9\"}")
    let commands: [Command] = [
      .kickSockets(ids: ["a", "b"]), .broadcast(Broadcast(room: "r", event: "e", data: data, priority: 3)),
      .agentThought(AgentThought(agentID: "a", thought: "x", taskID: "t")),
      .taskUpdate(TaskUpdate(taskID: "t", status: .inProgress, progress: 1)),
      .projectEvent(ProjectEvent(projectID: ProjectID(folderName: "p"), event: "e", data: data)),
    ]
    for command in commands { try roundTrip(command) }
    let queries: [Query] = [
      .sockets(SocketQuery(filter: "f", sort: .in, isDescending: true, offset: 4, limit: 5)), .socket(id: "s"),
      .audience(room: "r"),
    ]
    for query in queries { try roundTrip(query) }
    let answers: [Answer] = [
      .sockets(SocketPage(sockets: [record], offset: 1, matching: 2, total: 3)), .socket(detail),
      .audience(Audience(room: "r", sockets: 4, isComplete: false)),
    ]
    for answer in answers { try roundTrip(answer) }
    try roundTrip(Outcome(auditID: nil, result: .kicked(KickReport(kicked: ["a"], missing: ["b"]))))
    let receipt = PublishReceipt(room: "r", event: "e", sockets: 1, reach: .localOnly, isHeld: true)
    try roundTrip(Outcome(auditID: nil, result: .published(receipt)))
    try roundTrip(Event(timeMilliseconds: 1, body: .socketsChanged))
  }

  @Test func theStatusHasTheMembersOfTheContract() throws {
    let bytes = try JSONEncoder().encode(GatewaySnapshot())
    let status = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
    let names = [
      "connections", "peak", "total", "users", "rooms", "inPerSecond", "outPerSecond", "queuedBytes", "throttled",
      "merged", "dropped", "cut", "latency",
    ]
    for name in names { #expect(status[name] != nil, "\(name)") }
    #expect(Set((status["latency"] as? [String: Any] ?? [:]).keys) == ["p50", "p95", "p99"])
  }

  @Test func whatPeopleDoIsAdministrationAndWhatProgramsPublishIsTraffic() throws {
    let broadcast = Command.broadcast(Broadcast(room: "r", event: "e", data: try RawJSON("{\"secret\":1}")))
    #expect(!broadcast.isTraffic(from: .console) && !broadcast.isTraffic(from: .commandLine))
    #expect(broadcast.isTraffic(from: .http))
    #expect(broadcast.target == "r e")
    #expect(!Command.kickSockets(ids: ["x"]).isTraffic(from: .http))
    #expect(Command.taskUpdate(TaskUpdate(taskID: "t", status: .failed)).isTraffic(from: .http))
    #expect(Command.kickSockets(ids: (0..<10).map { "s\($0)" }).target == "s0,s1,s2,s3,s4,s5,s6,s7 and 2 more")
  }
}
