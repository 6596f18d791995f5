internal import Glibc
internal import Telemetry

/// The broadcasts of one tick, in the node's order.
struct TickLog {
  struct Entry {
    var room: Int32
    var broadcast: Broadcast
  }

  var entries: [Entry] = []
  var dirtyRooms: [Int32] = []
  /// Goes up with every flush, so that a session's `settledTick` of an earlier one means nothing.
  var number: UInt32 = 1
  /// A paced flush waits until then; 0: none waits.
  var notBefore: UInt64 = 0
  /// Bytes collected in all rooms' buffers.
  var bytes = 0
  var hasWork: Bool { !entries.isEmpty }
}

/// From broadcasts to sends: one send per client and tick.
///
/// A broadcast to one room is appended to the room's buffer, as frames. At the end of the tick every member that keeps
/// up and is in one dirty room only is sent that buffer as it is: no copy, no allocation, no reference count. Everybody
/// else (something is queued for it, it polls, speaks raw, or is in two dirty rooms) is *settled*: what the tick's log
/// holds for its rooms is appended to its queue in the log's order, and the queue is sent. A session is settled, too,
/// before anything private is queued for it and before its rooms change; `settledUpTo` says how far into the log that
/// went. So each client sees one order, whichever way its bytes take.
///
/// Slices: a flush to a big room looks at the sockets and timers every few milliseconds. Members are walked from the
/// last to the first, because leaving moves the last member into the hole: one that was served already is then met
/// again, is found settled, and gets nothing twice.
///
/// Pacing: when a flush ends and broadcasts wait already, the node is busy: they are collected for as long as the flush
/// took (at most 8 ms) before the next one, which makes fewer, larger sends. A quiet room never waits.
extension Loop {
  static var sliceNanoseconds: UInt64 { 2_000_000 }
  static var pacingMax: UInt64 { 8_000_000 }
  static var tickBytesMax: Int { 64 << 10 }
  /// What one send takes of a queue.
  static var sendBytesMax: Int { 256 << 10 }

  // MARK: Collecting

  func collect(_ broadcast: Broadcast) {
    let emission = broadcast.emission
    let name = emission.rooms.first ?? ""
    if emission.rooms.count <= 1, emission.except.isEmpty, !emission.isVolatile {
      if let room = rooms.find(RoomKey(namespace: emission.namespace, room: name)) { return append(broadcast, room) }
    }
    deliver(broadcast)
  }

  private func append(_ broadcast: Broadcast, _ room: Int32) {
    tick.entries.append(.init(room: room, broadcast: broadcast))
    let packet = broadcast.socketIO
    if !rooms[room].isDirty {
      rooms[room].isDirty = true
      tick.dirtyRooms.append(room)
    }
    rooms[room].buffer += packet.frames
    rooms[room].frames += 1
    if broadcast.emission.kind != .plain { rooms[room].isThrottled = true }
    if compressing > 0, isLong(packet) { rooms[room].hasLong = true }
    tick.bytes += packet.frames.count
    if rooms[room].buffer.count > Self.tickBytesMax || tick.bytes > Self.tickBytesMax * 8 {
      tick.notBefore = 0
      flushTick()
    }
  }

  /// Several rooms, exceptions, or one socket by its id: each receiver once, through its queue.
  private func deliver(_ broadcast: Broadcast) {
    let emission = broadcast.emission
    seenStamp &+= 1
    for room in emission.except { forEachMember(emission.namespace, room) { sessions[$0].pointee.seen = seenStamp } }
    for room in emission.rooms.isEmpty ? [""] : emission.rooms {
      for slot in receivers(emission.namespace, room) where sessions[slot].pointee.seen != seenStamp {
        sessions[slot].pointee.seen = seenStamp
        queue(slot, .broadcast(broadcast), isVolatile: emission.isVolatile)
      }
    }
    seat.latency.record(nanoseconds: Int64(MonotonicTime.now() &- broadcast.sequencedAt))
  }

  private func receivers(_ namespace: String, _ room: String) -> [Int32] {
    var slots: [Int32] = []
    forEachMember(namespace, room) { slots.append($0) }
    return slots
  }

