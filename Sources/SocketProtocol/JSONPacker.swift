/// Reads JSON (RFC 8259) and writes MessagePack as it goes. See `MessagePackJSON`.
struct JSONPacker {
  typealias Failure = MessagePackJSON.JSONError

  private let json: [UInt8]
  private let attachments: [[UInt8]]
  private(set) var writer: MessagePackWriter
  private var index = 0

  init(json: [UInt8], attachments: [[UInt8]], writer: MessagePackWriter) {
    self.json = json
    self.attachments = attachments
    self.writer = writer
  }

  /// One value and nothing behind it.
  mutating func document() throws(Failure) {
    try value(depth: 0)
    skipWhite()
    guard index == json.count else { throw .malformed(offset: index) }
  }

  private mutating func value(depth: Int) throws(Failure) {
    guard depth < MessagePackReader.depthMax else { throw .tooDeep }
    skipWhite()
    switch current {
    case UInt8(ascii: "{"): try object(depth)
    case UInt8(ascii: "["): try array(depth)
    case UInt8(ascii: "\""): try string()
    case UInt8(ascii: "t"):
      try word("true")
      writer.boolean(true)
    case UInt8(ascii: "f"):
      try word("false")
      writer.boolean(false)
    case UInt8(ascii: "n"):
      try word("null")
      writer.null()
    default: try number()
    }
  }

  private mutating func array(_ depth: Int) throws(Failure) {
    let start = begin()
    var count = 0
    if !accept(UInt8(ascii: "]")) {
      repeat {
        try value(depth: depth + 1)
        count += 1
      } while accept(UInt8(ascii: ","))
      try expect(UInt8(ascii: "]"))
    }
    end(start, count, isMap: false)
  }

  private mutating func object(_ depth: Int) throws(Failure) {
    let start = begin()
    var count = 0
    if !accept(UInt8(ascii: "}")) {
      repeat {
        skipWhite()
        try string()
        try expect(UInt8(ascii: ":"))
        try value(depth: depth + 1)
        count += 1
      } while accept(UInt8(ascii: ","))
      try expect(UInt8(ascii: "}"))
    }
    end(start, count, isMap: true)
    if !attachments.isEmpty, count == 2 { try replacePlaceholder(from: start) }
  }

  /// Passes the opening bracket and holds a byte free for the container's header.
  private mutating func begin() -> Int {
    index += 1
    writer.bytes.append(0)
    return writer.bytes.count - 1
  }

  private mutating func end(_ start: Int, _ count: Int, isMap: Bool) {
    if count < 16 {
      writer.bytes[start] = (isMap ? 0x80 : 0x90) | UInt8(count)
    } else {
      writer.bytes.replaceSubrange(start...start, with: MessagePackWriter.containerHeader(count, isMap: isMap))
    }
  }

  /// The map just written, if it is a placeholder, becomes the attachment it stands for.
  private mutating func replacePlaceholder(from start: Int) throws(Failure) {
    guard writer.bytes.count - start <= Self.placeholderBytesMax,
      let number = Self.placeholderNumber(Array(writer.bytes[start...]))
    else { return }
    guard let place = Int(exactly: number), attachments.indices.contains(place) else { throw .missingAttachment }
    writer.bytes.removeSubrange(start...)
    writer.binary(attachments[place])
  }

  /// A header, `_placeholder`, true, `num`, an integer of up to nine bytes.
  private static let placeholderBytesMax = 1 + 13 + 1 + 4 + 9

  private static func placeholderNumber(_ map: [UInt8]) -> UInt64? {
    var reader = MessagePackReader(map)
    var isPlaceholder = false
    var number: UInt64?
    do throws(MessagePackError) {
      for _ in 0..<(try reader.map()) {
        switch try reader.string() {
        case "_placeholder": isPlaceholder = try reader.boolean()
        case "num": number = try reader.unsigned()
        default: return nil
        }
      }
    } catch {
      return nil
    }
    return isPlaceholder ? number : nil
  }

