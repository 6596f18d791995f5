import Base
import FoundationEssentials
import TestKit
import Testing

@Suite struct GlobTests {
  @Test(arguments: [
    ("", ""), ("*", ""), ("*", "anything"), ("a*c", "ac"), ("a*c", "abbbc"), ("a**c", "axc"), ("?", "x"),
    ("a?c", "abc"),
    ("[abc]", "b"), ("[a-c]x", "bx"), ("[!a-c]", "d"), ("[^a-c]", "d"), ("[]]", "]"), ("[]-a]", "^"), ("[a-]", "-"),
    ("[!]]", "a"), ("\\*", "*"), ("\\[a\\]", "[a]"), ("[\\]]", "]"), ("[\\\\]", "\\"), ("[\\]-a]", "_"),
    ("task:*:done", "task:1:2:done"),
    ("*é*", "caféx"), ("??", "é"), ("*.swift", ".swift"), ("a*b*c", "aXbYbZc"), ("[*]", "*"), ("[?]", "?"),
  ])
  func fits(_ pattern: String, _ text: String) throws {
    #expect(try Glob(pattern).matches(text))
  }

  @Test(arguments: [
    ("", "a"), ("a", ""), ("a", "A"), ("?", ""), ("?", "ab"), ("a*c", "ab"), ("[abc]", "d"), ("[abc]", ""),
    ("[!a-c]", "b"), ("\\*", "x"), ("[a-c]", "ab"), ("[\\]]", "\\"), ("*a", "ab"), ("a?c", "ac"),
  ])
  func doesNotFit(_ pattern: String, _ text: String) throws {
    #expect(try !Glob(pattern).matches(text))
  }

  @Test(arguments: ["[", "[a", "[]", "[!]", "[z-a]", "a\\", "[a\\", "[a-"])
  func wrongPatternsAreRefused(_ pattern: String) {
    let error = #expect(throws: Failure.self) { try Glob(pattern) }
    #expect(error?.code == .invalid)
  }

  /// A matcher that backtracks over every star would need longer than the universe is old.
  @Test(arguments: [
    (String(repeating: "*a", count: 100) + "*b", 5_000), (String(repeating: "a*", count: 200) + "b", 3_000),
    (String(repeating: "*?", count: 50) + "b", 5_000), (String(repeating: "*", count: 10_000) + "b", 10_000),
    (String(repeating: "*[a-z]", count: 50) + "!", 5_000),
  ])
  func noPatternIsCatastrophic(_ pattern: String, _ length: Int) throws {
    #expect(try !Glob(pattern).matches(String(repeating: "a", count: length)))
  }

  /// Compared with the shortest correct matcher there is, which may take exponential time and is given short inputs.
  @Test func randomPatternsAgreeWithTheDefinition() throws {
    func reference(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
      guard let token = pattern.first else { return text.isEmpty }
      if token == UInt8(ascii: "*") {
        return reference(pattern.dropFirst(), text) || (!text.isEmpty && reference(pattern, text.dropFirst()))
      }
      guard let byte = text.first, token == UInt8(ascii: "?") || token == byte else { return false }
      return reference(pattern.dropFirst(), text.dropFirst())
    }
    var random = SeededRandom()
    for _ in 0..<5_000 {
      let pattern = (0..<Int.random(in: 0...7, using: &random)).map { _ in
        "ab*?".utf8.randomElement(using: &random) ?? 0
      }
      let text = (0..<Int.random(in: 0...8, using: &random)).map { _ in "ab".utf8.randomElement(using: &random) ?? 0 }
      let matched = try Glob(String(decoding: pattern, as: UTF8.self)).matches(text)
      #expect(matched == reference(pattern[...], text[...]), "\(pattern) \(text) \(random)")
    }
  }

  @Test func noBytesCrashTheParser() {
    var random = SeededRandom()
    for _ in 0..<3_000 {
      let pattern = String(decoding: random.bytes(Int.random(in: 0...10, using: &random)), as: UTF8.self) + "[\\-]!"
      let shuffled = String(pattern.shuffled(using: &random))
      if let glob = try? Glob(shuffled) { _ = glob.matches(pattern) }  // refusals are fine here, crashes are not
    }
  }

  @Test func aGlobTravelsAsItsPattern() throws {
    let glob = try Glob("a*[0-9]")
    let data = try JSONEncoder().encode([glob])
    #expect(String(decoding: data, as: UTF8.self) == "[\"a*[0-9]\"]")
    #expect(try JSONDecoder().decode([Glob].self, from: data) == [glob])
    #expect(throws: (any Error).self) { try JSONDecoder().decode([Glob].self, from: Data("[\"[\"]".utf8)) }
    #expect("\(glob)" == "a*[0-9]")
  }
}
