import SocketProtocol
import TestKit
import Testing

@Suite struct MessagePackTests {
  private func packed(_ json: String, _ attachments: [[UInt8]] = []) throws -> [UInt8] {
    var writer = MessagePackWriter()
    try MessagePackJSON.pack(Array(json.utf8), attachments: attachments, into: &writer)
    return writer.bytes
  }

  private func unpacked(_ bytes: [UInt8]) throws -> (json: String, attachments: [[UInt8]]) {
    var reader = MessagePackReader(bytes)
    var (json, attachments): ([UInt8], [[UInt8]]) = ([], [])
    try MessagePackJSON.unpack(&reader, into: &json, attachments: &attachments)
    return (String(decoding: json, as: UTF8.self), attachments)
  }

  @Test(
    arguments: [
      ("null", [0xC0]), ("true", [0xC3]), ("0", [0x00]), ("127", [0x7F]), ("128", [0xCC, 0x80]), ("-1", [0xFF]),
      ("-32", [0xE0]), ("-33", [0xD0, 0xDF]), ("256", [0xCD, 1, 0]), ("65536", [0xCE, 0, 1, 0, 0]),
      ("4294967296", [0xCF, 0, 0, 0, 1, 0, 0, 0, 0]), ("-32769", [0xD2, 0xFF, 0xFF, 0x7F, 0xFF]),
      ("1.5", [0xCB, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0]), (#""a""#, [0xA1, 0x61]), ("[1,2]", [0x92, 1, 2]),
      (#"{"a":1}"#, [0x81, 0xA1, 0x61, 1]),
      (
        #"{"compact":true,"schema":0}"#,
        [0x82, 0xA7, 0x63, 0x6F, 0x6D, 0x70, 0x61, 0x63, 0x74, 0xC3, 0xA6, 0x73, 0x63, 0x68, 0x65, 0x6D, 0x61, 0x00]
      ),
    ] as [(String, [UInt8])])
  func everyValueTakesItsShortestForm(json: String, bytes: [UInt8]) throws {
    #expect(try packed(json) == bytes)
    #expect(try unpacked(bytes).json == json)
  }

  @Test func longContainersAndStringsComeBackWhole() throws {
    for count in [15, 16, 31, 32, 255, 256, 65_535, 65_536] {
      let array = "[" + (0..<count).map(String.init).joined(separator: ",") + "]"
      #expect(try unpacked(packed(array)).json == array)
      let map = "{" + (0..<count).map { "\"k\($0)\":[\($0)]" }.joined(separator: ",") + "}"
      #expect(try unpacked(packed(map)).json == map)
      let text = "\"" + String(repeating: "ä", count: count / 2) + "\""
      #expect(try unpacked(packed(text)).json == text)
    }
  }

  @Test func escapesBecomeTheirCharacters() throws {
    #expect(try unpacked(packed(#""\u00e9\ud83d\ude00\n\"\\\/\u0001""#)).json == #""é😀\n\"\\/\u0001""#)
    #expect(try unpacked(packed(#""\ud83d x""#)).json == "\"\u{FFFD} x\"")
  }

  @Test func placeholdersBecomeTheirBytesAndComeBack() throws {
    let json =
      #"["e",{"_placeholder":true,"num":0},{"x":{"num": 1, "_placeholder" : true},"_placeholder":false,"num":9}]"#
    let bytes = try packed(json, [[1, 2, 3], [9]])
    let back = try unpacked(bytes)
    #expect(back.attachments == [[1, 2, 3], [9]])
    #expect(
      back.json
        == #"["e",{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1},"_placeholder":false,"num":9}]"#)
    #expect(throws: MessagePackJSON.JSONError.missingAttachment) {
      try packed(#"["e",{"_placeholder":true,"num":2}]"#, [[1]])
    }
  }

  @Test func datesOfJavaScriptBecomeTheirText() throws {
    // 2026-11-20T23:14:05.221Z in the forms that notepack.io has written, old and new.
    let milliseconds: UInt64 = 1_795_216_445_221
    let old = [0xD7, 0x00] + (0..<8).map { UInt8(truncatingIfNeeded: milliseconds >> (56 - 8 * $0)) }
    #expect(try unpacked(old).json == #""2026-11-20T23:14:05.221Z""#)
    let wide = UInt64(221_000_000) << 34 | milliseconds / 1_000
    let new = [0xD7, 0xFF] + (0..<8).map { UInt8(truncatingIfNeeded: wide >> (56 - 8 * $0)) }
    #expect(try unpacked(new).json == #""2026-11-20T23:14:05.221Z""#)
    #expect(try unpacked([0xD4, 0x00, 0x00]).json == "null")
  }

  @Test(arguments: [
    "", "[", "[1", "[1,]", "{", #"{"a"}"#, #"{"a":}"#, "{1:2}", "01", "1.", "-", "1e", "nul", #""a"#, "\"\u{1}\"",
    "[1] 2", #""\x""#, #""\u12""#, "+1", "NaN",
  ])
  func whatIsNoJSONIsRefused(json: String) {
    #expect(throws: MessagePackJSON.JSONError.self) { try packed(json) }
  }

  @Test func nestingIsBoundedBothWays() throws {
    let deep = String(repeating: "[", count: 1_000) + String(repeating: "]", count: 1_000)
    #expect(throws: MessagePackJSON.JSONError.tooDeep) { try packed(deep) }
    let bytes = [UInt8](repeating: 0x91, count: 100_000) + [0x00]
    #expect(throws: MessagePackError.tooDeep) { try unpacked(bytes) }
    var reader = MessagePackReader(bytes)
    #expect(throws: MessagePackError.tooDeep) { try reader.skip() }
  }

  @Test func announcedLengthsReserveNothing() {
    for bytes in [
      [0xDD, 0xFF, 0xFF, 0xFF, 0xFF], [0xDF, 0xFF, 0xFF, 0xFF, 0xFF], [0xDB, 0xFF, 0xFF, 0xFF, 0xFF],
      [0xC6, 0xFF, 0xFF, 0xFF, 0xFF], [0xC9, 0xFF, 0xFF, 0xFF, 0xFF, 0], [0xC1], [],
    ] as [[UInt8]] {
      #expect(throws: MessagePackError.self) { try unpacked(bytes) }
    }
  }

  /// Random values go there and back; random damage to their bytes ends in an error or a value, never in a trap.
  @Test func randomDocumentsSurviveAndDamagedOnesAreRefused() throws {
    try SeededRandom.run { random in
      for _ in 0..<60 {
        let json = Self.json(&random, depth: 0)
        let bytes = try packed(json)
        #expect(try unpacked(bytes).json == json, "\(random)")
        for _ in 0..<20 {
          var damaged = bytes
          for _ in 0..<Int.random(in: 1...3, using: &random) {
            damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
          }
          damaged.removeLast(Int.random(in: 0...min(3, damaged.count), using: &random))
          _ = try? unpacked(damaged)
          _ = try? AdapterBroadcast(decoding: damaged)
          _ = try? AdapterRequest(decoding: damaged)
          _ = try? AdapterResponse(decoding: damaged)
          var text = Array(json.utf8)
          text[Int.random(in: 0..<text.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
          var writer = MessagePackWriter()
          try? MessagePackJSON.pack(text, into: &writer)
        }
      }
    }
  }

  static func json(_ random: inout SeededRandom, depth: Int) -> String {
    switch Int.random(in: 0..<(depth > 4 ? 5 : 8), using: &random) {
    case 0: return ["null", "true", "false"].randomElement(using: &random) ?? "null"
    case 1: return String(Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0...63, using: &random))
    case 2: return String(UInt64.random(in: 0 ... .max, using: &random))
    case 3: return (Double.random(in: -1...1, using: &random) + 0.001).description
    case 4: return "\"" + ["", "a", "ä😀", "x y", #"\n"#, #"\""#].shuffled(using: &random).joined() + "\""
    case 5, 6:
      let items = (0..<Int.random(in: 0...20, using: &random)).map { _ in json(&random, depth: depth + 1) }
      return "[" + items.joined(separator: ",") + "]"
    default:
      let pairs = (0..<Int.random(in: 0...20, using: &random)).map { "\"k\($0)\":" + json(&random, depth: depth + 1) }
      return "{" + pairs.joined(separator: ",") + "}"
    }
  }
}