  // MARK: Scalars

  private mutating func number() throws(Failure) {
    let start = index
    var isWhole = true
    if current == UInt8(ascii: "-") { index += 1 }
    let integerStart = index
    try digits()
    guard json[integerStart] != UInt8(ascii: "0") || index == integerStart + 1 else { throw .malformed(offset: start) }
    if current == UInt8(ascii: ".") {
      isWhole = false
      index += 1
      try digits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      isWhole = false
      index += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { index += 1 }
      try digits()
    }
    let text = String(decoding: json[start..<index], as: UTF8.self)
    if isWhole, let value = Int64(text) {
      writer.integer(value)
    } else if isWhole, let value = UInt64(text) {
      writer.unsigned(value)
    } else if let value = Double(text) {
      writer.double(value)
    } else {
      throw .malformed(offset: start)
    }
  }

  private mutating func digits() throws(Failure) {
    let start = index
    while index < json.count, (48...57).contains(json[index]) { index += 1 }
    guard index > start else { throw .malformed(offset: index) }
  }

  /// The plain case, no escape inside, is copied in one piece.
  private mutating func string() throws(Failure) {
    guard current == UInt8(ascii: "\"") else { throw .malformed(offset: index) }
    index += 1
    let start = index
    while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { index += 1 }
    if current == UInt8(ascii: "\"") {
      writer.stringHeader(index - start)
      writer.bytes += json[start..<index]
      index += 1
      return
    }
    var text = Array(json[start..<index])
    while true {
      guard let byte = current, byte >= 0x20 else { throw .malformed(offset: index) }
      index += 1
      if byte == UInt8(ascii: "\"") { break }
      if byte == UInt8(ascii: "\\") { try escape(into: &text) } else { text.append(byte) }
    }
    writer.stringHeader(text.count)
    writer.bytes += text
  }

  private mutating func escape(into text: inout [UInt8]) throws(Failure) {
    guard let byte = current else { throw .malformed(offset: index) }
    index += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text += String(try escapedScalar()).utf8
    default: throw .malformed(offset: index - 1)
    }
  }

  /// `\uXXXX`, or two of them that are a surrogate pair; half a pair is no character and becomes U+FFFD.
  private mutating func escapedScalar() throws(Failure) -> Unicode.Scalar {
    let replacement: Unicode.Scalar = "\u{FFFD}"
    let first = try codeUnit()
    guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) ?? replacement }
    guard index + 1 < json.count, json[index] == UInt8(ascii: "\\"), json[index + 1] == UInt8(ascii: "u") else {
      return replacement
    }
    let back = index
    index += 2
    let second = try codeUnit()
    guard (0xDC00..<0xE000).contains(second) else {
      index = back
      return replacement
    }
    return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? replacement
  }

  private mutating func codeUnit() throws(Failure) -> UInt32 {
    guard index + 4 <= json.count else { throw .malformed(offset: index) }
    var value: UInt32 = 0
    for byte in json[index..<index + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw .malformed(offset: index) }
      value = value << 4 | UInt32(digit)
    }
    index += 4
    return value
  }

  private mutating func word(_ word: StaticString) throws(Failure) {
    let count = word.utf8CodeUnitCount
    let isThere = index + count <= json.count && word.withUTF8Buffer { json[index..<index + count].elementsEqual($0) }
    guard isThere else { throw .malformed(offset: index) }
    index += count
  }

  // MARK: The cursor

  private var current: UInt8? { index < json.count ? json[index] : nil }

  private mutating func skipWhite() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
  }

  private mutating func accept(_ byte: UInt8) -> Bool {
    skipWhite()
    guard current == byte else { return false }
    index += 1
    return true
  }

  private mutating func expect(_ byte: UInt8) throws(Failure) {
    guard accept(byte) else { throw .malformed(offset: index) }
  }
}
