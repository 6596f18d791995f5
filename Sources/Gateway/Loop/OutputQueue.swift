internal import DequeModule

/// What waits to be sent to one client. It knows no transport: a GET drains it as a payload, a WebSocket as frames.
/// A client that keeps up owns no storage here.
///
/// Bounds: `bytes` and the number of events. Control packets (heartbeats, acks of the transport, close) do not count
/// and are never dropped; they have a small bound of their own past which the client is cut.
struct OutputQueue {
  enum Item {
    /// An Engine.IO text packet, type digit included.
    case text([UInt8])
    case binary([UInt8])
    case broadcast(Broadcast)
    /// A WebSocket frame as it is: pong, close, messages of raw sockets.
    case frame([UInt8])
  }

  struct Entry {
    var item: Item
    var bytes: Int32
    var isControl: Bool
    var isVolatile: Bool
  }

  static let controlMax = 64
  /// What an entry costs beside its bytes, so that a million empty events are not free.
  static let entryBytes = 64

  private(set) var entries: Deque<Entry> = []
  private(set) var bytes = 0
  private(set) var controls: Int32 = 0
  /// Without it a queue without volatile events would be searched whole for one with each event that is dropped.
  private var volatiles: Int32 = 0
  /// The rest of what a send did not take; always first.
  private(set) var rest: [UInt8] = []
  private var restStart = 0

  var isEmpty: Bool { entries.isEmpty && rest.isEmpty }
  var hasRest: Bool { !rest.isEmpty }
  var count: Int { entries.count }
  var events: Int { entries.count - Int(controls) }
  /// All that is held for this client.
  var heldBytes: Int { bytes + rest.count - restStart }

  mutating func append(_ item: Item, isControl: Bool = false, isVolatile: Bool = false) {
    let size = item.size
    entries.append(Entry(item: item, bytes: Int32(clamping: size), isControl: isControl, isVolatile: isVolatile))
    if isControl { controls += 1 } else { bytes += size }
    if isVolatile { volatiles += 1 }
  }

  mutating func popFirst() -> Item? {
    guard let entry = entries.popFirst() else { return nil }
    forget(entry)
    return entry.item
  }

  mutating func keep(rest unsent: UnsafeRawBufferPointer) {
    rest = Array(unsent)
    restStart = 0
  }

  func withRest<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    rest.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[restStart...])) }
  }

  mutating func took(_ count: Int) {
    restStart += count
    if restStart == rest.count {
      rest = []
      restStart = 0
    }
  }

  /// Removes the oldest event that may go; volatile ones first. False when there is none.
  mutating func dropOldest(volatileOnly: Bool = false) -> Bool {
    let volatile = volatiles > 0 ? entries.firstIndex { !$0.isControl && $0.isVolatile } : nil
    guard let index = volatile ?? (volatileOnly ? nil : entries.firstIndex { !$0.isControl }) else { return false }
    remove(index)
    // Attachments go with the packet that announced them.
    while index < entries.count, case .binary = entries[index].item { remove(index) }
    return true
  }

  /// Removes the older update of the same task that waits, because a newer one supersedes it. True when there was one.
  mutating func supersede(task: String) -> Bool {
    guard
      let index = entries.firstIndex(where: { entry in
        guard case .broadcast(let waiting) = entry.item else { return false }
        return waiting.emission.kind == .taskUpdate(task: task)
      })
    else { return false }
    remove(index)
    return true
  }

  mutating func clear() {
    entries = []
    bytes = 0
    controls = 0
    volatiles = 0
    rest = []
    restStart = 0
  }

  private mutating func remove(_ index: Int) { forget(entries.remove(at: index)) }

  private mutating func forget(_ entry: Entry) {
    if entry.isControl { controls -= 1 } else { bytes -= Int(entry.bytes) }
    if entry.isVolatile { volatiles -= 1 }
    if entries.isEmpty { entries = [] }
  }
}

extension OutputQueue.Item {
  /// What it counts in the queue.
  var size: Int {
    switch self {
    case .text(let bytes), .binary(let bytes), .frame(let bytes): bytes.count + OutputQueue.entryBytes
    case .broadcast(let broadcast): broadcast.size + OutputQueue.entryBytes
    }
  }
}
