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
  ]

  @Test(arguments: wrong) func whatIsNoEventIsRefusedInOneLine(broadcast: Broadcast) {
    let failure = #expect(throws: Failure.self) { try broadcast.check() }
    #expect(failure?.code == .invalid && failure?.line.contains("\n") == false)
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

  @Test func whatPeopleDoIsAuditedAndWhatProgramsPublishIsNot() throws {
    let broadcast = Command.broadcast(Broadcast(room: "r", event: "e", data: try RawJSON("{\"secret\":1}")))
    #expect(broadcast.isAudited(from: .console) && broadcast.isAudited(from: .commandLine))
    #expect(!broadcast.isAudited(from: .http))
    #expect(broadcast.target == "r e")
    #expect(Command.kickSockets(ids: ["x"]).isAudited(from: .http))
    #expect(!Command.taskUpdate(TaskUpdate(taskID: "t", status: .failed)).isAudited(from: .http))
    #expect(Command.kickSockets(ids: (0..<10).map { "s\($0)" }).target == "s0,s1,s2,s3,s4,s5,s6,s7 and 2 more")
  }
}
