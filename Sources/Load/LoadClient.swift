/// One connection of a load: who it is, how far its handshake is, and bytes that wait.
struct LoadClient {
  enum Kind: UInt8 {
    case receiver, publisher, probe
  }

  enum Stage: UInt8 {
    /// `connect` is under way.
    case connecting
    /// The upgrade request is sent, and the 101 awaited.
    case upgrading
    /// Awaits Engine.IO's open packet.
    case opening
    /// CONNECT is sent.
    case joining
    /// `subscribe-…` is sent.
    case subscribing
    case ready
    /// Ready, and reads nothing any more.
    case stalled
    case closed
  }

  let kind: Kind
  /// Among those of its kind.
  let number: Int
  var descriptor: Int32
  var stage = Stage.connecting
  var isWriting = false
  /// A probe's question is not answered yet.
  var isAsking = false
  /// The beginning of a frame, or of the answer to the upgrade.
  var unread: [UInt8] = []
  /// What the socket did not take.
  var unsent: [UInt8] = []

  init(_ kind: Kind, _ number: Int, descriptor: Int32) {
    self.kind = kind
    self.number = number
    self.descriptor = descriptor
  }

  var isOpen: Bool { stage != .closed }
  var isConnected: Bool { stage == .ready || stage == .stalled }
}

/// What a server said, in the words of Engine.IO 4 and Socket.IO 5.
enum ServerMessage {
  case open, ping, connected, event
  /// The number of the request, and the range of the JSON answer.
  case acknowledgement(Int, Range<Int>)
  case refused, closed, other

  /// `payload` is the text of one message.
  init(_ payload: UnsafeRawBufferPointer) {
    guard let first = payload.first else {
      self = .other
      return
    }
    switch (first, payload.count > 1 ? payload[1] : 0) {
    case (UInt8(ascii: "4"), UInt8(ascii: "2")): self = .event
    case (UInt8(ascii: "2"), 0): self = .ping
    case (UInt8(ascii: "0"), _): self = .open
    case (UInt8(ascii: "1"), _), (UInt8(ascii: "4"), UInt8(ascii: "1")): self = .closed
    case (UInt8(ascii: "4"), UInt8(ascii: "0")): self = .connected
    case (UInt8(ascii: "4"), UInt8(ascii: "4")): self = .refused
    case (UInt8(ascii: "4"), UInt8(ascii: "3")):
      var (position, number) = (2, 0)
      while position < payload.count, position < 18, (48...57).contains(payload[position]) {
        number = number * 10 + Int(payload[position] - 48)
        position += 1
      }
      self = .acknowledgement(number, position..<payload.count)
    default: self = .other
    }
  }
}
