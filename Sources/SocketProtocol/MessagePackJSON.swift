internal import Base

/// JSON text into MessagePack and back, without a tree between them.
///
/// Events live in this node as the JSON text their sender wrote; other Socket.IO servers expect MessagePack.
/// Integers stay integers, other numbers become doubles, order and duplicates of keys are kept. Binary data stands
/// in JSON as the placeholder of socket.io-protocol 5 (`{"_placeholder":true,"num":0}`, in any spelling of white
/// space) and in MessagePack as itself, in the order of its first appearance.
///
/// A container's length stands in front of it in MessagePack and nowhere in JSON: one byte is held free and, for more
/// than 15 elements, widened afterwards. Nesting is bounded on both ways.
public enum MessagePackJSON {
  public enum JSONError: Error, Equatable, Sendable {
    /// Not JSON, at this offset.
    case malformed(offset: Int)
    case tooDeep
    /// A placeholder names an attachment that is not there.
    case missingAttachment
  }

  /// Appends one JSON value as MessagePack.
  public static func pack(
    _ json: [UInt8], attachments: [[UInt8]] = [], into writer: inout MessagePackWriter
  ) throws(JSONError) {
    var packer = JSONPacker(json: json, attachments: attachments, writer: writer)
    try packer.document()
    writer = packer.writer
  }

  /// Appends one MessagePack value as JSON; binaries go to `attachments`. Null where JSON knows no such value.
  public static func unpack(
    _ reader: inout MessagePackReader, into json: inout [UInt8], attachments: inout [[UInt8]]
  ) throws(MessagePackError) {
    try unpack(&reader, &json, &attachments, depth: 0)
  }

  private static func unpack(
    _ reader: inout MessagePackReader, _ json: inout [UInt8], _ attachments: inout [[UInt8]], depth: Int
  ) throws(MessagePackError) {
    guard depth < MessagePackReader.depthMax else { throw .tooDeep }
    switch try reader.peek() {
    case .null:
      try reader.null()
      json += "null".utf8
    case .boolean: json += (try reader.boolean() ? "true" : "false").utf8
    case .integer:
      let (isNegative, bits) = try reader.wideInteger()
      json += (isNegative ? String(Int64(bitPattern: bits)) : String(bits)).utf8
    case .double:
      let value = try reader.double()
      json += (value.isFinite ? number(value) : "null").utf8
    case .string: appendString(try reader.string(), to: &json)
    case .binary:
      json += "{\"_placeholder\":true,\"num\":\(attachments.count)}".utf8
      attachments.append(try reader.binary())
    case .extended: json += try extended(&reader).utf8
    case .array:
      json.append(UInt8(ascii: "["))
      for element in 0..<(try reader.array()) {
        if element > 0 { json.append(UInt8(ascii: ",")) }
        try unpack(&reader, &json, &attachments, depth: depth + 1)
      }
      json.append(UInt8(ascii: "]"))
    case .map:
      json.append(UInt8(ascii: "{"))
      for pair in 0..<(try reader.map()) {
        if pair > 0 { json.append(UInt8(ascii: ",")) }
        try key(&reader, &json)
        json.append(UInt8(ascii: ":"))
        try unpack(&reader, &json, &attachments, depth: depth + 1)
      }
      json.append(UInt8(ascii: "}"))
    }
  }

  /// Python's dictionaries may have numbers as keys; JSON's are strings.
  private static func key(_ reader: inout MessagePackReader, _ json: inout [UInt8]) throws(MessagePackError) {
    if try reader.peek() == .integer {
      let (isNegative, bits) = try reader.wideInteger()
      return appendString(isNegative ? String(Int64(bitPattern: bits)) : String(bits), to: &json)
    }
    appendString(try reader.string(), to: &json)
  }

  /// 1.0 is written as JavaScript does: `1`.
  private static func number(_ value: Double) -> String {
    if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 { return String(whole) }
    return value.description
  }

  /// Dates, as `JSON.stringify` writes them: extension -1 of the specification, and the milliseconds in extension 0
  /// that older JavaScript encoders wrote. Extension 0 of one byte is their `undefined`.
  private static func extended(_ reader: inout MessagePackReader) throws(MessagePackError) -> String {
    let (type, range) = try reader.extended()
    let data = reader.bytes[range].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let milliseconds: Int64? =
      switch (type, range.count) {
      case (-1, 4): Int64(data) * 1_000
      case (-1, 8): Int64(data & 0x3_FFFF_FFFF) * 1_000 + Int64(data >> 34) / 1_000_000
      case (0, 8): Int64(bitPattern: data)
      default: nil
      }
    return milliseconds.map { "\"\(Timestamp.iso8601($0))\"" } ?? "null"
  }

  private static let hexadecimal = Array("0123456789abcdef".utf8)

  /// Appends a JSON string (RFC 8259, section 7): what must be escaped is, and nothing else.
  public static func appendString(_ text: String, to json: inout [UInt8]) {
    json.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): json += [UInt8(ascii: "\\"), byte]
      case 0x0A: json += "\\n".utf8
      case 0x0D: json += "\\r".utf8
      case 0x09: json += "\\t".utf8
      case ..<0x20: json += "\\u00".utf8 + [hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 0x0F)]]
      default: json.append(byte)
      }
    }
    json.append(UInt8(ascii: "\""))
  }
}