  func forEachMember(_ namespace: String, _ room: String, _ body: (Int32) -> Void) {
    if let slot = rooms.find(RoomKey(namespace: namespace, room: room)) {
      for member in rooms[slot].members { body(member) }
    } else if let slot = socket(room, namespace) {
      body(slot)
    }
  }

  /// The session whose socket in the namespace has this public id.
  func socket(_ id: String, _ namespace: String) -> Int32? {
    guard let id = SessionID(id), Int(id.loop) == seat.index, Int(id.slot) < sessions.capacity else { return nil }
    let session = sessions[Int32(id.slot)]
    guard session.pointee.phase == .open,
      session.pointee.sockets.contains(where: {
        $0.id == id && $0.state == .connected && server.namespaces[Int($0.namespace)] == namespace
      })
    else { return nil }
    return Int32(id.slot)
  }

  // MARK: Queues

  /// Puts something private into a session's queue, behind what the tick holds for it.
  func queue(_ slot: Int32, _ item: OutputQueue.Item, isControl: Bool = false, isVolatile: Bool = false) {
    guard sessions[slot].pointee.phase == .open || sessions[slot].pointee.phase == .probing else { return }
    if !isControl { settle(slot) }
    bounded(slot, item, isControl: isControl, isVolatile: isVolatile)
    markDirty(slot)
  }

  func markDirty(_ slot: Int32) {
    let session = sessions[slot]
    guard !session.pointee.isDirty, session.pointee.phase != .free else { return }
    session.pointee.isDirty = true
    dirty.append(slot)
  }

  func settle(_ slot: Int32) {
    let session = sessions[slot]
    let count = tick.entries.count
    guard count > 0 else { return }
    let start = session.pointee.settledTick == tick.number ? Int(session.pointee.settledUpTo) : 0
    session.pointee.settledTick = tick.number
    session.pointee.settledUpTo = Int32(count)
    guard start < count else { return }
    for index in start..<count where isMember(slot, tick.entries[index].room) {
      bounded(slot, .broadcast(tick.entries[index].broadcast), isControl: false, isVolatile: false)
      guard session.pointee.phase == .open else { return }
      markDirty(slot)
    }
  }

  /// The bounds of a queue (CONTRACT, Gateway): above half, volatile events go and a task's newer update takes the
  /// place of the older; at the limit the policy decides. Everything lost is counted.
  private func bounded(_ slot: Int32, _ item: OutputQueue.Item, isControl: Bool, isVolatile: Bool) {
    let session = sessions[slot]
    if isControl {
      if Int(session.pointee.queue.controls) >= OutputQueue.controlMax { return end(slot, .tooSlow) }
      return session.pointee.queue.append(item, isControl: true)
    }
    if case .broadcast(let broadcast) = item, isHeldBack(slot, broadcast) { return }
    enqueue(slot, item, isVolatile: isVolatile)
  }

  func enqueue(_ slot: Int32, _ item: OutputQueue.Item, isVolatile: Bool) {
    let session = sessions[slot]
    let held = session.pointee.queue.heldBytes
    if held > options.queueBytesMax / 2 {
      if isVolatile { return lost(slot) }
      if case .broadcast(let broadcast) = item, case .taskUpdate(let task) = broadcast.emission.kind,
        session.pointee.queue.supersede(task: task)
      {
        figures.merged += 1
      }
    }
    while session.pointee.queue.heldBytes + item.size > options.queueBytesMax
      || session.pointee.queue.events >= options.queueFramesMax
    {
      // One message that is larger than the whole queue is let through when nothing else waits.
      if session.pointee.queue.isEmpty { break }
      guard options.slowPolicy == .dropOldest else { return end(slot, .tooSlow) }
      guard session.pointee.queue.dropOldest() else { return lost(slot) }
      lost(slot)
    }
    session.pointee.queue.append(item, isVolatile: isVolatile)
  }

  /// The queue had no room for it.
  private func lost(_ slot: Int32) {
    sessions[slot].pointee.isLosing = true
    dropped(slot, 1)
  }

