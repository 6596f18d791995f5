/// MessagePack as far as the adapters of Socket.IO use it (https://github.com/msgpack/msgpack/blob/master/spec.md).
///
/// One byte says what follows: 00-7f and e0-ff are small integers, 80-8f a map of up to 15 pairs, 90-9f an array of
/// up to 15 elements, a0-bf a string of up to 31 bytes; c0…df name the longer forms with their length behind them,
/// big-endian. Every form is written in its shortest way, as the JavaScript encoder does.
///
/// The reader is a cursor and builds no tree: a broadcast is read once, its data copied straight into JSON text.
/// Bytes come from other programs, so nothing is reserved on the word of a length: a container cannot announce more
/// elements than there are bytes left, nesting is bounded, and every error ends the reading.
public enum MessagePackError: Error, Equatable, Sendable {
  /// The bytes end inside a value.
  case truncated
  /// Another type stands here than the document has in this place.
  case unexpectedType
  /// A byte that begins no value.
  case invalidByte
  case invalidUTF8
  case tooDeep
  /// An integer, length or count that does not fit.
  case outOfRange
  case trailingBytes
}

public struct MessagePackWriter: Sendable {
  public var bytes: [UInt8] = []

  public init() {}

  public mutating func null() { bytes.append(0xC0) }
  public mutating func boolean(_ value: Bool) { bytes.append(value ? 0xC3 : 0xC2) }

  public mutating func integer(_ value: Int64) {
    guard value < 0 else { return unsigned(UInt64(value)) }
    switch value {
    case (-32)...: bytes.append(UInt8(bitPattern: Int8(value)))
    case Int64(Int8.min)...: put(0xD0, UInt8(bitPattern: Int8(value)))
    case Int64(Int16.min)...: put(0xD1, UInt16(bitPattern: Int16(value)))
    case Int64(Int32.min)...: put(0xD2, UInt32(bitPattern: Int32(value)))
    default: put(0xD3, UInt64(bitPattern: value))
    }
  }

  public mutating func unsigned(_ value: UInt64) {
    switch value {
    case ..<0x80: bytes.append(UInt8(value))
    case ..<0x100: put(0xCC, UInt8(value))
    case ..<0x1_0000: put(0xCD, UInt16(value))
    case ..<0x1_0000_0000: put(0xCE, UInt32(value))
    default: put(0xCF, value)
    }
  }

  public mutating func double(_ value: Double) { put(0xCB, value.bitPattern) }

  public mutating func string(_ value: String) {
    let utf8 = value.utf8
    stringHeader(utf8.count)
    bytes.append(contentsOf: utf8)
  }

  /// The bytes must be UTF-8.
  mutating func stringHeader(_ count: Int) {
    switch count {
    case ..<32: bytes.append(0xA0 | UInt8(count))
    case ..<0x100: put(0xD9, UInt8(count))
    case ..<0x1_0000: put(0xDA, UInt16(count))
    default: put(0xDB, UInt32(clamping: count))
    }
  }

  public mutating func binary(_ value: [UInt8]) {
    switch value.count {
    case ..<0x100: put(0xC4, UInt8(value.count))
    case ..<0x1_0000: put(0xC5, UInt16(value.count))
    default: put(0xC6, UInt32(clamping: value.count))
    }
    bytes += value
  }

  public mutating func array(_ count: Int) { bytes += Self.containerHeader(count, isMap: false) }
  public mutating func map(_ count: Int) { bytes += Self.containerHeader(count, isMap: true) }

  public mutating func strings(_ values: [String]) {
    array(values.count)
    for value in values { string(value) }
  }

  static func containerHeader(_ count: Int, isMap: Bool) -> [UInt8] {
    var header = MessagePackWriter()
    switch count {
    case ..<16: header.bytes.append((isMap ? 0x80 : 0x90) | UInt8(count))
    case ..<0x1_0000: header.put(isMap ? 0xDE : 0xDC, UInt16(count))
    default: header.put(isMap ? 0xDF : 0xDD, UInt32(clamping: count))
    }
    return header.bytes
  }

