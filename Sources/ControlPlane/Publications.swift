public import Base

/// An event for the sockets of a room.
public struct Broadcast: Sendable, Codable, Equatable {
  public var room: String
  /// Further rooms; nil: none. A socket that is in several of them gets the event once.
  public var moreRooms: [String]?
  public var event: String
  /// The event's one argument; nil: none.
  public var data: RawJSON?
  /// 0…9, 9 first; nil: 5.
  public var priority: Int?
  /// Every Socket.IO client is to acknowledge the event, and is waited for so long; nil: nobody is asked.
  public var acknowledgeMilliseconds: Int?

  public init(
    room: String, moreRooms: [String]? = nil, event: String, data: RawJSON? = nil, priority: Int? = nil,
    acknowledgeMilliseconds: Int? = nil
  ) {
    self.room = room
    self.moreRooms = moreRooms
    self.event = event
    self.data = data
    self.priority = priority
    self.acknowledgeMilliseconds = acknowledgeMilliseconds
  }

  /// All of its rooms, each once.
  public var rooms: [String] {
    var seen: Set<String> = []
    return ([room] + (moreRooms ?? [])).filter { seen.insert($0).inserted }
  }

  /// Throws `invalid`, one line.
  public func check() throws(Failure) {
    try checkRooms()
    try PublishRule.check(event: event)
    if let data, data.text.utf8.count > RawJSON.bytesMax {
      throw Failure(.limit, "the data is longer than \(RawJSON.bytesMax) bytes")
    }
    try PublishRule.check(priority: priority)
    if let wait = acknowledgeMilliseconds, !PublishRule.acknowledgeMilliseconds.contains(wait) {
      let range = PublishRule.acknowledgeMilliseconds
      throw Failure(
        .invalid, "acknowledgements are waited for between \(range.lowerBound) and \(range.upperBound) milliseconds")
    }
  }

  private func checkRooms() throws(Failure) {
    let rooms = rooms
    for room in rooms { try PublishRule.check(room: room) }
    guard rooms.count > 1 else { return }
    guard rooms.count <= PublishRule.roomsMax else {
      throw Failure(.invalid, "an event goes to \(PublishRule.roomsMax) rooms at most, and \(rooms.count) are named")
    }
    guard !rooms.contains(PublishRule.everybody) else {
      throw Failure(.invalid, "the room '\(PublishRule.everybody)' is everybody: it needs no other beside it")
    }
    // Their throttle is a room's.
    guard !PublishRule.throttledEvents.contains(event) else {
      throw Failure(.invalid, "\(event) goes to one room at a time")
    }
  }
}

/// What an agent thinks, for the room `agent:ID` (CONTRACT, Gateway).
public struct AgentThought: Sendable, Codable, Equatable {
  public static let thoughtBytesMax = 262_144

  public var agentID: String
  public var thought: String
  public var taskID: String?
  /// Milliseconds since 1970; nil: now.
  public var timestamp: Int64?
  public var priority: Int?

  public init(
    agentID: String, thought: String, taskID: String? = nil, timestamp: Int64? = nil, priority: Int? = nil
  ) {
    self.agentID = agentID
    self.thought = thought
    self.taskID = taskID
    self.timestamp = timestamp
    self.priority = priority
  }

  public var room: String { "agent:\(agentID)" }

  /// Throws `invalid`, one line.
  public func check() throws(Failure) {
    try PublishRule.check(id: agentID, of: "agent")
    if let taskID { try PublishRule.check(id: taskID, of: "task") }
    try PublishRule.check(text: thought, "thought", bytesMax: Self.thoughtBytesMax)
    try PublishRule.check(priority: priority)
    try PublishRule.check(timestamp: timestamp)
  }

  /// The event that carries it. `now`: milliseconds since 1970.
  public func broadcast(now: Int64) throws(Failure) -> Broadcast {
    try check()
    var json = "{\"agentId\":\(RawJSON.quoted(agentID)),\"thought\":\(RawJSON.quoted(thought))"
    json += ",\"timestamp\":\(timestamp ?? now)"
    if let taskID { json += ",\"taskId\":\(RawJSON.quoted(taskID))" }
    return Broadcast(room: room, event: "agent-thought", data: RawJSON(trusted: json + "}"), priority: priority)
  }
}

/// How far a task is, for the room `task:ID` (CONTRACT, Gateway).
public struct TaskUpdate: Sendable, Codable, Equatable {
  public enum Status: String, Sendable, Codable, CaseIterable {
    case pending
    case inProgress = "in_progress"
    case completed, failed
  }

  public static let messageBytesMax = 65_536

  public var taskID: String
  public var status: Status
  /// Percent.
  public var progress: Double?
  public var message: String?
  /// Milliseconds since 1970; nil: now.
  public var timestamp: Int64?
  public var priority: Int?

  public init(
    taskID: String, status: Status, progress: Double? = nil, message: String? = nil, timestamp: Int64? = nil,
    priority: Int? = nil
  ) {
    self.taskID = taskID
    self.status = status
    self.progress = progress
    self.message = message
    self.timestamp = timestamp
    self.priority = priority
  }

  public var room: String { "task:\(taskID)" }

  /// Throws `invalid`, one line.
  public func check() throws(Failure) {
    try PublishRule.check(id: taskID, of: "task")
    if let progress, !(0...100).contains(progress) {
      throw Failure(.invalid, "progress is out of range", hint: "percent, 0 to 100")
    }
    if let message { try PublishRule.check(text: message, "message", bytesMax: Self.messageBytesMax) }
    try PublishRule.check(priority: priority)
    try PublishRule.check(timestamp: timestamp)
  }

