internal import SocketProtocol

/// What a node says about itself every second, on a channel of ours: `[1, node, version, sockets, last, lost,
/// leaving]`.
struct PeerMessage: Sendable, Equatable {
  var node: String
  var version: String
  var sockets: Int
  /// The last broadcast that was published before this message.
  var last: UInt64
  /// Up to here the node knows that others may have missed something.
  var lost: UInt64
  /// The node is stopping.
  var isLeaving = false

  private static let form: Int64 = 1
  private static let textBytesMax = 64

  var encoded: [UInt8] {
    var writer = MessagePackWriter()
    writer.array(7)
    writer.integer(Self.form)
    writer.string(node)
    writer.string(version)
    writer.integer(Int64(sockets))
    writer.unsigned(last)
    writer.unsigned(lost)
    writer.boolean(isLeaving)
    return writer.bytes
  }

  init(node: String, version: String, sockets: Int, last: UInt64, lost: UInt64, isLeaving: Bool = false) {
    self.node = node
    self.version = version
    self.sockets = sockets
    self.last = last
    self.lost = lost
    self.isLeaving = isLeaving
  }

  init(decoding bytes: [UInt8]) throws(MessagePackError) {
    var reader = MessagePackReader(bytes)
    guard try reader.array() >= 7, try reader.integer() == Self.form else { throw .unexpectedType }
    node = try reader.string()
    version = try reader.string()
    sockets = Int(clamping: max(0, try reader.integer()))
    last = try reader.unsigned()
    lost = try reader.unsigned()
    isLeaving = try reader.boolean()
    guard (1...Self.textBytesMax).contains(node.utf8.count), version.utf8.count <= Self.textBytesMax,
      last <= UInt64(Int64.max), lost <= UInt64(Int64.max)
    else { throw .outOfRange }
  }
}

/// A session in the cluster's store: `[1, pid, sid, namespace, user, rooms, droppedAt, held]`, each of `held` being
/// `[kind, id, rooms, after]`; without the last when nothing was held.
extension RecoverySession {
  private static let form: Int64 = 1

  var encoded: [UInt8] {
    var writer = MessagePackWriter()
    writer.array(held.isEmpty ? 7 : 8)
    writer.integer(Self.form)
    writer.string(pid)
    writer.string(sid)
    writer.string(namespace)
    writer.string(user)
    writer.strings(rooms)
    if let droppedAtMilliseconds { writer.integer(droppedAtMilliseconds) } else { writer.null() }
    guard !held.isEmpty else { return writer.bytes }
    writer.array(held.count)
    for stream in held { stream.pack(into: &writer) }
    return writer.bytes
  }

  init(decoding bytes: [UInt8]) throws(MessagePackError) {
    var reader = MessagePackReader(bytes)
    let count = try reader.array()
    guard count == 7 || count == 8, try reader.integer() == Self.form else { throw .unexpectedType }
    let (pid, sid, namespace, user) =
      (try reader.string(), try reader.string(), try reader.string(), try reader.string())
    var rooms: [String] = []
    for _ in 0..<(try reader.array()) { rooms.append(try reader.string()) }
    var dropped: Int64?
    if try reader.peek() == .null { try reader.null() } else { dropped = try reader.integer() }
    var held: [HeldStream] = []
    if count == 8 { for _ in 0..<(try reader.array()) { held.append(try HeldStream(&reader)) } }
    guard reader.isAtEnd else { throw .trailingBytes }
    self.init(
      pid: pid, sid: sid, namespace: namespace, user: user, rooms: rooms, droppedAtMilliseconds: dropped, held: held)
  }
}

extension HeldStream {
  func pack(into writer: inout MessagePackWriter) {
    writer.array(4)
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
    writer.strings(rooms)
    writer.string(after)
  }

  init(_ reader: inout MessagePackReader) throws(MessagePackError) {
    guard try reader.array() == 4 else { throw .unexpectedType }
    let (number, id) = (try reader.integer(), try reader.string())
    var rooms: [String] = []
    for _ in 0..<(try reader.array()) { rooms.append(try reader.string()) }
    let kind: Emission.Kind = number == 1 ? .agentThought(agent: id) : number == 2 ? .taskUpdate(task: id) : .plain
    self.init(kind: kind, rooms: rooms, after: try reader.string())
  }
}
