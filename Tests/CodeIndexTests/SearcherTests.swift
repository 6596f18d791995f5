import Base
import ControlPlane
import Glibc
import TestKit
import Testing

@testable import CodeIndex

/// The search against the recipe written down literally: floating point, no index, no rounding.
@Suite struct SearcherTests {
  private struct Document {
    var path: String
    var lines: Range<Int>
    var vector: [Double]
    var words: [String: Int] = [:]
    var length = 0
  }

  private static func unit(_ text: String, _ embedder: BuiltInEmbedder) throws -> [Double] {
    (try embedder.embed(text) ?? QuantisedVector.zeros()).map(Double.init)
  }

  /// Words as the format cuts them; these texts are plain, so splitting at everything else is the same.
  private static func words(_ text: String) -> [String] {
    text.split { !$0.isASCII || !($0.isLetter || $0.isNumber) }.map { $0.lowercased() }
  }

  private static func document(
    _ path: String, _ chunk: Chunker.Chunk, _ lines: [String], _ embedder: BuiltInEmbedder
  ) throws -> Document {
    let body = lines[chunk.lines].joined(separator: "\n")
    let stem = PathFacts.stem(path)
    var sum = [Double](repeating: 0, count: 256)
    for (text, weight) in [(body, 1.0), (chunk.names, 0.5), (chunk.enclosing, 0.25), (stem, 0.3)] {
      for (index, value) in try unit(text, embedder).enumerated() { sum[index] += weight * value }
    }
    let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
    var document = Document(path: path, lines: chunk.lines, vector: sum.map { $0 / length })
    for word in words(stem) + words(chunk.enclosing) + words(chunk.names) + words(body) {
      document.words[word, default: 0] += 1
      document.length += 1
    }
    return document
  }

  private static func scores(_ query: String, _ documents: [Document], _ embedder: BuiltInEmbedder) throws -> [Double] {
    let vector = try unit(query, embedder)
    let asked = Set(words(query))
    let count = Double(documents.count)
    let average = Double(documents.reduce(0) { $0 + $1.length }) / count
    let weights = asked.map { word -> (String, Double) in
      let holders = Double(documents.count { $0.words[word] != nil })
      return (word, log(1 + (count - holders + 0.5) / (holders + 0.5)))
    }
    let all = weights.reduce(0) { $0 + $1.1 }
    return documents.map { document in
      let cosine = zip(vector, document.vector).reduce(0) { $0 + $1.0 * $1.1 }
      let keywords = weights.reduce(0.0) { sum, word in
        let frequency = Double(document.words[word.0] ?? 0)
        let norm = 1.2 * (0.25 + 0.75 * Double(document.length) / average)
        return sum + word.1 * frequency * 2.2 / (frequency + norm)
      }
      return cosine + 0.4 * keywords / (2.2 * all) - (FileRules.isTest(path: document.path) ? 0.05 : 0)
    }
  }

  @Test func theFastSearchIsTheRecipe() async throws {
    let folder = try TemporaryFolder()
    let state = try TemporaryFolder()
    let embedder = try BuiltInEmbedder()
    let table = try TermTable()
    var documents: [Document] = []
    let topics = ["parse", "socket", "retry", "cache", "file", "hash", "queue", "token", "lock", "index"]
    var random = SeededRandom(seed: 11)
    for number in 0..<30 {
      let path = "\(topics[number % 10])/\(number % 4 == 0 ? "tests" : "source")/item.py"
        .replacing("item", with: "item_\(topics.randomElement(using: &random) ?? "")_\(number)")
      let lines = (0..<Int.random(in: 4...100, using: &random)).map { line in
        let words = (0..<5).map { _ in topics.randomElement(using: &random) ?? "" }.joined(separator: " ")
        return line % 9 == 0 ? "def \(topics.randomElement(using: &random) ?? "")_value(\(words)):" : "  \(words)"
      }
      let text = try folder.write(path, lines.map { $0 + "\n" }.joined())
      var split = LineWords()
      let chunks = try (lines.map { $0 + "\n" }.joined()).utf8.withContiguousStorageIfAvailable { bytes in
        try table.split(bytes, into: &split)
        return Chunker.chunks(of: bytes, split, isTyped: false)
      }
      #expect(!text.isEmpty)
      for chunk in try #require(chunks) { documents.append(try Self.document(path, chunk, lines, embedder)) }
    }
    let engine = try IndexEngine(.init(folder: state.file("index"), workers: 2))
    let id = ProjectID(folderName: "literal")
    try engine.add(id, path: folder.path)
    #expect(try await engine.reindex(id).chunks == documents.count)
    for query in ["retry the socket", "cache index lock", "parse a token from the queue", "item 7", "absent parse"] {
      let expected = try Self.scores(query, documents, embedder)
      let hits = try engine.search(SearchQuery(query, limit: 200)).hits
      #expect(hits.count > 20)
      for hit in hits {
        let index = try #require(
          documents.firstIndex { $0.path == hit.path && $0.lines.lowerBound == hit.startLine - 1 })
        #expect(abs(hit.score - expected[index]) < 0.01, "\(query) \(hit.path)")
      }
      let best = try #require(expected.max())
      #expect(abs(best - (hits.first?.score ?? 0)) < 0.01, "\(query)")
    }
  }
}
