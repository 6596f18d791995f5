internal import CSockets
internal import Glibc

/// What arrives on one connection, and what is sent on it.
extension LoadRun {
  func receive(_ index: Int) throws(LoadError) {
    let kept = clients[index].unread.count
    if kept > 0 {
      clients[index].unread.withUnsafeBytes { scratch.copyMemory(from: $0) }
      clients[index].unread = []
    }
    let count = recv(clients[index].descriptor, scratch.baseAddress.map { $0 + kept }, Self.readBytesMax, 0)
    guard count > 0 else {
      if count < 0, errno == EAGAIN || errno == EINTR {
        clients[index].unread = Array(scratch[..<kept])
      } else {
        drop(index, count == 0 ? "the server closed the connection" : String(cString: strerror(errno)))
      }
      return
    }
    report.receivedBytes += count
    let bytes = UnsafeRawBufferPointer(rebasing: scratch[..<(kept + count)])
    do throws(LoadError) {
      let used = try consume(index, bytes)
      if clients[index].isOpen, used < bytes.count {
        guard bytes.count - used <= Self.frameBytesMax else { throw .violation("a frame without an end") }
        clients[index].unread = Array(bytes[used...])
      }
    } catch {
      guard case .violation(let why) = error else { throw error }
      drop(index, why)
    }
  }

