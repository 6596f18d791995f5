import TestKit
import Testing

@testable import CodeIndex

@Suite struct ChunkerTests {
  private func chunks(_ text: String, isTyped: Bool = false) throws -> [Chunker.Chunk] {
    let table = try TermTable()
    var lines = LineWords()
    return try Array(text.utf8).withUnsafeBufferPointer { bytes in
      try table.split(bytes, into: &lines)
      return Chunker.chunks(of: bytes, lines, isTyped: isTyped)
    }
  }

  private func numbered(_ count: Int) -> String { (1...count).map { "line number \($0)\n" }.joined() }

  @Test(arguments: [
    (1, [0..<1]), (40, [0..<40]), (41, [0..<40, 30..<41]), (70, [0..<40, 30..<70]), (71, [0..<40, 30..<70, 60..<71]),
  ])
  func windowsOverlapByTenLines(_ lines: Int, _ expected: [Range<Int>]) throws {
    #expect(try chunks(numbered(lines)).map(\.lines) == expected)
  }

  @Test func theLastLineNeedsNoLineFeed() throws {
    #expect(try chunks("a b c").map(\.lines) == [0..<1])
    #expect(try chunks("a b c\r\nd").map(\.lines) == [0..<2])
  }

  @Test(arguments: ["", "\n\n\n", "one two", "  }\n}\n"])
  func chunksThatSayNothingAreLeftOut(_ text: String) throws { #expect(try chunks(text).isEmpty) }

  @Test func namesInsideAndAroundAreGiven() throws {
    var text = "class Outer:\n  class Inner:\n    def first(self):\n"
    text += String(repeating: "      work(with, some, words)\n", count: 50) + "    def second(self):\n      pass\n"
    let found = try chunks(text)
    #expect(found.map(\.lines) == [0..<40, 30..<55])
    #expect(found.map(\.names) == ["Outer Inner first", "second"])
    #expect(found.map(\.enclosing) == ["", "Outer Inner first"])
    #expect(found.map(\.symbol) == ["Outer", "second"])
  }

  @Test func aChunkWithoutNamesIsCalledAfterWhatIsAround() throws {
    let text = "struct A {\n  func go() {\n" + String(repeating: "    step one two\n", count: 75) + "  }\n}\n"
    let found = try chunks(text)
    #expect(found.last?.symbol == "go")
    #expect(found.last?.enclosing == "A go")
  }

  @Test func anyBytesAreCut() throws {
    try SeededRandom.run { random in
      let table = try TermTable()
      var lines = LineWords()
      for _ in 0..<300 {
        var bytes = random.bytes(Int.random(in: 0...3_000, using: &random))
        for index in bytes.indices where Int.random(in: 0..<8, using: &random) == 0 { bytes[index] = 10 }
        let isTyped = Bool.random(using: &random)
        let found = try bytes.withUnsafeBufferPointer { text in
          try table.split(text, into: &lines)
          return Chunker.chunks(of: text, lines, isTyped: isTyped)
        }
        #expect(
          lines.count == bytes.split(separator: 10, omittingEmptySubsequences: false).count
            - (bytes.last == 10 || bytes.isEmpty ? 1 : 0))
        #expect(found.allSatisfy { $0.lines.count <= 40 && $0.lines.upperBound <= lines.count }, "\(random)")
      }
    }
  }
}
