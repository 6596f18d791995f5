internal import Access
internal import Base
internal import ControlPlane
internal import SocketProtocol

/// The product's events (CONTRACT, Gateway): subscriptions to `agent:`, `project:` and `task:` rooms, publications, and
/// the echo. Every join and every publication is checked against the grants of the socket's credential.
struct RoomApplication: SocketApplication {
  let namespaces = ["/"]
  let clock: any WallClock

  init(clock: any WallClock = SystemWallClock()) { self.clock = clock }

  func connected(_ socket: SocketContext, auth: [UInt8]) {}
  func disconnected(_ socket: SocketContext, _ reason: EndReason) {}

  func received(_ event: SocketEvent, _ socket: SocketContext) {
    guard let arguments = EventJSON(event.json) else { return }
    do throws(Failure) {
      switch event.name {
      case "echo": echo(event, arguments, socket)
      case "publish": try publish(event, try object(arguments), socket)
      case "agent-thought": try thought(event, try object(arguments), socket)
      case "task-update": try update(event, try object(arguments), socket)
      default: try subscription(event, arguments, socket)
      }
    } catch {
      refuse(event, error, socket)
    }
  }

  private func object(_ arguments: EventJSON) throws(Failure) -> JSONObject {
    guard let object = arguments.object(0) else { throw Failure(.invalid, "the argument is no object") }
    return object
  }

  private func refuse(_ event: SocketEvent, _ failure: Failure, _ socket: SocketContext) {
    var json = Array("[{\"ok\":false,\"error\":".utf8)
    JSONString.append(failure.message, to: &json)
    json += Array("}]".utf8)
    socket.answer(event.reply, json: json)
  }

  static let accepted = Array("[{\"ok\":true}]".utf8)

  /// An acknowledgement where one is asked for, else the same event back.
  private func echo(_ event: SocketEvent, _ arguments: EventJSON, _ socket: SocketContext) {
    if case .none = event.reply { return socket.emit(json: event.json, attachments: event.attachments) }
    socket.answer(event.reply, json: arguments.array, attachments: event.attachments)
  }

  // MARK: Subscriptions

  private func subscription(_ event: SocketEvent, _ arguments: EventJSON, _ socket: SocketContext) throws(Failure) {
    let parts = event.name.split(separator: "-", maxSplits: 1)
    guard parts.count == 2, parts[0] == "subscribe" || parts[0] == "unsubscribe",
      ["agent", "project", "task"].contains(parts[1])
    else { throw Failure(.invalid, "this node knows no such event") }
    let kind = String(parts[1])
    guard let id = arguments.string(0) else { throw Failure(.invalid, "the argument is no id") }
    try PublishRule.check(id: id, of: kind)
    let room = "\(kind):\(id)"
    if parts[0] == "unsubscribe" {
      socket.leave(room)
    } else {
      guard allows(socket.identity, joining: room) else {
        throw Failure(.denied, "this credential does not cover that room")
      }
      guard socket.join(room) else { throw Failure(.limit, "too many rooms for one socket") }
    }
    socket.answer(event.reply, json: Self.accepted)
  }

  func allows(_ identity: Identity, joining room: String) -> Bool {
    guard let grants = identity.authenticated?.caller.grants else { return false }
    return grants.allows(joining: room) && allowsProject(room, grants)
  }

  private func grants(_ socket: SocketContext) throws(Failure) -> Grants {
    guard let caller = socket.identity.authenticated?.caller else { throw Failure(.denied, "no credential") }
    return caller.grants
  }

  private func allowsProject(_ room: String, _ grants: Grants) -> Bool {
    guard room.hasPrefix("project:") else { return true }
    guard let project = ProjectID(rawValue: String(room.dropFirst("project:".count))) else {
      return grants.projects == nil
    }
    return grants.allows(project: project)
  }

  // MARK: Publications

  private func publish(_ event: SocketEvent, _ object: JSONObject, _ socket: SocketContext) throws(Failure) {
    guard let room = object.string("room"), let name = object.string("event") else {
      throw Failure(.invalid, "publish needs room, event and data")
    }
    try PublishRule.check(room: room)
    try PublishRule.check(event: name)
    let data = object.raw("data").map { Array($0) } ?? Array("null".utf8)
    try send(event, Emission(room: room, event: name, data: data), socket)
  }

  private func thought(_ event: SocketEvent, _ object: JSONObject, _ socket: SocketContext) throws(Failure) {
    guard let agent = object.string("agentId"), let thought = object.string("thought") else {
      throw Failure(.invalid, "agent-thought needs agentId and thought")
    }
    let sent = AgentThought(
      agentID: agent, thought: thought, taskID: object.string("taskId"), timestamp: timestamp(object))
    let typed = try sent.broadcast(now: clock.nowMilliseconds())
    try send(event, Emission(room: typed.room, event: typed.event, json: typed.data?.text), socket)
  }

  private func update(_ event: SocketEvent, _ object: JSONObject, _ socket: SocketContext) throws(Failure) {
    guard let task = object.string("taskId"), let status = object.string("status").flatMap(TaskUpdate.Status.init)
    else {
      throw Failure(.invalid, "task-update needs taskId and a status: pending, in_progress, completed or failed")
    }
    let progress = object.raw("progress").flatMap { Double(String(decoding: $0, as: UTF8.self)) }
    let sent = TaskUpdate(
      taskID: task, status: status, progress: progress, message: object.string("message"),
      timestamp: timestamp(object))
    let typed = try sent.broadcast(now: clock.nowMilliseconds())
    try send(event, Emission(room: typed.room, event: typed.event, json: typed.data?.text), socket)
  }

  private func timestamp(_ object: JSONObject) -> Int64? {
    object.raw("timestamp").flatMap { Double(String(decoding: $0, as: UTF8.self)) }.flatMap {
      $0.isFinite && abs($0) < 1e15 ? Int64($0) : nil
    }
  }

  private func send(_ event: SocketEvent, _ emission: Emission, _ socket: SocketContext) throws(Failure) {
    let grants = try grants(socket)
    let room = emission.rooms.first ?? ""
    guard grants.role >= .agent, grants.allows(publishingTo: room), allowsProject(room, grants) else {
      throw Failure(.denied, "this credential does not cover publishing to that room")
    }
    guard socket.takesPublish() else {
      throw Failure(.limit, "too many events from this connection: 100 a second are accepted", isRetriable: true)
    }
    var emission = emission
    emission.attachments = event.attachments
    socket.publish(emission, event.reply)
  }
}

extension Emission {
  /// An event for one room with one argument, `data` (JSON text). What the throttle may merge is known by its name.
  init(room: String, event: String, data: [UInt8], priority: Int? = nil) {
    var json: [UInt8] = [UInt8(ascii: "[")]
    JSONString.append(event, to: &json)
    json.append(UInt8(ascii: ","))
    json += data
    json.append(UInt8(ascii: "]"))
    self.init(
      rooms: [room], event: event, arguments: json, kind: Self.kind(event, data),
      priority: UInt8(clamping: priority ?? 5))
  }

  /// `json`: checked JSON text; nil: no data.
  init(room: String, event: String, json: String?, priority: Int? = nil) {
    self.init(room: room, event: event, data: Array((json ?? "null").utf8), priority: priority)
  }

  private static func kind(_ event: String, _ data: [UInt8]) -> Kind {
    switch event {
    case "agent-thought": JSONObject(data)?.string("agentId").map { .agentThought(agent: $0) } ?? .plain
    case "task-update": JSONObject(data)?.string("taskId").map { .taskUpdate(task: $0) } ?? .plain
    default: .plain
    }
  }
}
