import Base
import FoundationEssentials
import TestKit
import Testing

@testable import CodeIndex

/// The built-in model against the vectors that came with it.
@Suite struct EmbedderTests {
  struct Golden: Decodable {
    struct Vector: Decodable {
      var text: String
      var tokens: [UInt32]
      var words: [String]
      var first8: [Float]
    }
    var vectors: [Vector]
    var cosines: [[Double]]
  }

  static func golden() throws -> Golden {
    let folder = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let data = try #require(FileManager.default.contents(atPath: "\(folder)/Golden/vectors.json"))
    return try JSONDecoder().decode(Golden.self, from: data)
  }

  @Test func theModelGivesTheVectorsThatCameWithIt() throws {
    let golden = try Self.golden()
    #expect(golden.vectors.count == 20)
    let table = try TermTable()
    for expected in golden.vectors {
      let words = try table.split(expected.text)
      #expect(words.flatMap { table.tokens(of: $0) } == expected.tokens, "\(expected.text)")
      #expect(words.count == expected.words.count, "\(expected.text)")
      let again = try expected.words.map { word in try table.split(word) }
      // A word such as "v" or "10" is one word again; its term is the one found in the text.
      #expect(again.map(\.first) == words.map { $0 }, "\(expected.text)")
      var vector = QuantisedVector.zeros()
      let hasToken = words.withUnsafeBufferPointer { table.embed($0, into: &vector) }
      #expect(hasToken != expected.tokens.isEmpty)
      for (ours, theirs) in zip(vector, expected.first8) { #expect(abs(ours - theirs) < 1e-4, "\(expected.text)") }
    }
  }

  @Test func cosinesAreTheGoldenOnesAlsoAfterRounding() throws {
    let golden = try Self.golden()
    let embedder = try BuiltInEmbedder()
    for row in golden.cosines {
      let left = try #require(try embedder.embed(golden.vectors[Int(row[0])].text))
      let right = try #require(try embedder.embed(golden.vectors[Int(row[1])].text))
      let exact = zip(left, right).reduce(0) { $0 + Double($1.0 * $1.1) }
      #expect(abs(exact - row[2]) < 1e-4)
      let first = QuantisedVector(left)
      let second = QuantisedVector(right)
      let product = second.components.withUnsafeBufferPointer { buffer in
        buffer.baseAddress.map { first.product(with: $0) } ?? 0
      }
      #expect(abs(Double(Float(product) * first.scale * second.scale) - row[2]) < 0.01)
    }
  }

  @Test(arguments: [
    "", "   \n\t", "日本語", "1234567890123456789012345678901234567890123", String(repeating: "x", count: 41),
    "\u{0}\u{1}",
  ])
  func textWithoutAUsableWordHasNoVector(_ text: String) throws {
    #expect(try BuiltInEmbedder().embed(text) == nil)
  }

  @Test func wordsAreCutAsTheFormatSays() throws {
    let table = try TermTable()
    for (text, words) in [
      ("HTTPServer2XMLParser_v10", "http server 2 xml parser v 10"), ("naïve Straße", "naive strasse"),
      ("don't", "don t"), ("e\u{301}t\u{302}e", "ete"), ("×÷", ""), ("ABCDEF", "abcdef"), ("aB1c", "a b 1 c"),
      (String(repeating: "A", count: 50) + "bc d", "d c"), ("ÀB", "a b"),
    ] {
      let ours = try table.split(text)
      // Long runs of capitals go with the letter that would begin the next word; what follows is a word of its own.
      let expected = text.hasPrefix("AAAA") ? try table.split("bc d") : try table.split(words)
      #expect(ours == expected, "\(text)")
    }
  }

  /// Row: component count that is not a multiple of anything, so that every variant meets its remainder.
  @Test func fastProductsEqualThePlainLoop() throws {
    var random = SeededRandom()
    for count in [0, 1, 2, 7, 33] {
      let rows = (0..<count * 256).map { _ in Int8.random(in: -127...127, using: &random) }
      let vector = (0..<256).map { _ in Float.random(in: -1...1, using: &random) }
      let query = QuantisedVector(vector)
      var fast = [Int32](repeating: 0, count: count)
      rows.withUnsafeBufferPointer { rows in
        fast.withUnsafeMutableBufferPointer { fast in
          guard let rows = rows.baseAddress, let fast = fast.baseAddress else { return }
          query.products(with: rows, count: count, into: fast)
        }
      }
      let plain = (0..<count).map { row in
        (0..<256).reduce(Int32(0)) { $0 + Int32(query.components[$1]) * Int32(rows[row * 256 + $1]) }
      }
      #expect(fast == plain, "\(random)")
    }
    let extremes = QuantisedVector([Float](repeating: -1, count: 256))
    #expect(extremes.components.allSatisfy { $0 == -127 })
    let product = extremes.components.withUnsafeBufferPointer { $0.baseAddress.map { extremes.product(with: $0) } }
    #expect(product == Int32(127 * 127 * 256))
  }

  @Test func roundingIsToNearestTiesToEven() {
    var vector = QuantisedVector.zeros()
    for (index, value) in [127, 0.5, 1.5, 2.5, -0.5, -1.5, 0.49, -3.51].enumerated() { vector[index] = Float(value) }
    let rounded = QuantisedVector(vector)
    #expect(Array(rounded.components.prefix(8)) == [127, 0, 2, 2, 0, -2, 0, -4])
    #expect(rounded.scale == 1)
    #expect(QuantisedVector(QuantisedVector.zeros()).isZero)
  }

  /// Whatever the bytes: no crash, no more words than bytes, and lines never change what a well-formed text says.
  @Test func anyBytesAreSplit() throws {
    try SeededRandom.run { random in
      let table = try TermTable()
      for _ in 0..<2_000 {
        let bytes = random.bytes(Int.random(in: 0...200, using: &random))
        let words = try bytes.withUnsafeBufferPointer { bytes in try table.split(bytes) }
        #expect(words.count <= bytes.count)
        let text = String(decoding: bytes, as: UTF8.self)
        var lines = LineWords()
        let whole = try table.split(text)
        try Array(text.utf8).withUnsafeBufferPointer { bytes in try table.split(bytes, into: &lines) }
        #expect(Array(lines.words.prefix(whole.count)) == whole, "\(random)")
        #expect(Int(lines.lineWords[lines.count]) == whole.count)
      }
    }
  }
}
