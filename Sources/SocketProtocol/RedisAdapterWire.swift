/// What `@socket.io/redis-adapter` 8 and its emitters say to each other over Redis
/// (https://github.com/socketio/socket.io-redis-adapter, https://github.com/socketio/socket.io-redis-emitter).
///
/// A broadcast is a MessagePack array `[uid, packet, options]` on the channel `KEY#NSP#`, or `KEY#NSP#ROOM#` when
/// it goes to exactly one room. `uid` names the sending server, which ignores its own echo; emitters say `emitter`.
/// `packet` is `{type, data, nsp}` with the event's name as first element of `data`, binaries in place; `options`
/// is `{rooms, except, flags}`. Python's emitter writes empty strings for "no rooms" and "no flags" and has no
/// `except`.
///
/// Our nodes put a fourth element behind, which all others ignore: `[1, sequence, previous, kind, id, priority]`.
/// `sequence` is the broadcast's place in its node's order and `previous` that of the broadcast before it in the
/// node's log, so that whoever reads the log sees whether something is missing. The other three carry what the
/// throttle needs.
public struct RedisAdapterChannels: Sendable, Equatable {
  public let namespace: String
  /// To all, or to several rooms at once.
  public let broadcasts: String
  public let requests: String
  public let responses: String

  /// `key` is the setting `SIGNALBOX_SOCKETIO_KEY`.
  public init(key: String, namespace: String) {
    self.namespace = namespace
    broadcasts = "\(key)#\(namespace)#"
    requests = "\(key)-request#\(namespace)#"
    responses = "\(key)-response#\(namespace)#"
  }

  public func room(_ room: String) -> String { "\(broadcasts)\(room)#" }

  /// Where a broadcast to these rooms goes.
  public func channel(rooms: [String]) -> String { rooms.count == 1 ? room(rooms[0]) : broadcasts }

  /// Where servers that were told so send answers for `uid` alone.
  public func responses(to uid: String) -> String { "\(responses)\(uid)#" }
}

public struct AdapterBroadcast: Sendable, Equatable {
  /// Our fourth element.
  public struct Stamp: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
      case plain
      case agentThought(agent: String)
      case taskUpdate(task: String)
    }

    public var sequence: UInt64
    /// The broadcast before this one in the node's log; 0 for its first.
    public var previous: UInt64
    public var kind: Kind
    public var priority: UInt8

    public init(sequence: UInt64, previous: UInt64, kind: Kind = .plain, priority: UInt8 = 5) {
      self.sequence = sequence
      self.previous = previous
      self.kind = kind
      self.priority = priority
    }
  }

  public var uid: String
  public var namespace: String
  public var event: String
  /// JSON text of the array with the event's name first, placeholders for `attachments` in it.
  public var arguments: [UInt8]
  public var attachments: [[UInt8]]
  public var rooms: [String]
  public var except: [String]
  public var isVolatile: Bool
  public var stamp: Stamp?

  public init(
    uid: String, namespace: String, event: String, arguments: [UInt8], attachments: [[UInt8]] = [],
    rooms: [String] = [], except: [String] = [], isVolatile: Bool = false, stamp: Stamp? = nil
  ) {
    self.uid = uid
    self.namespace = namespace
    self.event = event
    self.arguments = arguments
    self.attachments = attachments
    self.rooms = rooms
    self.except = except
    self.isVolatile = isVolatile
    self.stamp = stamp
  }

  /// Types of socket.io-protocol 5 that carry an event.
  static let eventType: Int64 = 2
  static let binaryEventType: Int64 = 5

  public func encoded() throws(MessagePackJSON.JSONError) -> [UInt8] {
    var writer = MessagePackWriter()
    writer.bytes.reserveCapacity(arguments.count + attachments.reduce(192) { $0 + $1.count + 5 })
    writer.array(stamp == nil ? 3 : 4)
    writer.string(uid)
    try AdapterPacket.pack(arguments, attachments, namespace, into: &writer)
    AdapterOptions(rooms: rooms, except: except, isVolatile: isVolatile).pack(into: &writer)
    if let stamp { stamp.pack(into: &writer) }
    return writer.bytes
  }

  public init(decoding bytes: [UInt8]) throws(MessagePackError) {
    var reader = MessagePackReader(bytes)
    let count = try reader.array()
    guard count >= 3 else { throw .unexpectedType }
    let uid = try reader.string()
    let packet = try AdapterPacket(&reader)
    let options = try AdapterOptions(&reader)
    let stamp = count > 3 ? try Stamp(&reader) : nil
    for _ in 0..<max(0, count - 4) { try reader.skip() }
    guard reader.isAtEnd else { throw .trailingBytes }
    self.init(
      uid: uid, namespace: packet.namespace, event: packet.event, arguments: packet.arguments,
      attachments: packet.attachments, rooms: options.rooms, except: options.except, isVolatile: options.isVolatile,
      stamp: stamp)
  }
}

extension AdapterBroadcast.Stamp {
  private static let form: Int64 = 1

  func pack(into writer: inout MessagePackWriter) {
    writer.array(6)
    writer.integer(Self.form)
    writer.unsigned(sequence)
    writer.unsigned(previous)
    switch kind {
    case .plain:
      writer.integer(0)
      writer.string("")
    case .agentThought(let agent):
      writer.integer(1)
      writer.string(agent)
    case .taskUpdate(let task):
      writer.integer(2)
      writer.string(task)
    }
    writer.unsigned(UInt64(priority))
  }

