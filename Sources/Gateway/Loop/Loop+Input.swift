internal import Glibc
internal import SocketProtocol

/// From a readable socket to messages. All sockets of a loop are read into one buffer; payloads are unmasked where they
/// lie, and a message that came whole is handled there, without a copy. What is not whole moves to the session.
extension Loop {
  func ready(_ event: (tag: UInt64, events: UInt32)) {
    let slot = Int32(truncatingIfNeeded: event.tag & 0xffff_ffff)
    guard slot >= 0, Int(slot) < sessions.capacity, sessions[slot].pointee.phase != .free, tag(slot) == event.tag
    else { return }
    if event.events & Poller.writable != 0 { writable(slot) }
    guard sessions[slot].pointee.phase != .free, tag(slot) == event.tag else { return }
    if event.events & (Poller.readable | Poller.gone) != 0 { receive(slot) }
  }

  private func receive(_ slot: Int32) {
    let session = sessions[slot]
    let carried = session.pointee.input.count
    guard carried + 16 < receiveBuffer.count else { return end(slot, .malformed) }
    let count = recv(
      session.pointee.descriptor, receiveBuffer.baseAddress.map { $0 + carried }, receiveBuffer.count - carried,
      Int32(MSG_DONTWAIT))
    if count < 0, errno == EAGAIN || errno == EINTR { return }
    guard count > 0 else { return end(slot, .transportClosed) }
    guard session.pointee.phase != .lingering else { return }
    session.pointee.bytesIn += UInt64(count)
    consume(slot, received: count)
  }

  /// Handles what is in the buffer: what the session kept, then `received` bytes.
  func consume(_ first: Int32, received: Int) {
    var slot = first
    let carried = sessions[slot].pointee.input.count
    if carried > 0 {
      sessions[slot].pointee.input.withUnsafeBytes { receiveBuffer.copyMemory(from: $0) }
      sessions[slot].pointee.input = []
    }
    let bytes = UnsafeMutableRawBufferPointer(rebasing: receiveBuffer[..<(carried + received)])
    var position = 0
    while true {
      let session = sessions[slot]
      let generation = session.pointee.generation
      let event = session.pointee.parser.next(in: bytes, at: &position)
      if case .needMoreInput = event { break }
      movedTo = -1
      handle(event, slot, bytes)
      if movedTo >= 0 {
        slot = movedTo
      } else if session.pointee.generation != generation || session.pointee.phase == .free
        || session.pointee.phase == .lingering
      {
        return
      }
    }
    if position < bytes.count { sessions[slot].pointee.input = Array(bytes[position...]) }
  }

  private func handle(_ event: WebSocketFrameParser.Event, _ slot: Int32, _ bytes: UnsafeMutableRawBufferPointer) {
    switch event {
    case .needMoreInput: break
    case .data(let segment): data(segment, slot, bytes)
    case .ping(let range):
      var frame: [UInt8] = []
      FrameHeader.append(opcode: FrameHeader.pong, length: range.count, to: &frame)
      frame += bytes[range]
      queue(slot, .frame(frame), isControl: true)
    case .pong: if !sessions[slot].pointee.kind.isEngine { pong(slot) }
    case .close: closedByClient(slot, event)
    case .violation(let violation): end(slot, .violation(violation))
    }
  }

  /// The close is answered with its own code (RFC 6455, section 5.5.1).
  private func closedByClient(_ slot: Int32, _ event: WebSocketFrameParser.Event) {
    guard case .close(let code, _) = event else { return }
    leaveEverything(slot, .transportClosed)
    detachPartner(slot)
    let session = sessions[slot]
    session.pointee.queue.append(.frame(WebSocketControlFrame.close(code)), isControl: true)
    session.pointee.phase = .lingering
    session.pointee.heartbeat = nil
    flushQueue(slot)
    guard sessions[slot].pointee.phase == .lingering else { return }
    shutdownIfSent(slot)
    session.pointee.closeBy = now + Self.lingerTime
    arm(slot)
  }

  private func data(_ segment: WebSocketFrameParser.Segment, _ slot: Int32, _ bytes: UnsafeMutableRawBufferPointer) {
    let session = sessions[slot]
    let piece = UnsafeRawBufferPointer(rebasing: bytes[segment.range])
    if segment.isWhole, !segment.isCompressed { return message(slot, isText: segment.opcode == .text, piece) }
    session.pointee.message += piece
    guard segment.isLast else { return }
    var whole: [UInt8] = []
    swap(&whole, &session.pointee.message)
    if segment.isCompressed {
      guard let inflated = inflate(slot, whole, isText: segment.opcode == .text) else { return }
      whole = inflated
    }
    whole.withUnsafeBytes { message(slot, isText: segment.opcode == .text, $0) }
  }

  private func message(_ slot: Int32, isText: Bool, _ bytes: UnsafeRawBufferPointer) {
    let session = sessions[slot]
    switch session.pointee.kind {
    case .rawEcho:
      var frame: [UInt8] = []
      frame.reserveCapacity(bytes.count + 10)
      FrameHeader.append(opcode: isText ? FrameHeader.text : FrameHeader.binary, length: bytes.count, to: &frame)
      frame += bytes
      queue(slot, .frame(frame))
    case .raw: rawMessage(slot, isText: isText, bytes)
    case .socketIO, .engineEcho:
      if session.pointee.phase == .probing { return probed(slot, isText: isText, bytes) }
      if isText { engineText(slot, bytes) } else { engineBinary(slot, bytes) }
    }
  }
}

extension UnsafeRawBufferPointer {
  /// The bytes as the scanners take them.
  func withSpan<Result, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Result) throws(Failure) -> Result {
    let bytes = bindMemory(to: UInt8.self)
    return try body(bytes.span)
  }
}
