internal import Base
internal import ControlPlane
internal import Hummingbird

/// Publishing from outside (CONTRACT, Gateway).
struct PublishRoutes {
  static let thoughts = "/v1/agents/:agent/thoughts"
  static let updates = "/v1/tasks/:task/updates"
  static let projectEvents = "/v1/projects/:project/events"
  static let roomEvents = "/v1/rooms/:room/events"

  private struct Thought: Decodable {
    static let form = #"{"thought","taskId"?,"timestamp"?,"priority"?}"#
    var thought: AgentThought

    init(from decoder: any Decoder) throws {
      let fields = try StrictFields(decoder, ["thought", "taskId", "timestamp", "priority"])
      thought = AgentThought(
        agentID: "", thought: try fields.value(String.self, "thought"),
        taskID: try fields.optional(String.self, "taskId"), timestamp: try fields.optional(Int64.self, "timestamp"),
        priority: try fields.optional(Int.self, "priority"))
    }
  }

  private struct Update: Decodable {
    static let form = #"{"status","progress"?,"message"?,"timestamp"?,"priority"?}"#
    var update: TaskUpdate

    init(from decoder: any Decoder) throws {
      let fields = try StrictFields(decoder, ["status", "progress", "message", "timestamp", "priority"])
      guard let status = TaskUpdate.Status(rawValue: try fields.value(String.self, "status")) else {
        let known = TaskUpdate.Status.allCases.map(\.rawValue).joined(separator: ", ")
        throw Failure(.invalid, "there is no such status", hint: "accepted: \(known)")
      }
      update = TaskUpdate(
        taskID: "", status: status, progress: try fields.optional(Double.self, "progress"),
        message: try fields.optional(String.self, "message"), timestamp: try fields.optional(Int64.self, "timestamp"),
        priority: try fields.optional(Int.self, "priority"))
    }
  }

  /// Of a body whose `data` stays as it was written.
  private struct Occurrence: Decodable {
    static let form = #"{"event","data"?,"priority"?,"acknowledgeMilliseconds"?,"moreRooms"?}"#
    var event: String
    var priority: Int?
    // Only of a room's events.
    var acknowledgeMilliseconds: Int?
    var moreRooms: [String]?

    init(from decoder: any Decoder) throws {
      let fields = try StrictFields(decoder, ["event", "data", "priority", "acknowledgeMilliseconds", "moreRooms"])
      event = try fields.value(String.self, "event")
      priority = try fields.optional(Int.self, "priority")
      acknowledgeMilliseconds = try fields.optional(Int.self, "acknowledgeMilliseconds")
      moreRooms = try fields.optional([String].self, "moreRooms")
    }
  }

  let settings: APISettings

  func add(to routes: APIRouter) {
    routes.route(Self.thoughts, post: bounded(thought))
    routes.route(Self.updates, post: bounded(update))
    routes.route(Self.projectEvents, post: bounded(projectEvent))
    routes.route(Self.roomEvents, post: bounded(roomEvent))
  }

  @Sendable private func thought(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try Self.name(in: request)
    var thought = try await JSONBody.read(
      Thought.self, from: request, bytesMax: settings.bodyMax, within: settings.bodyTimeout,
      expected: "accepted: \(Thought.form)"
    ).thought
    thought.agentID = id
    try thought.check()
    return try await publish(.agentThought(thought), context)
  }

  @Sendable private func update(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try Self.name(in: request)
    var update = try await JSONBody.read(
      Update.self, from: request, bytesMax: settings.bodyMax, within: settings.bodyTimeout,
      expected: "accepted: \(Update.form)"
    ).update
    update.taskID = id
    try update.check()
    return try await publish(.taskUpdate(update), context)
  }

  @Sendable private func projectEvent(_ request: Request, _ context: APIContext) async throws -> Response {
    guard let id = ProjectID(rawValue: try Self.name(in: request)) else {
      throw Failure(.invalid, "this is no id of a project", hint: "a project id is \(ProjectID.rule)")
    }
    let (occurrence, data) = try await occurrence(request)
    guard occurrence.acknowledgeMilliseconds == nil, occurrence.moreRooms == nil else {
      throw Failure(.invalid, "acknowledgeMilliseconds and moreRooms are for /v1/rooms/{room}/events")
    }
    let event = ProjectEvent(projectID: id, event: occurrence.event, data: data, priority: occurrence.priority)
    _ = try event.broadcast()
    return try await publish(.projectEvent(event), context)
  }

  @Sendable private func roomEvent(_ request: Request, _ context: APIContext) async throws -> Response {
    let room = try Self.name(in: request)
    let (occurrence, data) = try await occurrence(request)
    let broadcast = Broadcast(
      room: room, moreRooms: occurrence.moreRooms, event: occurrence.event, data: data, priority: occurrence.priority,
      acknowledgeMilliseconds: occurrence.acknowledgeMilliseconds)
    try broadcast.check()
    return try await publish(.broadcast(broadcast), context)
  }

  /// The segment between the kind and the verb.
  private static func name(in request: Request) throws(Failure) -> String {
    _ = try RequestTarget.fields(request, known: [])
    return try RequestTarget.segment(2, of: request)
  }

  private func occurrence(_ request: Request) async throws -> (Occurrence, RawJSON?) {
    let bytes = try await JSONBody.bytes(of: request, bytesMax: settings.bodyMax, within: settings.bodyTimeout)
    let occurrence = try JSONBody.decode(Occurrence.self, from: bytes, expected: "accepted: \(Occurrence.form)")
    return (occurrence, try RawJSON.members(of: bytes)["data"])
  }

  /// 202 when only the sockets of this node get it.
  private func publish(_ command: Command, _ context: APIContext) async throws -> Response {
    guard case .published(let receipt) = try await context.door().perform(command).result else {
      throw Failure.otherAnswer
    }
    return try JSONBody.response(receipt, status: receipt.reach == .everywhere ? .ok : .accepted)
  }

  /// A bound that stays is about the size of what was sent: 413.
  private func bounded(_ handler: @escaping APIRouter.Handler) -> APIRouter.Handler {
    { request, context in
      do {
        return try await handler(request, context)
      } catch let failure as Failure where failure.code == .limit && !failure.isRetriable {
        throw ProblemDetails(.contentTooLarge, .body, failure.message, hint: failure.hint)
      }
    }
  }
}
