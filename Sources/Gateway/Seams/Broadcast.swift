internal import Synchronization

/// Where a broadcast began: one of our nodes, or a foreign Socket.IO server (its uid).
struct BroadcastOrigin: Hashable, Sendable {
  /// Of a node of ours its NodeID, else the uid in the adapter's message.
  var id: String
  /// The place in its origin's own order; a foreign server has none, and this node numbers what it receives from it.
  var sequence: UInt64
}

/// An emission with its place in this node's order: one immutable object for all its receivers, on all loops and in the
/// cluster. What goes over the wire is encoded once per form, by the first who needs it, and again only for whoever is
/// so late that the history has dropped the forms.
final class Broadcast: Sendable {
  let emission: Emission
  let origin: BroadcastOrigin
  /// The place in this node's order, which all its loops see.
  let sequence: UInt64
  /// Monotonic nanoseconds at which it got that place; delivery latency counts from here.
  let sequencedAt: UInt64
  /// The recovery offset its receivers are given as last argument; empty when it cannot be recovered.
  let offset: [UInt8]
  private let forms = Mutex(Forms())

  /// The encoded forms, each made on first use.
  private struct Forms {
    var socketIO: EncodedPacket?
    var rawFrame: [UInt8]?
    var packed: [UInt8]?
  }

  init(emission: Emission, origin: BroadcastOrigin, sequence: UInt64, sequencedAt: UInt64, offset: [UInt8]) {
    self.emission = emission
    self.origin = origin
    self.sequence = sequence
    self.sequencedAt = sequencedAt
    self.offset = offset
  }

  /// Engine.IO messages of Socket.IO: the text packet and its attachments, and the same as WebSocket frames.
  var socketIO: EncodedPacket {
    forms.withLock { forms in
      if let made = forms.socketIO { return made }
      let made = EncodedPacket(broadcast: self)
      forms.socketIO = made
      return made
    }
  }

  /// A raw socket's text frame: `{"event":…,"data":…}`.
  var rawFrame: [UInt8] {
    forms.withLock { forms in
      if let made = forms.rawFrame { return made }
      let made = RawFrame.make(of: emission)
      forms.rawFrame = made
      return made
    }
  }

  /// `socketIO.frames` with what is long compressed, once a loop has made it. Nothing in it depends on what a
  /// connection was sent before, so all that agreed to compression are sent the same.
  var packed: [UInt8]? { forms.withLock { $0.packed } }

  func keep(packed: [UInt8]) { forms.withLock { $0.packed = packed } }
  /// An old one is rarely sent again: its encoded forms would triple what the history holds.
  func forgetForms() { forms.withLock { $0 = Forms() } }

  /// What it takes in a queue.
  var size: Int { emission.arguments.count + offset.count + emission.attachments.reduce(16) { $0 + $1.count } }
}