  private mutating func put(_ type: UInt8, _ value: some FixedWidthInteger) {
    bytes.append(type)
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }
}

public struct MessagePackReader: Sendable {
  /// What the next byte begins.
  public enum Kind: Equatable, Sendable {
    case null, boolean, integer, double, string, binary, array, map, extended
  }

  /// Nesting of one value.
  public static let depthMax = 64

  let bytes: [UInt8]
  public private(set) var index = 0

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public var isAtEnd: Bool { index == bytes.count }

  public func peek() throws(MessagePackError) -> Kind {
    guard index < bytes.count else { throw .truncated }
    switch bytes[index] {
    case 0x00...0x7F, 0xE0...0xFF, 0xCC...0xD3: return .integer
    case 0x80...0x8F, 0xDE, 0xDF: return .map
    case 0x90...0x9F, 0xDC, 0xDD: return .array
    case 0xA0...0xBF, 0xD9...0xDB: return .string
    case 0xC0: return .null
    case 0xC2, 0xC3: return .boolean
    case 0xC4...0xC6: return .binary
    case 0xC7...0xC9, 0xD4...0xD8: return .extended
    case 0xCA, 0xCB: return .double
    default: throw .invalidByte
    }
  }

  public mutating func null() throws(MessagePackError) {
    guard try peek() == .null else { throw .unexpectedType }
    index += 1
  }

  public mutating func boolean() throws(MessagePackError) -> Bool {
    guard try peek() == .boolean else { throw .unexpectedType }
    index += 1
    return bytes[index - 1] == 0xC3
  }

  /// An integer of any width; `outOfRange` above `Int64.max`.
  public mutating func integer() throws(MessagePackError) -> Int64 {
    let (isNegative, magnitude) = try wideInteger()
    if isNegative { return Int64(bitPattern: magnitude) }
    guard let value = Int64(exactly: magnitude) else { throw .outOfRange }
    return value
  }

  public mutating func unsigned() throws(MessagePackError) -> UInt64 {
    let (isNegative, magnitude) = try wideInteger()
    guard !isNegative else { throw .outOfRange }
    return magnitude
  }

  /// The bits of a negative number stand as those of an `Int64`.
  mutating func wideInteger() throws(MessagePackError) -> (isNegative: Bool, bits: UInt64) {
    guard try peek() == .integer else { throw .unexpectedType }
    let first = bytes[index]
    index += 1
    switch first {
    case 0x00...0x7F: return (false, UInt64(first))
    case 0xE0...0xFF: return Self.signed(Int64(Int8(bitPattern: first)))
    case 0xCC: return (false, UInt64(try fixed(UInt8.self)))
    case 0xCD: return (false, UInt64(try fixed(UInt16.self)))
    case 0xCE: return (false, UInt64(try fixed(UInt32.self)))
    case 0xCF: return (false, try fixed(UInt64.self))
    case 0xD0: return Self.signed(Int64(try fixed(Int8.self)))
    case 0xD1: return Self.signed(Int64(try fixed(Int16.self)))
    case 0xD2: return Self.signed(Int64(try fixed(Int32.self)))
    default: return Self.signed(try fixed(Int64.self))
    }
  }

  private static func signed(_ value: Int64) -> (Bool, UInt64) { (value < 0, UInt64(bitPattern: value)) }

  public mutating func double() throws(MessagePackError) -> Double {
    guard try peek() == .double else { throw .unexpectedType }
    index += 1
    if bytes[index - 1] == 0xCA { return Double(Float(bitPattern: try fixed(UInt32.self))) }
    return Double(bitPattern: try fixed(UInt64.self))
  }

