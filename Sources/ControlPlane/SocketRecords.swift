public import Base

/// One connection of the gateway as a row.
public struct SocketRecord: Sendable, Codable, Equatable {
  public enum Transport: String, Sendable, Codable, CaseIterable {
    case polling, websocket
    /// `/ws` without Socket.IO.
    case raw
  }

  public enum State: String, Sendable, Codable, CaseIterable {
    case live
    /// Nothing but heartbeats for a minute.
    case idle
    /// Its queue is more than half full.
    case slow
    case closing
  }

  /// Rooms that a row names; `roomCount` says how many there are.
  public static let roomsMax = 4

  /// The public id, which other clients may know; never the Engine.IO session's, which lets a polling request in.
  public var id: String
  /// The token's `sub`, else what the handshake called itself, else the id. Outside text.
  public var user: String
  /// Whether `user` comes from a token.
  public var isVerified: Bool
  /// What the handshake said it is. Outside text.
  public var agent: String?
  /// The first of them. Outside text.
  public var rooms: [String]
  public var roomCount: Int
  public var transport: Transport
  public var state: State
  /// Of the last heartbeat; nil before the first.
  public var rttMilliseconds: Double?
  /// Events from the client, and to it.
  public var inPerSecond: Double
  public var outPerSecond: Double
  public var queuedBytes: Int
  public var queuedFrames: Int
  /// Milliseconds since 1970.
  public var connectedAt: Int64
  /// Since the last event in either direction.
  public var idleMilliseconds: Int64
  /// The client's, behind trusted proxies. Empty for those who may not see it.
  public var address: String
  public var node: String

  public init(
    id: String, user: String, isVerified: Bool = false, agent: String? = nil, rooms: [String] = [],
    roomCount: Int? = nil, transport: Transport = .websocket, state: State = .live, rttMilliseconds: Double? = nil,
    inPerSecond: Double = 0, outPerSecond: Double = 0, queuedBytes: Int = 0, queuedFrames: Int = 0,
    connectedAt: Int64, idleMilliseconds: Int64 = 0, address: String, node: String
  ) {
    self.id = id
    self.user = user
    self.isVerified = isVerified
    self.agent = agent
    self.rooms = rooms
    self.roomCount = roomCount ?? rooms.count
    self.transport = transport
    self.state = state
    self.rttMilliseconds = rttMilliseconds
    self.inPerSecond = inPerSecond
    self.outPerSecond = outPerSecond
    self.queuedBytes = queuedBytes
    self.queuedFrames = queuedFrames
    self.connectedAt = connectedAt
    self.idleMilliseconds = idleMilliseconds
    self.address = address
    self.node = node
  }

  private enum CodingKeys: String, CodingKey {
    case id, user, agent, rooms, roomCount, transport, state, rttMilliseconds, inPerSecond, outPerSecond
    case queuedBytes, queuedFrames, connectedAt, idleMilliseconds, address, node
    case isVerified = "verified"
  }
}

/// Everything that is known of one connection.
public struct SocketDetail: Sendable, Codable, Equatable {
  /// An event that passed: its name and size, never its content.
  public struct Activity: Sendable, Codable, Equatable {
    public enum Direction: String, Sendable, Codable {
      case `in`, out
    }

    /// Milliseconds since 1970.
    public var timeMilliseconds: Int64
    public var direction: Direction
    /// Outside text.
    public var event: String
    /// Nil: to this socket alone. Outside text.
    public var room: String?
    public var bytes: Int

    public init(timeMilliseconds: Int64, direction: Direction, event: String, room: String? = nil, bytes: Int) {
      self.timeMilliseconds = timeMilliseconds
      self.direction = direction
      self.event = event
      self.room = room
      self.bytes = bytes
    }
  }

  public var socket: SocketRecord
  /// All of them, in order of their names. Outside text.
  public var rooms: [String]
  public var namespaces: [String]
  /// The newest first; empty when nobody looked at this socket before.
  public var recent: [Activity]
  public var eventsIn: UInt64
  public var eventsOut: UInt64
  public var bytesIn: UInt64
  public var bytesOut: UInt64
  public var dropped: UInt64
  /// When its token ends, in milliseconds since 1970.
  public var expiresAt: Int64?