  /// More than half of its queue is taken, or events do not fit: the rest of a large one may be less than half and yet
  /// leave no room for the next.
  func isSlow(_ session: UnsafeMutablePointer<Session>) -> Bool {
    session.pointee.isLosing || session.pointee.queue.heldBytes > options.queueBytesMax / 2
  }

  private func caughtUp(_ slot: Int32) {
    sessions[slot].pointee.isLosing = false
    backlog.remove(slot)
  }

  func dropped(_ slot: Int32, _ count: UInt32) {
    sessions[slot].pointee.dropped &+= count
    figures.dropped += UInt64(count)
  }

  // MARK: The flush

  func flushTick() {
    if tick.hasWork {
      if tick.notBefore > now { return flushDirty() }
      let start = MonotonicTime.now()
      flushRooms(since: start)
      let end = MonotonicTime.now()
      tick.notBefore = seat.mailbox.hasLetters ? end + min(end - start, Self.pacingMax) : 0
    }
    flushDirty()
  }

  private func flushDirty() {
    var index = 0
    while index < dirty.count {
      let slot = dirty[index]
      index += 1
      guard sessions[slot].pointee.isDirty else { continue }
      sessions[slot].pointee.isDirty = false
      flushQueue(slot)
    }
    dirty.removeAll(keepingCapacity: dirty.capacity <= 4_096)
  }

  private func flushRooms(since start: UInt64) {
    if tick.dirtyRooms.count > 1 { markMembers() }
    var slice = start
    for room in tick.dirtyRooms {
      let buffer = rooms[room].buffer
      let packed = packedBuffer(room, instead: buffer)
      let frames = rooms[room].frames
      let isThrottled = rooms[room].isThrottled
      var index = rooms[room].members.count - 1
      while index >= 0 {
        let slot = rooms[room].members[index]
        serve(slot, room, sessions[slot].pointee.compresses ? packed : buffer, frames, isThrottled: isThrottled)
        if index & 31 == 0 { slice = breathe(since: slice) }
        index = min(index, rooms[room].members.count) - 1
      }
      rooms[room].buffer = []
      rooms[room].frames = 0
      rooms[room].isDirty = false
      rooms[room].isThrottled = false
      rooms[room].hasLong = false
      rooms.removeIfEmpty(room)
    }
    let end = MonotonicTime.now()
    for entry in tick.entries { seat.latency.record(nanoseconds: Int64(end &- entry.broadcast.sequencedAt)) }
    tick.entries.removeAll(keepingCapacity: tick.entries.capacity <= 4_096)
    tick.dirtyRooms.removeAll(keepingCapacity: true)
    tick.number &+= 1
    tick.bytes = 0
  }

  /// Counts for every member in how many dirty rooms it is.
  private func markMembers() {
    for room in tick.dirtyRooms {
      for slot in rooms[room].members {
        let session = sessions[slot]
        if session.pointee.markTick != tick.number {
          session.pointee.markTick = tick.number
          session.pointee.marks = 0
        }
        session.pointee.marks += 1
      }
    }
  }

  private func serve(_ slot: Int32, _ room: Int32, _ buffer: [UInt8], _ frames: Int32, isThrottled: Bool) {
    let session = sessions[slot]
    let isShared =
      session.pointee.settledTick != tick.number && session.pointee.takesSharedFrames
      && (session.pointee.markTick != tick.number || session.pointee.marks == 1)
      && !(isThrottled && hearsMuch(slot))
    guard isShared else {
      settle(slot)
      if session.pointee.phase == .open { flushQueue(slot) }
      return
    }
    session.pointee.settledTick = tick.number
    session.pointee.settledUpTo = Int32(tick.entries.count)
    let sent = buffer.withUnsafeBytes { send(session, $0) }
    guard sent >= 0 else { return end(slot, .transportClosed) }
    wentOut(slot, room: room, frames: frames)
    guard sent < buffer.count else { return }
    buffer.withUnsafeBytes { session.pointee.queue.keep(rest: UnsafeRawBufferPointer(rebasing: $0[sent...])) }
    waitForSocket(slot)
  }