  /// Returns how much of `bytes` is done with.
  private func consume(_ index: Int, _ bytes: UnsafeRawBufferPointer) throws(LoadError) -> Int {
    var position = 0
    if clients[index].stage == .upgrading {
      guard let end = UpgradeAnswer.end(bytes) else {
        guard bytes.count < UpgradeAnswer.bytesMax else { throw .violation("an answer without an end") }
        return 0
      }
      try UpgradeAnswer.check(bytes)
      clients[index].stage = .opening
      position = end
    }
    let now = monotonicNanoseconds()
    while clients[index].isOpen, position < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
      guard let head = try ClientFrame.head(rest, payloadMax: Self.frameBytesMax) else { break }
      let size = head.headBytes + head.payloadBytes
      guard rest.count >= size else { break }
      let payload = UnsafeRawBufferPointer(rebasing: rest[head.headBytes..<size])
      try frame(index, head.opcode, payload, now)
      position += size
    }
    return position
  }

  private func frame(
    _ index: Int, _ opcode: UInt8, _ payload: UnsafeRawBufferPointer, _ now: Int64
  ) throws(LoadError) {
    switch opcode {
    case ClientFrame.text: try message(index, payload, now)
    case ClientFrame.ping: try send(index, Array(payload), opcode: ClientFrame.pong)
    case ClientFrame.close: drop(index, Self.closeReason(payload))
    default: break
    }
  }

  private func message(_ index: Int, _ payload: UnsafeRawBufferPointer, _ now: Int64) throws(LoadError) {
    switch ServerMessage(payload) {
    case .event:
      guard clients[index].kind == .receiver else { return }
      var (position, found) = (0, false)
      while let stamp = try Stamp.next(in: payload, &position) {
        try ledger.arrived(stamp, receiver: clients[index].number, at: now)
        found = true
      }
      if found { report.messages += 1 }
    case .ping: try send(index, [UInt8(ascii: "3")])
    case .open:
      clients[index].stage = .joining
      try send(index, EventText.connect(token: scenario.token))
    case .connected: try connected(index)
    case .acknowledgement(let number, let answer):
      try acknowledged(index, number, UnsafeRawBufferPointer(rebasing: payload[answer]), now)
    case .refused: throw .violation("CONNECT was refused: \(Self.excerpt(payload))")
    case .closed: drop(index, "the server said goodbye")
    case .other: break
    }
  }

  private func connected(_ index: Int) throws(LoadError) {
    guard clients[index].stage == .joining else { throw .violation("CONNECT was answered without a question") }
    guard clients[index].kind == .receiver else { return becomeReady(index) }
    clients[index].stage = .subscribing
    try send(index, EventText.subscribe(scenario.event, room: clients[index].number % scenario.rooms))
  }

  private func acknowledged(
    _ index: Int, _ number: Int, _ answer: UnsafeRawBufferPointer, _ now: Int64
  ) throws(LoadError) {
    switch (clients[index].kind, clients[index].stage) {
    case (.receiver, .subscribing):
      guard EventText.isOK(answer) else { throw .violation("subscribing was refused: \(Self.excerpt(answer))") }
      ledger.joined(room: clients[index].number % scenario.rooms)
      becomeReady(index)
    case (.publisher, .ready):
      guard !EventText.isOK(answer) else { return }
      report.refused += 1
      ledger.withdraw(number)
    case (.probe, .ready):
      var position = 0
      guard let stamp = try Stamp.next(in: answer, &position) else { throw .violation("an echo without its stamp") }
      clients[index].isAsking = false
      probeAnswered(after: now - stamp.nanoseconds, askedAt: stamp.nanoseconds)
    default: break
    }
  }

  private func becomeReady(_ index: Int) {
    clients[index].stage = .ready
    connectsUnderWay -= 1
    ready += 1
  }

  // MARK: Sending

  func send(_ index: Int, _ payload: some Collection<UInt8>, opcode: UInt8 = ClientFrame.text) throws(LoadError) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(payload.count + 14)
    ClientFrame.append(payload, opcode: opcode, mask: masks.next(), to: &bytes)
    try send(index, raw: bytes)
  }

  private func send(_ index: Int, raw bytes: [UInt8]) throws(LoadError) {
    guard clients[index].isOpen else { return }
    guard clients[index].unsent.isEmpty else {
      clients[index].unsent += bytes
      return
    }
    let sent = bytes.withUnsafeBytes {
      Glibc.send(clients[index].descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    if sent < 0, errno != EAGAIN { return drop(index, String(cString: strerror(errno))) }
    guard sent < bytes.count else { return }
    clients[index].unsent = Array(bytes[max(0, sent)...])
    try wantWriting(index, true)
  }

  /// The socket can be written: what was kept, or the upgrade request once the connection stands.
  func flush(_ index: Int) throws(LoadError) {
    if clients[index].stage == .connecting {
      let code = LoadSocket.pendingError(clients[index].descriptor)
      guard code == 0 else { return drop(index, String(cString: strerror(code))) }
      clients[index].stage = .upgrading
      clients[index].unsent = UpgradeAnswer.request(port: scenario.ports[index % scenario.ports.count])
    }
    let bytes = clients[index].unsent
    let sent = bytes.withUnsafeBytes {
      Glibc.send(clients[index].descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    if sent < 0, errno != EAGAIN { return drop(index, String(cString: strerror(errno))) }
    clients[index].unsent = sent >= bytes.count ? [] : Array(bytes[max(0, sent)...])
    if clients[index].unsent.isEmpty { try wantWriting(index, false) }
  }

  private func wantWriting(_ index: Int, _ isWriting: Bool) throws(LoadError) {
    guard clients[index].isWriting != isWriting else { return }
    clients[index].isWriting = isWriting
    try LoadSocket.watch(epoll, clients[index].descriptor, index: index, isWriting: isWriting, isNew: false)
  }

  // MARK: The end of a connection

  func drop(_ index: Int, _ why: String) {
    let client = clients[index]
    guard client.isOpen else { return }
    if report.firstDrop == nil { report.firstDrop = "\(client.kind) \(client.number), \(client.stage): \(why)" }
    report.drops += 1
    close(client.descriptor)
    clients[index].stage = .closed
    clients[index].unsent = []
    if client.kind == .receiver, client.stage == .ready {
      ledger.left(receiver: client.number, room: client.number % scenario.rooms)
    }
  }

  private static func closeReason(_ payload: UnsafeRawBufferPointer) -> String {
    guard payload.count >= 2 else { return "the server closed without a code" }
    let code = Int(payload[0]) << 8 | Int(payload[1])
    return "the server closed with \(code) \(excerpt(UnsafeRawBufferPointer(rebasing: payload[2...])))"
  }

  private static func excerpt(_ bytes: UnsafeRawBufferPointer) -> String {
    String(decoding: bytes.prefix(120), as: UTF8.self)
  }
}