  public init(
    socket: SocketRecord, rooms: [String], namespaces: [String] = ["/"], recent: [Activity] = [], eventsIn: UInt64 = 0,
    eventsOut: UInt64 = 0, bytesIn: UInt64 = 0, bytesOut: UInt64 = 0, dropped: UInt64 = 0, expiresAt: Int64? = nil
  ) {
    self.socket = socket
    self.rooms = rooms
    self.namespaces = namespaces
    self.recent = recent
    self.eventsIn = eventsIn
    self.eventsOut = eventsOut
    self.bytesIn = bytesIn
    self.bytesOut = bytesOut
    self.dropped = dropped
    self.expiresAt = expiresAt
  }
}

/// Which rows of the sockets' table are wanted. A face asks for the page it shows, never for all.
public struct SocketQuery: Sendable, Codable, Equatable {
  /// What rows are sorted by. The id decides between equals, so that no row moves without a reason.
  public enum Order: String, Sendable, Codable, CaseIterable {
    case id, user, rooms, transport, state, rtt, `in`, out, queue, age, idle
  }

  public static let limitMax = 1_000

  /// In the grammar of `SocketFilter`; nil: all.
  public var filter: String?
  public var sort: Order
  public var isDescending: Bool
  public var offset: Int
  /// 1…1,000.
  public var limit: Int

  public init(
    filter: String? = nil, sort: Order = .age, isDescending: Bool = false, offset: Int = 0, limit: Int = 100
  ) {
    self.filter = filter
    self.sort = sort
    self.isDescending = isDescending
    self.offset = offset
    self.limit = limit
  }

  /// Throws `invalid` for a filter or bounds that are not accepted.
  public func check() throws(Failure) {
    guard (1...Self.limitMax).contains(limit) else {
      throw Failure(.invalid, "limit is out of range", hint: "accepted: 1 to \(Self.limitMax)")
    }
    guard (0...10_000_000).contains(offset) else {
      throw Failure(.invalid, "offset is out of range", hint: "accepted: 0 to 10000000")
    }
    _ = try filter.map { text throws(Failure) in try SocketFilter.parse(text) }
  }
}

/// A page of the sockets' table.
public struct SocketPage: Sendable, Codable, Equatable {
  public var sockets: [SocketRecord]
  /// Where the page begins among those that match.
  public var offset: Int
  public var matching: Int
  /// On this node.
  public var total: Int
  /// Nodes whose sockets are not in this list; nil: there are none.
  public var peers: [Peer]?

  public struct Peer: Sendable, Codable, Equatable {
    public var node: String
    /// As it said last.
    public var sockets: Int

    public init(node: String, sockets: Int) {
      self.node = node
      self.sockets = sockets
    }
  }

  public init(sockets: [SocketRecord] = [], offset: Int = 0, matching: Int = 0, total: Int = 0) {
    self.sockets = sockets
    self.offset = offset
    self.matching = matching
    self.total = total
  }
}

/// How many sockets an event to a room would reach.
public struct Audience: Sendable, Codable, Equatable {
  public var room: String
  public var sockets: Int
  /// Whether the other nodes were asked too, and answered.
  public var isComplete: Bool

  public init(room: String, sockets: Int, isComplete: Bool = true) {
    self.room = room
    self.sockets = sockets
    self.isComplete = isComplete
  }

  private enum CodingKeys: String, CodingKey {
    case room, sockets
    case isComplete = "complete"
  }
}

/// What became of a kick. A socket that is not there has gone by itself, or never was.
public struct KickReport: Sendable, Codable, Equatable {
  public var kicked: [String]
  public var missing: [String]

  public init(kicked: [String], missing: [String]) {
    self.kicked = kicked
    self.missing = missing
  }
}

extension SocketQuery {
  /// What the command line and HTTP call an order: `queue`, or `-queue` for the greatest first. Throws `invalid`.
  public mutating func sort(by text: String) throws(Failure) {
    let isDescending = text.hasPrefix("-")
    guard let order = Order(rawValue: isDescending ? String(text.dropFirst()) : text) else {
      let known = Order.allCases.map(\.rawValue).joined(separator: ", ")
      throw Failure(
        .invalid, "sockets cannot be sorted so", hint: "accepted: \(known), with - in front for the greatest first")
    }
    sort = order
    self.isDescending = isDescending
  }
}