  /// Looks at sockets and timers when the last look is long ago, and returns when this one was.
  private func breathe(since slice: UInt64) -> UInt64 {
    let current = MonotonicTime.now()
    figures.longestSlice = max(figures.longestSlice, current - slice)
    guard current - slice > Self.sliceNanoseconds else { return slice }
    now = current
    let count = poller.wait(nanoseconds: 0)
    var events: [(tag: UInt64, events: UInt32)] = []
    for index in 0..<count where poller[index].tag != Self.mailboxTag { events.append(poller[index]) }
    for event in events { ready(event) }
    fireTimers()
    flushDirty()
    return MonotonicTime.now()
  }

  // MARK: Sending

  /// Bytes taken; 0 when the socket is full; negative when it is broken.
  private func send(_ session: UnsafeMutablePointer<Session>, _ bytes: UnsafeRawBufferPointer) -> Int {
    let sent = Glibc.send(
      session.pointee.descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    figures.sends += 1
    if sent < 0 { return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -1 }
    session.pointee.bytesOut += UInt64(sent)
    figures.bytesOut += UInt64(sent)
    return sent
  }

  func writable(_ slot: Int32) {
    flushQueue(slot)
    if sessions[slot].pointee.phase == .lingering { shutdownIfSent(slot) }
  }

  private func waitForSocket(_ slot: Int32) {
    let session = sessions[slot]
    backlog.insert(slot)
    guard !session.pointee.wantsWrite else { return }
    session.pointee.wantsWrite = true
    poller.change(session.pointee.descriptor, Poller.readable | Poller.writable, tag: tag(slot))
  }

  /// Sends what a session's transport takes now.
  func flushQueue(_ slot: Int32) {
    let session = sessions[slot]
    guard session.pointee.phase != .free else { return }
    if session.pointee.transport == .polling {
      if session.pointee.waitingGet != nil, !session.pointee.queue.isEmpty { answerGet(slot, drainPayload(slot)) }
      if session.pointee.queue.isEmpty { caughtUp(slot) } else { backlog.insert(slot) }
      return
    }
    while true {
      if session.pointee.queue.hasRest {
        let sent = session.pointee.queue.withRest { send(session, $0) }
        guard sent >= 0 else { return end(slot, .transportClosed) }
        session.pointee.queue.took(sent)
        if session.pointee.queue.hasRest { return waitForSocket(slot) }
      }
      guard !session.pointee.queue.isEmpty else { break }
      encode(slot)
      let sent = scratch.withUnsafeBytes { send(session, $0) }
      guard sent >= 0 else { return end(slot, .transportClosed) }
      guard sent < scratch.count else { continue }
      scratch.withUnsafeBytes { session.pointee.queue.keep(rest: UnsafeRawBufferPointer(rebasing: $0[sent...])) }
      return waitForSocket(slot)
    }
    if session.pointee.wantsWrite {
      session.pointee.wantsWrite = false
      poller.change(session.pointee.descriptor, Poller.readable, tag: tag(slot))
    }
    caughtUp(slot)
  }

  /// Moves items of the queue, as frames, into the loop's scratch buffer.
  private func encode(_ slot: Int32) {
    let session = sessions[slot]
    scratch.removeAll(keepingCapacity: scratch.capacity <= 1 << 20)
    while scratch.count < Self.sendBytesMax, let item = session.pointee.queue.popFirst() {
      switch item {
      case .frame(let frame): scratch += frame
      case .text(let text): frame(FrameHeader.text, text, mayCompress: session.pointee.compresses)
      case .binary(let bytes): frame(FrameHeader.binary, bytes, mayCompress: session.pointee.compresses)
      case .broadcast(let broadcast):
        if session.pointee.kind == .raw {
          scratch += broadcast.rawFrame
        } else {
          scratch += session.pointee.compresses ? packedFrames(broadcast) : broadcast.socketIO.frames
        }
        wentOut(slot, broadcast)
      }
    }
  }
}
