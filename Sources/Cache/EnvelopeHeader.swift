/// The part of an envelope before its payload: all that sweeping and dry runs need to read.
struct EnvelopeHeader {
  /// Where the payload begins.
  let length: Int
  let isNegative: Bool
  let stamp: UInt64
  let writeID: UInt64
  let epoch: UInt64
  let created: Int64
  let freshUntil: Int64
  let expires: Int64
  let keyHash: UInt64
  let payloadLength: Int
  let contentType: String
  let tags: [String]
  let dependencies: [String]
  let namespace: String
  let key: String

  /// Nil for what is not a whole header. Only the first `length` bytes are looked at.
  init?(_ bytes: [UInt8]) {
    var reader = Reader(bytes: bytes)
    guard let magic = reader.take(4), magic.elementsEqual(Envelope.magic), reader.integer(UInt8.self) == 0,
      let flags = reader.integer(UInt8.self), let length = reader.integer(UInt16.self), length <= bytes.count,
      let stamp = reader.integer(UInt64.self), reader.integer(UInt64.self) == stamp,
      let writeID = reader.integer(UInt64.self), let epoch = reader.integer(UInt64.self),
      let created = reader.integer(Int64.self), let freshUntil = reader.integer(Int64.self),
      let expires = reader.integer(Int64.self), let keyHash = reader.integer(UInt64.self),
      let payloadLength = reader.integer(UInt32.self), let contentType = reader.text(), let tags = reader.list(),
      let dependencies = reader.list(), let namespace = reader.text(), let key = reader.text(),
      reader.position == Int(length)
    else { return nil }
    self.length = Int(length)
    self.isNegative = flags & 1 != 0
    self.stamp = stamp
    self.writeID = writeID
    self.epoch = epoch
    self.created = created
    self.freshUntil = freshUntil
    self.expires = expires
    self.keyHash = keyHash
    self.payloadLength = Int(payloadLength)
    self.contentType = contentType
    self.tags = tags
    self.dependencies = dependencies
    self.namespace = namespace
    self.key = key
  }

  /// How long the header is that begins with these bytes; nil when they are not the beginning of one.
  static func length(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 8, bytes.prefix(4).elementsEqual(Envelope.magic) else { return nil }
    return Int(bytes[6]) | Int(bytes[7]) << 8
  }

  func item(key: CacheKey, value: [UInt8]) -> CacheItem {
    CacheItem(
      key: key, value: value, contentType: contentType, tags: tags, dependencies: dependencies, created: created,
      freshUntil: freshUntil, expires: expires, isNegative: isNegative, stamp: stamp, writeID: writeID)
  }

  private struct Reader {
    let bytes: [UInt8]
    var position = 0

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
      guard count >= 0, bytes.count - position >= count else { return nil }
      defer { position += count }
      return bytes[position..<position + count]
    }

    mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) -> Value? {
      let size = MemoryLayout<Value>.size
      guard bytes.count - position >= size else { return nil }
      defer { position += size }
      return bytes.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Value.self)) }
    }

    mutating func text() -> String? {
      guard let count = integer(UInt16.self), let slice = take(Int(count)) else { return nil }
      return String(validating: slice, as: UTF8.self)
    }

    mutating func list() -> [String]? {
      guard let count = integer(UInt16.self), count <= 1_024 else { return nil }
      var list: [String] = []
      for _ in 0..<count {
        guard let text = text() else { return nil }
        list.append(text)
      }
      return list
    }
  }
}
