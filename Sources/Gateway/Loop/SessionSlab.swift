internal import SocketProtocol

/// The sessions of one loop, in chunks that never move: a slot is a session's address for life, and its generation says
/// whether it is still the same one. Free slots are used again, last first.
struct SessionSlab: ~Copyable {
  static let chunkBits = 8
  static let chunkSize = 1 << chunkBits
  /// A slot has 24 bits in a session's id.
  static let slotsMax = 1 << 24

  private var chunks: [UnsafeMutablePointer<Session>] = []
  private var free: [Int32] = []
  private(set) var count = 0

  deinit {
    for chunk in chunks {
      chunk.deinitialize(count: Self.chunkSize)
      chunk.deallocate()
    }
  }

  /// One past the highest slot there is.
  var capacity: Int { chunks.count << Self.chunkBits }

  subscript(slot: Int32) -> UnsafeMutablePointer<Session> {
    chunks[Int(slot) >> Self.chunkBits] + (Int(slot) & (Self.chunkSize - 1))
  }

  /// A fresh session in `phase` open; nil when all slots are taken.
  mutating func make(loop: UInt8, parser: WebSocketFrameParser, identity: Identity) -> Int32? {
    if free.isEmpty {
      guard capacity < Self.slotsMax else { return nil }
      grow(parser: parser, identity: identity)
    }
    guard let slot = free.popLast() else { return nil }
    let generation = self[slot].pointee.generation &+ 1
    var session = Session(id: SessionID(loop: loop, slot: UInt32(slot)), parser: parser, identity: identity)
    session.generation = generation
    session.phase = .open
    self[slot].pointee = session
    count += 1
    return slot
  }

  mutating func release(_ slot: Int32, parser: WebSocketFrameParser, identity: Identity) {
    let generation = self[slot].pointee.generation
    self[slot].pointee = Session(id: SessionID(loop: 0, slot: 0, secret: (0, 0)), parser: parser, identity: identity)
    self[slot].pointee.generation = generation
    free.append(slot)
    count -= 1
  }

  /// The slot of the session with this id; nil when it has ended.
  func find(_ id: SessionID) -> Int32? {
    guard Int(id.slot) < capacity else { return nil }
    let session = self[Int32(id.slot)]
    return session.pointee.phase == .open && session.pointee.id == id ? Int32(id.slot) : nil
  }

  private mutating func grow(parser: WebSocketFrameParser, identity: Identity) {
    let chunk = UnsafeMutablePointer<Session>.allocate(capacity: Self.chunkSize)
    let nobody = Session(id: SessionID(loop: 0, slot: 0, secret: (0, 0)), parser: parser, identity: identity)
    chunk.initialize(repeating: nobody, count: Self.chunkSize)
    let first = Int32(capacity)
    chunks.append(chunk)
    for slot in (first..<first + Int32(Self.chunkSize)).reversed() { free.append(slot) }
  }
}
