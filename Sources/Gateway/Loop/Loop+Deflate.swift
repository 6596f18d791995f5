internal import SocketProtocol

/// permessage-deflate: what comes compressed is inflated within the message limit; what goes out and is long is
/// compressed for those who agreed to it. A long broadcast is compressed once: no message remembers another (context
/// takeover is refused), so its compressed frame serves all of them. Short messages go out as they are (RFC 7692,
/// section 6: a sender may leave any message uncompressed).
extension Loop {
  /// Shorter messages gain nothing.
  static var compressBytesMin: Int { 1_024 }

  /// Nil when the session has ended over it.
  func inflate(_ slot: Int32, _ message: [UInt8], isText: Bool) -> [UInt8]? {
    let limit = sessions[slot].pointee.kind == .rawEcho ? options.echoBytesMax : options.payloadBytesMax
    var output: [UInt8] = []
    do throws(DeflateError) {
      if inflater == nil { inflater = try Inflater() }
      try inflater?.inflate(message, bytesMax: limit, to: &output)
    } catch {
      end(slot, .violation(error == .tooLarge ? .messageTooBig : .compressedData))
      return nil
    }
    guard isText else { return output }
    var checker = UTF8Checker()
    guard output.withUnsafeBytes({ checker.accepts($0) }), checker.isAtBoundary else {
      end(slot, .violation(.notText))
      return nil
    }
    return output
  }

  /// Appends a message as one frame to the scratch buffer.
  func frame(_ opcode: UInt8, _ bytes: [UInt8], mayCompress: Bool) {
    append(opcode, bytes, mayCompress: mayCompress, to: &scratch)
  }

  private func append(_ opcode: UInt8, _ bytes: [UInt8], mayCompress: Bool, to frames: inout [UInt8]) {
    if mayCompress, bytes.count >= Self.compressBytesMin, let packed = deflate(bytes) {
      FrameHeader.append(opcode: opcode | 0x40, length: packed.count, to: &frames)
      frames += packed
    } else {
      FrameHeader.append(opcode: opcode, length: bytes.count, to: &frames)
      frames += bytes
    }
  }

  /// Whether compressing gains anything.
  func isLong(_ packet: EncodedPacket) -> Bool {
    packet.text.count >= Self.compressBytesMin || packet.attachments.contains { $0.count >= Self.compressBytesMin }
  }

  /// A broadcast's frames for those who agreed to compression.
  func packedFrames(_ broadcast: Broadcast) -> [UInt8] {
    let packet = broadcast.socketIO
    guard isLong(packet) else { return packet.frames }
    if let packed = broadcast.packed { return packed }
    var frames: [UInt8] = []
    append(FrameHeader.text, packet.text, mayCompress: true, to: &frames)
    for attachment in packet.attachments { append(FrameHeader.binary, attachment, mayCompress: true, to: &frames) }
    broadcast.keep(packed: frames)
    return frames
  }

  /// What a room's members that agreed to compression are sent of this tick, in the place of `buffer`.
  func packedBuffer(_ room: Int32, instead buffer: [UInt8]) -> [UInt8] {
    guard rooms[room].hasLong, compressing > 0 else { return buffer }
    var packed: [UInt8] = []
    for entry in tick.entries where entry.room == room { packed += packedFrames(entry.broadcast) }
    return packed
  }

  /// Nil when it would not become shorter, or there is no memory: then it goes out as it is.
  private func deflate(_ bytes: [UInt8]) -> [UInt8]? {
    var packed: [UInt8] = []
    do throws(DeflateError) {
      if deflater == nil { deflater = try Deflater() }
      try deflater?.deflate(bytes, to: &packed)
    } catch {
      return nil
    }
    return packed.isEmpty || packed.count >= bytes.count ? nil : packed
  }
}

extension Inflater {
  fileprivate mutating func inflate(
    _ message: [UInt8], bytesMax: Int, to output: inout [UInt8]
  ) throws(DeflateError) {
    try message.withUnsafeBufferPointer { bytes throws(DeflateError) in
      try inflate(UnsafeRawBufferPointer(bytes), bytesMax: bytesMax, to: &output)
    }
  }
}

extension Deflater {
  fileprivate mutating func deflate(_ message: [UInt8], to output: inout [UInt8]) throws(DeflateError) {
    try message.withUnsafeBufferPointer { bytes throws(DeflateError) in
      try deflate(UnsafeRawBufferPointer(bytes), to: &output)
    }
  }
}
