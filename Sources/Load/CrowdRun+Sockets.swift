internal import CSockets
internal import Glibc

/// What arrives at a member of the crowd, and what it sends. A server's slip costs the connection it happened on.
extension CrowdRun {
  func receive(_ index: Int, bytesMax: Int) throws(LoadError) {
    let count = recv(members[index].descriptor, &buffer, min(bytesMax, buffer.count), 0)
    guard count > 0 else {
      if count == 0 || (errno != EAGAIN && errno != EINTR) { leave(index, for: 1...5) }
      return
    }
    members[index].unread += buffer[..<count]
    let bytes = members[index].unread
    do throws(LoadError) {
      let used = try bytes.withUnsafeBytes { bytes in
        Result { () throws(LoadError) in try consume(index, bytes) }
      }.get()
      if members[index].isOpen { members[index].unread = used == bytes.count ? [] : Array(bytes[used...]) }
    } catch {
      guard case .violation = error else { throw error }
      leave(index, for: 5...10)
    }
  }

  /// Returns how much of `bytes` is done with.
  private func consume(_ index: Int, _ bytes: UnsafeRawBufferPointer) throws(LoadError) -> Int {
    var position = 0
    if members[index].stage == .upgrading {
      guard let end = UpgradeAnswer.end(bytes) else {
        guard bytes.count < UpgradeAnswer.bytesMax else { throw .violation("an answer without an end") }
        return 0
      }
      try UpgradeAnswer.check(bytes)
      members[index].stage = .opening
      position = end
    }
    while members[index].isOpen, position < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
      guard let head = try ClientFrame.head(rest, payloadMax: Self.frameBytesMax) else { break }
      let size = head.headBytes + head.payloadBytes
      guard rest.count >= size else { break }
      try frame(index, head.opcode, UnsafeRawBufferPointer(rebasing: rest[head.headBytes..<size]))
      position += size
    }
    return position
  }

  private func frame(_ index: Int, _ opcode: UInt8, _ payload: UnsafeRawBufferPointer) throws(LoadError) {
    switch opcode {
    case ClientFrame.text: try message(index, payload)
    case ClientFrame.ping: try send(index, Array(payload), opcode: ClientFrame.pong)
    case ClientFrame.close: leave(index, for: 1...5)
    default: break
    }
  }

  private func message(_ index: Int, _ payload: UnsafeRawBufferPointer) throws(LoadError) {
    switch ServerMessage(payload) {
    case .open:
      members[index].stage = .joining
      let claim = members[index].role == .agent ? "agent" : "user"
      try send(index, Array("40{\"\(claim)\":\"\(members[index].name)\"}".utf8))
    case .connected where members[index].stage == .joining: try enter(index)
    case .ping: try send(index, [UInt8(ascii: "3")])
    case .refused, .closed: leave(index, for: 2...5)
    default: break
    }
  }

  // MARK: Sending

  func send(_ index: Int, _ payload: [UInt8], opcode: UInt8 = ClientFrame.text) throws(LoadError) {
    guard members[index].isOpen, members[index].unsent.count < Self.unsentBytesMax else { return }
    ClientFrame.append(payload, opcode: opcode, mask: masks.next(), to: &members[index].unsent)
    try flush(index)
  }

  /// The socket can be written: what was kept, or the upgrade request once the connection stands.
  func flush(_ index: Int) throws(LoadError) {
    if members[index].stage == .connecting {
      guard LoadSocket.pendingError(members[index].descriptor) == 0 else { return leave(index, for: 1...2) }
      members[index].stage = .upgrading
      members[index].unsent = UpgradeAnswer.request(port: scenario.port)
    }
    let bytes = members[index].unsent
    let sent = bytes.withUnsafeBytes {
      Glibc.send(members[index].descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    if sent < 0, errno != EAGAIN, errno != EINTR { return leave(index, for: 1...5) }
    members[index].unsent = sent >= bytes.count ? [] : Array(bytes[max(0, sent)...])
    try wantWriting(index, !members[index].unsent.isEmpty)
  }

  private func wantWriting(_ index: Int, _ isWriting: Bool) throws(LoadError) {
    // A slow member's socket is not watched; what it could not send goes with what it sends next.
    guard members[index].isWriting != isWriting, members[index].stage != .stalled else { return }
    members[index].isWriting = isWriting
    try LoadSocket.watch(epoll, members[index].descriptor, index: index, isWriting: isWriting, isNew: false)
  }
}
