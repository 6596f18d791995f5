/// Requests and answers between servers: JSON when the first byte is `{`, else MessagePack. Both are read by the same
/// code: JSON is turned into MessagePack first.
public struct AdapterRequest: Sendable, Equatable {
  public enum Kind: Int64, Sendable {
    case sockets = 0
    case allRooms = 1
    case remoteJoin = 2
    case remoteLeave = 3
    case remoteDisconnect = 4
    case remoteFetch = 5
    case serverSideEmit = 6
    /// A broadcast whose receivers acknowledge it.
    case broadcast = 7
    /// How many members the selection has: asked and answered by our own nodes alone, others ignore the number. The
    /// answer is a `clientCount`.
    case members = 100
  }

  public var kind: Kind
  public var uid = ""
  /// Nil: no answer is expected.
  public var requestID: String?
  /// Which sockets: members of any of these (empty: all), less those in `except`.
  public var selection: [String] = []
  public var except: [String] = []
  /// What to join or leave.
  public var rooms: [String] = []
  /// Older servers name one socket instead of a selection, and want an answer.
  public var socketID: String?
  public var closesTransport = false
  /// The event of a `broadcast`, as in `AdapterBroadcast`; its `uid` and rooms are those of the request.
  public var arguments: [UInt8] = []
  public var attachments: [[UInt8]] = []
  public var event = ""
  public var namespace = "/"
  /// How long a `broadcast` waits for acknowledgements; nil: its sender did not say.
  public var timeoutMilliseconds: Int64?

  public init(kind: Kind) { self.kind = kind }

  public init(decoding bytes: [UInt8]) throws(MessagePackError) {
    var reader = try AdapterDocument.reader(bytes)
    kind = .sockets
    var type: Int64?
    for _ in 0..<(try reader.map()) {
      switch try reader.string() {
      case "type": type = try reader.integer()
      case "uid": uid = try AdapterFields.optionalText(&reader) ?? ""
      case "requestId": requestID = try AdapterFields.optionalText(&reader)
      case "opts" where try reader.peek() == .map:
        let options = try AdapterOptions(&reader)
        (selection, except) = (options.rooms, options.except)
        timeoutMilliseconds = options.timeoutMilliseconds
      case "rooms": rooms = try AdapterFields.texts(&reader)
      case "room": rooms = [try AdapterFields.text(&reader)]
      case "sid": socketID = try AdapterFields.optionalText(&reader)
      case "close" where try reader.peek() == .boolean: closesTransport = try reader.boolean()
      case "packet": try packet(&reader)
      default: try reader.skip()
      }
    }
    guard reader.isAtEnd else { throw .trailingBytes }
    guard let type, let kind = Kind(rawValue: type) else { throw .outOfRange }
    guard kind != .broadcast || !arguments.isEmpty else { throw .unexpectedType }
    self.kind = kind
    if kind == .sockets { (selection, rooms) = (rooms, []) }
    if let socketID { selection = [socketID] }
  }

  private mutating func packet(_ reader: inout MessagePackReader) throws(MessagePackError) {
    let packet = try AdapterPacket(&reader)
    (event, arguments, attachments) = (packet.event, packet.arguments, packet.attachments)
    namespace = packet.namespace
  }

  /// As the Node adapter sends them: a `broadcast` in MessagePack, everything else in JSON.
  public func encoded() throws(MessagePackJSON.JSONError) -> [UInt8] {
    guard kind != .broadcast else { return try encodedBroadcast() }
    var json = AdapterJSON()
    json.text("uid", uid)
    if let requestID { json.text("requestId", requestID) }
    json.raw("type", String(kind.rawValue))
    if kind != .allRooms {
      var options = AdapterJSON()
      options.texts("rooms", selection)
      options.texts("except", except)
      json.raw("opts", options.object)
    }
    switch kind {
    case .remoteJoin, .remoteLeave: json.texts("rooms", rooms)
    case .remoteDisconnect: json.raw("close", closesTransport ? "true" : "false")
    default: break
    }
    return json.object
  }
}

extension AdapterRequest {
  private func encodedBroadcast() throws(MessagePackJSON.JSONError) -> [UInt8] {
    var writer = MessagePackWriter()
    writer.map(5)
    writer.string("uid")
    writer.string(uid)
    writer.string("requestId")
    writer.string(requestID ?? "")
    writer.string("type")
    writer.integer(kind.rawValue)
    writer.string("packet")
    try AdapterPacket.pack(arguments, attachments, namespace, into: &writer)
    writer.string("opts")
    AdapterOptions(rooms: selection, except: except, timeoutMilliseconds: timeoutMilliseconds).pack(into: &writer)
    return writer.bytes
  }
}

/// An answer to a request. Which of the fields are there depends on the question.
public struct AdapterResponse: Sendable, Equatable {
  public struct Socket: Sendable, Equatable {
    public var id: String
    public var rooms: [String]
    /// JSON text of the handshake object and of the socket's data.
    public var handshake: [UInt8]
    public var data: [UInt8]

    public init(id: String, rooms: [String] = [], handshake: [UInt8] = [], data: [UInt8] = []) {
      self.id = id
      self.rooms = rooms
      self.handshake = handshake
      self.data = data
    }
  }

  public enum Content: Sendable, Equatable {
    case done
    case rooms([String])
    case sockets([Socket])
    /// The older question, answered with names only.
    case socketIDs([String])
    /// How many clients will acknowledge a broadcast.
    case clientCount(Int)
    /// The first argument of one client's acknowledgement, as JSON text.
    case acknowledgement([UInt8], attachments: [[UInt8]])
  }

