import Base
import Foundation
import TestKit
import Testing

@testable import ControlPlane

struct RawJSONTests {
  @Test(arguments: [
    "null", "true", "false", "0", "-0", "12.50", "1e5", "1E+5", "-1.25e-7", "\"\"", "\"a\\u00e9\\n\\\"\"", "[]", "{}",
    "[1,[2,{\"a\":[]}]]", "{\"a\":1.0,\"b\":[true,null],\"a b\":\"日本語\"}", "12345678901234567890123",
    " \t\r\n{ \"a\" : [ 1 , 2 ] } \n",
  ])
  func whatIsJSONStaysAsItWasWritten(text: String) throws {
    let json = try RawJSON(text)
    #expect(json.text == text.trimmingCharacters(in: .whitespacesAndNewlines))
    #expect(try JSONDecoder().decode(RawJSON.self, from: JSONEncoder().encode(json)) == json)
  }

  @Test(arguments: [
    "", " ", "nul", "nullx", "TRUE", "01", "1.", ".5", "+1", "-", "1e", "1e+", "0x1", "NaN", "'a'", "\"a", "\"\\x\"",
    "\"\\u12g4\"", "\"\\u12\"", "\"\n\"", "\"\u{0}\"", "[1,]", "[,1]", "[1 2]", "[", "]", "{\"a\"}", "{\"a\":}",
    "{a:1}", "{\"a\":1,}", "{1:2}", "{} {}", "1 2", "[1}", "\u{1E}",
  ])
  func whatIsNoJSONIsRefusedInOneLine(text: String) {
    let failure = #expect(throws: Failure.self) { try RawJSON(text) }
    #expect(failure?.code == .invalid)
    #expect(failure?.message.contains("no JSON") == true)
  }

  @Test func depthAndLengthAreBounded() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try RawJSON(nested(RawJSON.depthMax))
    #expect(throws: Failure.self) { try RawJSON(nested(RawJSON.depthMax + 1)) }
    #expect(throws: Failure.self) { try RawJSON(nested(1_000_000 / 2 - 4_096)) }
    let long = "\"" + String(repeating: "a", count: RawJSON.bytesMax - 2) + "\""
    _ = try RawJSON(long)
    let failure = #expect(throws: Failure.self) { try RawJSON(long + " ") }
    #expect(failure?.code == .limit)
  }

  @Test func membersAreGivenByteForByte() throws {
    let body = Array("{\"event\":\"x\", \"data\": {\"n\":1.0, \"big\":123456789012345678901} ,\"data2\":[1 ,2]}".utf8)
    let members = try RawJSON.members(of: body)
    #expect(members["data"]?.text == "{\"n\":1.0, \"big\":123456789012345678901}")
    #expect(members["event"]?.text == "\"x\"")
    #expect(members["data2"]?.text == "[1 ,2]")
    #expect(throws: Failure.self) { try RawJSON.members(of: Array("[1]".utf8)) }
    #expect(throws: Failure.self) { try RawJSON.members(of: Array("{\"a\":1,\"a\":2}".utf8)) }
    #expect(throws: Failure.self) { try RawJSON.members(of: [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D]) }
  }

  @Test func aStringComesBackFromItsQuotes() throws {
    for text in ["", "a\"b\\c", "\n\r\t\u{0}\u{1F}\u{7F}", "日本語 e\u{301} 👩‍👩‍👧", "</script>\u{2028}"] {
      let quoted = RawJSON.quoted(text)
      _ = try RawJSON(quoted)
      #expect(try JSONDecoder().decode(String.self, from: Data(quoted.utf8)) == text)
    }
  }

  /// Texts that are nearly JSON: ours and Foundation's parser agree on all of them.
  @Test func theScannerAgreesWithFoundation() throws {
    var random = SeededRandom(seed: 20_261_121)
    let seeds = [
      "{\"a\":[1,2.5,-3e2,{\"b\":null}],\"c\":\"x\\u0041\\n\"}", "[true,false,null,\"\",0,{}]", "\"text\"", "-12.5E+3",
    ]
    let alphabet = Array("{}[]\",:\\ntfu0123456789.eE+-a \t\n".utf8)
    var accepted = 0
    for _ in 0..<20_000 {
      var bytes = Array(seeds[Int.random(in: 0..<seeds.count, using: &random)].utf8)
      for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[index] = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
        case 1: bytes.remove(at: index)
        default: bytes.insert(alphabet[Int.random(in: 0..<alphabet.count, using: &random)], at: index)
        }
      }
      let text = String(decoding: bytes, as: UTF8.self)
      let isOurs = (try? RawJSON(text)) != nil
      let theirs = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
      // Numbers that no Double can hold are theirs to refuse and JSON all the same.
      if isOurs != (theirs != nil), !text.contains(where: { "eE".contains($0) }) {
        Issue.record("they differ about \(text)")
      }
      if isOurs { accepted += 1 }
    }
    #expect((2_000...19_000).contains(accepted))
  }
}