  public mutating func string() throws(MessagePackError) -> String {
    let range = try stringRange()
    guard let text = String(validating: bytes[range], as: UTF8.self) else { throw .invalidUTF8 }
    return text
  }

  /// Where the bytes of the string lie; they have not been checked.
  mutating func stringRange() throws(MessagePackError) -> Range<Int> {
    guard try peek() == .string else { throw .unexpectedType }
    let first = bytes[index]
    index += 1
    switch first {
    case 0xD9: return try take(Int(try fixed(UInt8.self)))
    case 0xDA: return try take(Int(try fixed(UInt16.self)))
    case 0xDB: return try take(Int(try fixed(UInt32.self)))
    default: return try take(Int(first & 0x1F))
    }
  }

  public mutating func binary() throws(MessagePackError) -> [UInt8] {
    guard try peek() == .binary else { throw .unexpectedType }
    index += 1
    let range =
      switch bytes[index - 1] {
      case 0xC4: try take(Int(try fixed(UInt8.self)))
      case 0xC5: try take(Int(try fixed(UInt16.self)))
      default: try take(Int(try fixed(UInt32.self)))
      }
    return Array(bytes[range])
  }

  /// The number of elements that follow.
  public mutating func array() throws(MessagePackError) -> Int {
    guard try peek() == .array else { throw .unexpectedType }
    let count = try containerCount()
    guard count <= bytes.count - index else { throw .truncated }
    return count
  }

  /// The number of pairs that follow.
  public mutating func map() throws(MessagePackError) -> Int {
    guard try peek() == .map else { throw .unexpectedType }
    let count = try containerCount()
    guard count <= (bytes.count - index) / 2 else { throw .truncated }
    return count
  }

  private mutating func containerCount() throws(MessagePackError) -> Int {
    let first = bytes[index]
    index += 1
    switch first {
    case 0xDC, 0xDE: return Int(try fixed(UInt16.self))
    case 0xDD, 0xDF: return Int(try fixed(UInt32.self))
    default: return Int(first & 0x0F)
    }
  }

  /// The type of an extension and its data.
  mutating func extended() throws(MessagePackError) -> (type: Int8, data: Range<Int>) {
    guard try peek() == .extended else { throw .unexpectedType }
    let first = bytes[index]
    index += 1
    let count =
      switch first {
      case 0xC7: Int(try fixed(UInt8.self))
      case 0xC8: Int(try fixed(UInt16.self))
      case 0xC9: Int(try fixed(UInt32.self))
      default: 1 << Int(first - 0xD4)
      }
    let type = try fixed(Int8.self)
    return (type, try take(count))
  }

  /// Passes over one value, whatever it is.
  public mutating func skip() throws(MessagePackError) { try skip(depth: 0) }

  private mutating func skip(depth: Int) throws(MessagePackError) {
    guard depth < Self.depthMax else { throw .tooDeep }
    switch try peek() {
    case .null, .boolean: index += 1
    case .integer: _ = try wideInteger()
    case .double: _ = try double()
    case .string: _ = try stringRange()
    case .binary: _ = try binary()
    case .extended: _ = try extended()
    case .array: for _ in 0..<(try array()) { try skip(depth: depth + 1) }
    case .map: for _ in 0..<(try map() * 2) { try skip(depth: depth + 1) }
    }
  }

  private mutating func take(_ count: Int) throws(MessagePackError) -> Range<Int> {
    guard count <= bytes.count - index else { throw .truncated }
    defer { index += count }
    return index..<index + count
  }

  private mutating func fixed<Value: FixedWidthInteger>(_ type: Value.Type) throws(MessagePackError) -> Value {
    let width = Value.bitWidth / 8
    guard width <= bytes.count - index else { throw .truncated }
    var value: Value.Magnitude = 0
    for byte in bytes[index..<index + width] { value = value << 8 | Value.Magnitude(truncatingIfNeeded: byte) }
    index += width
    return Value(truncatingIfNeeded: value)
  }
}