  private static let clientCountType: Int64 = 8
  private static let acknowledgementType: Int64 = 9

  public var requestID: String
  public var content: Content

  public init(requestID: String, _ content: Content) {
    self.requestID = requestID
    self.content = content
  }

  public func encoded() throws(MessagePackJSON.JSONError) -> [UInt8] {
    var json = AdapterJSON()
    switch content {
    case .done: json.text("requestId", requestID)
    case .rooms(let rooms):
      json.text("requestId", requestID)
      json.texts("rooms", rooms)
    case .socketIDs(let names):
      json.text("requestId", requestID)
      json.texts("sockets", names)
    case .sockets(let sockets):
      json.text("requestId", requestID)
      json.raw("sockets", AdapterJSON.array(sockets.map(Self.object)))
    case .clientCount(let count):
      json.raw("type", String(Self.clientCountType))
      json.text("requestId", requestID)
      json.raw("clientCount", String(count))
    case .acknowledgement(let argument, let attachments):
      var writer = MessagePackWriter()
      writer.map(3)
      writer.string("type")
      writer.integer(Self.acknowledgementType)
      writer.string("requestId")
      writer.string(requestID)
      writer.string("packet")
      try MessagePackJSON.pack(argument, attachments: attachments, into: &writer)
      return writer.bytes
    }
    return json.object
  }

  private static func object(_ socket: Socket) -> [UInt8] {
    var json = AdapterJSON()
    json.text("id", socket.id)
    json.raw("handshake", socket.handshake.isEmpty ? Array("{}".utf8) : socket.handshake)
    json.texts("rooms", socket.rooms)
    json.raw("data", socket.data.isEmpty ? Array("{}".utf8) : socket.data)
    return json.object
  }

  public init(decoding bytes: [UInt8]) throws(MessagePackError) {
    var reader = try AdapterDocument.reader(bytes)
    var requestID: String?
    var content = Content.done
    for _ in 0..<(try reader.map()) {
      switch try reader.string() {
      case "requestId": requestID = try AdapterFields.optionalText(&reader)
      case "rooms": content = .rooms(try AdapterFields.texts(&reader))
      case "sockets": content = try Self.sockets(&reader)
      case "clientCount": content = .clientCount(Int(clamping: try reader.integer()))
      case "packet":
        var (json, attachments): ([UInt8], [[UInt8]]) = ([], [])
        try MessagePackJSON.unpack(&reader, into: &json, attachments: &attachments)
        content = .acknowledgement(json, attachments: attachments)
      default: try reader.skip()
      }
    }
    guard reader.isAtEnd else { throw .trailingBytes }
    guard let requestID else { throw .unexpectedType }
    self.init(requestID: requestID, content)
  }

  private static func sockets(_ reader: inout MessagePackReader) throws(MessagePackError) -> Content {
    var names: [String] = []
    var sockets: [Socket] = []
    for _ in 0..<(try reader.array()) {
      guard try reader.peek() == .map else {
        names.append(try AdapterFields.text(&reader))
        continue
      }
      sockets.append(try socket(&reader))
    }
    return names.isEmpty ? .sockets(sockets) : .socketIDs(names)
  }

  private static func socket(_ reader: inout MessagePackReader) throws(MessagePackError) -> Socket {
    var socket = Socket(id: "")
    var attachments: [[UInt8]] = []
    for _ in 0..<(try reader.map()) {
      switch try reader.string() {
      case "id": socket.id = try AdapterFields.text(&reader)
      case "rooms": socket.rooms = try AdapterFields.texts(&reader)
      case "handshake": try MessagePackJSON.unpack(&reader, into: &socket.handshake, attachments: &attachments)
      case "data": try MessagePackJSON.unpack(&reader, into: &socket.data, attachments: &attachments)
      default: try reader.skip()
      }
    }
    return socket
  }
}

enum AdapterDocument {
  static func reader(_ bytes: [UInt8]) throws(MessagePackError) -> MessagePackReader {
    guard bytes.first == UInt8(ascii: "{") else { return MessagePackReader(bytes) }
    var writer = MessagePackWriter()
    do throws(MessagePackJSON.JSONError) {
      try MessagePackJSON.pack(bytes, into: &writer)
    } catch {
      throw .invalidByte
    }
    return MessagePackReader(writer.bytes)
  }
}

/// Writes one JSON object, key by key.
struct AdapterJSON {
  private var members: [UInt8] = []

  var object: [UInt8] { [UInt8(ascii: "{")] + members + [UInt8(ascii: "}")] }

  mutating func text(_ key: String, _ value: String) {
    name(key)
    MessagePackJSON.appendString(value, to: &members)
  }

  mutating func texts(_ key: String, _ values: [String]) {
    let items = values.map { value in
      var item: [UInt8] = []
      MessagePackJSON.appendString(value, to: &item)
      return item
    }
    raw(key, Self.array(items))
  }

  mutating func raw(_ key: String, _ value: some Sequence<UInt8>) {
    name(key)
    members += value
  }

  mutating func raw(_ key: String, _ value: String) { raw(key, value.utf8) }

  static func array(_ items: [[UInt8]]) -> [UInt8] {
    [UInt8(ascii: "[")] + items.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
  }

  private mutating func name(_ key: String) {
    if !members.isEmpty { members.append(UInt8(ascii: ",")) }
    MessagePackJSON.appendString(key, to: &members)
    members.append(UInt8(ascii: ":"))
  }
}