  /// The event that carries it. `now`: milliseconds since 1970.
  public func broadcast(now: Int64) throws(Failure) -> Broadcast {
    try check()
    var json = "{\"taskId\":\(RawJSON.quoted(taskID)),\"status\":\"\(status.rawValue)\""
    if let progress {
      let isWhole = progress.rounded() == progress
      json += ",\"progress\":\(isWhole ? String(Int(progress)) : String(progress))"
    }
    if let message { json += ",\"message\":\(RawJSON.quoted(message))" }
    json += ",\"timestamp\":\(timestamp ?? now)}"
    return Broadcast(room: room, event: "task-update", data: RawJSON(trusted: json), priority: priority)
  }
}

/// Something that happened to a project, for the room `project:ID`.
public struct ProjectEvent: Sendable, Codable, Equatable {
  public var projectID: ProjectID
  public var event: String
  public var data: RawJSON?
  public var priority: Int?

  public init(projectID: ProjectID, event: String, data: RawJSON? = nil, priority: Int? = nil) {
    self.projectID = projectID
    self.event = event
    self.data = data
    self.priority = priority
  }

  public var room: String { "project:\(projectID.rawValue)" }

  /// The event that carries it. Throws `invalid`, one line.
  public func broadcast() throws(Failure) -> Broadcast {
    let broadcast = Broadcast(room: room, event: event, data: data, priority: priority)
    try broadcast.check()
    return broadcast
  }
}

/// What became of an event that was published.
public struct PublishReceipt: Sendable, Codable, Equatable {
  /// How far it goes.
  public enum Reach: String, Sendable, Codable {
    /// Every node hears of it.
    case everywhere
    /// The sockets of this node; Redis is away.
    case localOnly
  }

  public var room: String
  /// The others, when there were several.
  public var moreRooms: [String]?
  public var event: String
  /// Sockets that are in the room: of this node, or of all nodes when `isComplete` is there. When acknowledgements were
  /// asked for, those that were asked for one.
  public var sockets: Int
  /// Nil: only this node was counted. False: another node did not say how many it has, or not all asked acknowledged.
  public var isComplete: Bool?
  /// How many of them acknowledged it in time; nil: nobody was asked to.
  public var acknowledged: Int?
  public var reach: Reach
  /// The throttle has it and will send it with its next batch.
  public var isHeld: Bool

  public init(
    room: String, event: String, sockets: Int, reach: Reach = .everywhere, isHeld: Bool = false,
    acknowledged: Int? = nil
  ) {
    self.room = room
    self.event = event
    self.sockets = sockets
    self.reach = reach
    self.isHeld = isHeld
    self.acknowledged = acknowledged
  }

  private enum CodingKeys: String, CodingKey {
    case room, moreRooms, event, sockets, acknowledged, reach
    case isComplete = "complete"
    case isHeld = "held"
  }
}

/// What rooms, events and ids may look like, for everybody who publishes.
public enum PublishRule {
  public static let roomBytesMax = 256
  /// Rooms of one broadcast.
  public static let roomsMax = 64
  /// What the gateway's throttle may hold and merge (CONTRACT, Gateway).
  public static let throttledEvents: Set<String> = ["agent-thought", "task-update"]
  public static let eventBytesMax = 128
  public static let idBytesMax = 200
  public static let socketIDBytesMax = 128
  /// Sockets that one command may kick.
  public static let kickedMax = 1_000
  public static let priorities = 0...9
  /// The room that everybody is in, as operators write it; no client can join or leave it.
  public static let everybody = "*"
  public static let acknowledgeMilliseconds = 1...60_000
  /// Names that the protocol and stock clients keep for themselves.
  public static let reservedEvents: Set<String> = [
    "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
  ]

  public static func check(room: String) throws(Failure) {
    guard (1...roomBytesMax).contains(room.utf8.count), isPlain(room) else {
      throw Failure(.invalid, "the room is not accepted", hint: "1 to \(roomBytesMax) bytes, no control characters")
    }
  }

  public static func check(event: String) throws(Failure) {
    guard (1...eventBytesMax).contains(event.utf8.count), isPlain(event) else {
      throw Failure(.invalid, "the event is not accepted", hint: "1 to \(eventBytesMax) bytes, no control characters")
    }
    guard !reservedEvents.contains(event) else {
      throw Failure(.invalid, "the event '\(event)' belongs to the protocol", hint: "name it otherwise")
    }
  }

  public static func check(id: String, of kind: String) throws(Failure) {
    guard (1...idBytesMax).contains(id.utf8.count), isPlain(id) else {
      throw Failure(
        .invalid, "the id of the \(kind) is not accepted", hint: "1 to \(idBytesMax) bytes, no control characters")
    }
  }

  public static func check(socketID: String) throws(Failure) {
    guard (1...socketIDBytesMax).contains(socketID.utf8.count),
      socketID.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { throw Failure(.invalid, "this is no id of a socket", hint: "signalbox sockets list shows them") }
  }

  public static func check(priority: Int?) throws(Failure) {
    if let priority, !priorities.contains(priority) {
      throw Failure(.invalid, "priority is out of range", hint: "0 to 9, 9 first")
    }
  }

  static func check(timestamp: Int64?) throws(Failure) {
    // 9999-12-31: what lies beyond is a mistake of units.
    if let timestamp, !(0...253_402_300_799_999).contains(timestamp) {
      throw Failure(.invalid, "timestamp is out of range", hint: "milliseconds since 1970")
    }
  }

  static func check(text: String, _ name: String, bytesMax: Int) throws(Failure) {
    guard !text.isEmpty else { throw Failure(.invalid, "\(name) is empty") }
    guard text.utf8.count <= bytesMax else {
      throw Failure(.limit, "\(name) is longer than \(bytesMax) bytes")
    }
  }

  private static func isPlain(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
  }
}
