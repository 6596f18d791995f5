internal import CHiredis

/// Owns a `redisReader` and turns what it parses into values. hiredis checks less than one thinks (0.14): it accepts a
/// bulk of 2^63 - 1 bytes and waits for ever, and arrays of 10^9 elements; both are bounded here.
struct ReplyParser: ~Copyable {
  private let reader: UnsafeMutablePointer<redisReader>
  private let elementsMax: UnsafeMutablePointer<Int64>
  private let bytesMax: Int

  /// Nil when there is no memory.
  init?(elementsMax limit: Int, bytesMax: Int) {
    let elementsMax = UnsafeMutablePointer<Int64>.allocate(capacity: 1)
    elementsMax.initialize(to: Int64(limit))
    guard let reader = sb_reader_create(elementsMax) else {
      elementsMax.deallocate()
      return nil
    }
    self.reader = reader
    self.elementsMax = elementsMax
    self.bytesMax = bytesMax
  }

  deinit {
    redisReaderFree(reader)
    elementsMax.deallocate()
  }

  mutating func feed(_ bytes: UnsafeRawBufferPointer) throws(RedisError) {
    guard let base = bytes.baseAddress else { return }
    guard redisReaderFeed(reader, base.assumingMemoryBound(to: CChar.self), bytes.count) == REDIS_OK else {
      throw .protocolViolation("a reply could not be buffered")
    }
  }

  /// The next whole reply; nil when more bytes are needed.
  mutating func next() throws(RedisError) -> RedisValue? {
    var raw: UnsafeMutableRawPointer?
    guard redisReaderGetReply(reader, &raw) == REDIS_OK else {
      throw .protocolViolation("a reply is malformed or larger than allowed")
    }
    guard let raw else {
      guard sb_reader_buffered(reader) <= Int64(bytesMax) else {
        throw .protocolViolation("a reply is larger than \(bytesMax) bytes")
      }
      return nil
    }
    defer { freeReplyObject(raw) }
    return Self.value(raw.assumingMemoryBound(to: redisReply.self).pointee)
  }

  private static func value(_ reply: redisReply) -> RedisValue {
    switch reply.type {
    case REDIS_REPLY_STRING: .bytes(bytes(reply))
    case REDIS_REPLY_STATUS: .status(String(decoding: bytes(reply), as: UTF8.self))
    case REDIS_REPLY_ERROR: .error(RedisServerError(String(decoding: bytes(reply), as: UTF8.self)))
    case REDIS_REPLY_INTEGER: .integer(reply.integer)
    case REDIS_REPLY_ARRAY: .array(elements(reply))
    default: .null
    }
  }

  private static func bytes(_ reply: redisReply) -> [UInt8] {
    guard let text = reply.str, reply.len > 0 else { return [] }
    return Array(UnsafeRawBufferPointer(start: text, count: Int(reply.len)))
  }

  private static func elements(_ reply: redisReply) -> [RedisValue] {
    guard let elements = reply.element else { return [] }
    return (0..<Int(reply.elements)).map { index in
      guard let element = elements[index] else { return .null }
      return value(element.pointee)
    }
  }
}