  /// Nil when the element is another program's or of a form we do not know.
  init?(_ reader: inout MessagePackReader) throws(MessagePackError) {
    let start = reader
    guard try reader.peek() == .array, try reader.array() == 6, try reader.peek() == .integer,
      try reader.integer() == Self.form
    else {
      reader = start
      try reader.skip()
      return nil
    }
    sequence = try reader.unsigned()
    previous = try reader.unsigned()
    let number = try reader.integer()
    let id = try reader.string()
    kind =
      switch number {
      case 1: .agentThought(agent: id)
      case 2: .taskUpdate(task: id)
      default: .plain
      }
    priority = UInt8(clamping: min(9, try reader.unsigned()))
    guard sequence > 0, sequence <= UInt64(Int64.max), previous < sequence else { throw .outOfRange }
  }
}

/// `{type, data, nsp}`.
struct AdapterPacket {
  var namespace = "/"
  var event = ""
  var arguments: [UInt8] = []
  var attachments: [[UInt8]] = []

  static func pack(
    _ arguments: [UInt8], _ attachments: [[UInt8]], _ namespace: String, into writer: inout MessagePackWriter
  ) throws(MessagePackJSON.JSONError) {
    writer.map(3)
    writer.string("type")
    writer.integer(AdapterBroadcast.eventType)
    writer.string("data")
    try MessagePackJSON.pack(arguments, attachments: attachments, into: &writer)
    writer.string("nsp")
    writer.string(namespace)
  }

  init(_ reader: inout MessagePackReader) throws(MessagePackError) {
    var type: Int64?
    for _ in 0..<(try reader.map()) {
      switch try reader.string() {
      case "type": type = try reader.integer()
      case "data":
        var names = reader
        guard try names.array() > 0 else { throw .unexpectedType }
        event = try AdapterFields.text(&names)
        arguments = []
        attachments = []
        try MessagePackJSON.unpack(&reader, into: &arguments, attachments: &attachments)
      case "nsp": namespace = try AdapterFields.optionalText(&reader) ?? "/"
      default: try reader.skip()
      }
    }
    guard type == AdapterBroadcast.eventType || type == AdapterBroadcast.binaryEventType, !arguments.isEmpty else {
      throw .unexpectedType
    }
  }
}

/// `{rooms, except, flags}`.
struct AdapterOptions: Equatable {
  var rooms: [String] = []
  var except: [String] = []
  var isVolatile = false
  /// How long acknowledgements are waited for.
  var timeoutMilliseconds: Int64?

  init(rooms: [String], except: [String], isVolatile: Bool = false, timeoutMilliseconds: Int64? = nil) {
    self.rooms = rooms
    self.except = except
    self.isVolatile = isVolatile
    self.timeoutMilliseconds = timeoutMilliseconds
  }

  func pack(into writer: inout MessagePackWriter) {
    writer.map(3)
    writer.string("rooms")
    writer.strings(rooms)
    writer.string("except")
    writer.strings(except)
    writer.string("flags")
    writer.map((isVolatile ? 1 : 0) + (timeoutMilliseconds == nil ? 0 : 1))
    if isVolatile {
      writer.string("volatile")
      writer.boolean(true)
    }
    if let timeoutMilliseconds {
      writer.string("timeout")
      writer.integer(timeoutMilliseconds)
    }
  }

  init(_ reader: inout MessagePackReader) throws(MessagePackError) {
    for _ in 0..<(try reader.map()) {
      switch try reader.string() {
      case "rooms": rooms = try AdapterFields.texts(&reader)
      case "except": except = try AdapterFields.texts(&reader)
      case "flags": try flags(&reader)
      default: try reader.skip()
      }
    }
  }

  private mutating func flags(_ reader: inout MessagePackReader) throws(MessagePackError) {
    guard try reader.peek() == .map else { return try reader.skip() }
    for _ in 0..<(try reader.map()) {
      switch try reader.string() {
      case "volatile" where try reader.peek() == .boolean: isVolatile = try reader.boolean()
      case "timeout" where try reader.peek() == .integer: timeoutMilliseconds = max(0, try reader.integer())
      default: try reader.skip()
      }
    }
  }
}

/// How loosely typed programs write names.
enum AdapterFields {
  /// A string or a whole number: JavaScript's rooms and events may be either.
  static func text(_ reader: inout MessagePackReader) throws(MessagePackError) -> String {
    if try reader.peek() == .integer { return String(try reader.integer()) }
    return try reader.string()
  }

  /// Nil for null and `undefined`.
  static func optionalText(_ reader: inout MessagePackReader) throws(MessagePackError) -> String? {
    switch try reader.peek() {
    case .null, .extended:
      try reader.skip()
      return nil
    default: return try text(&reader)
    }
  }

  /// An array of names; null, `undefined` and the empty string mean none.
  static func texts(_ reader: inout MessagePackReader) throws(MessagePackError) -> [String] {
    guard try reader.peek() == .array else {
      guard try optionalText(&reader) ?? "" == "" else { throw .unexpectedType }
      return []
    }
    var texts: [String] = []
    for _ in 0..<(try reader.array()) { texts.append(try text(&reader)) }
    return texts
  }
}
