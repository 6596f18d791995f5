internal import Dispatch
internal import Glibc
internal import Synchronization

/// Finds the best chunks of one generation.
///
///     score = cosine + 0.4 · bm25 / (2.2 · Σ idf of the query's words) − 0.05 for tests
///
/// The cosine says what a text is about, BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework") which
/// words it really has; the sum of the two beats either alone. Both are exact: every vector is compared, which at 256
/// bytes a chunk takes less than a millisecond for 100,000 chunks, and there is no graph to keep up to date.
///
/// The vector of a chunk is content + 0.3 path. The content's is stored, the path's is one per file, so that
///
///     cosine = (query · content + 0.3 query · path) / |content + 0.3 path|
///
/// and the divisor was computed when the file came into the generation.
struct Searcher: Sendable {
  /// FORMAT.md, Score.
  static let keywordWeight: Float = 0.4
  static let testPenalty: Float = 0.05
  static let saturation: Float = 1.2
  static let lengthShare: Float = 0.75
  /// More words do not make a query clearer; they make it slower.
  static let wordsMax = 64
  /// Below this a second thread costs more than it saves.
  private static let slotsPerThread = 20_000
  private static let threadsMax = 4
  private static let testWords = ["test", "tests", "testing", "benchmark", "spec"]

  struct Candidate: Sendable {
    /// Number of the part in the generation, of the file and of the chunk in the part.
    var part: Int
    var file: Int
    var slot: Int
    var score: Float

    /// Ties break by place, so that the same generation gives the same answer.
    static func isBetter(_ left: Candidate, _ right: Candidate) -> Bool {
      if left.score != right.score { return left.score > right.score }
      return (left.part, left.slot) < (right.part, right.slot)
    }
  }

  /// What is asked, prepared once for all projects.
  struct Question: Sendable {
    /// Nil when the text has no token.
    var vector: QuantisedVector?
    /// Distinct words.
    var terms: [UInt64]
    var speaksOfTests: Bool
    var keywordsCount = true
    var vectorsCount = true

    init(_ text: String, _ table: borrowing TermTable) throws(IndexError) {
      let words = try table.split(text)
      var vector = QuantisedVector.zeros()
      let hasToken = words.withUnsafeBufferPointer { table.embed($0, into: &vector) }
      self.vector = hasToken ? QuantisedVector(vector) : nil
      var distinct = [UInt32](repeating: 0, count: words.count)
      var counts = distinct
      let count = words.withUnsafeBufferPointer { table.frequencies($0, terms: &distinct, counts: &counts) }
      let kept = distinct.prefix(min(count, Searcher.wordsMax))
      terms = table.withHashes { hashes in kept.map { hashes[Int($0)] } }
      let tests = try Searcher.testWords.map { word throws(IndexError) in try table.split(word) }
      speaksOfTests = tests.contains { test in test.count == 1 && words.contains(test[0]) }
    }
  }

  let generation: Generation
  let question: Question
  /// Which files may answer.
  let isWanted: @Sendable (IndexedFile) -> Bool

  /// The best candidates, best first; enough that `limit` are left when neighbours are taken out.
  ///
  /// Two passes over the parts, each on several threads: how many chunks have a word must be known of all parts before
  /// a word has a weight.
  ///
  /// `cosines`: another model's, which take the place of the built-in ones.
  func candidates(_ limit: Int, _ cosines: SlotCosines? = nil) -> [Candidate] {
    let keep = limit * 4 + 16
    let searches = generation.parts.enumerated().map { number, live in
      PartSearch(live: live, number: number, question: question, cosines: cosines?.parts[number])
    }
    let hits = question.keywordsCount ? forEachPart(searches) { $0.wordHits() } : []
    let keywords = KeywordWeights(question, generation, hits)
    let numbered = Array(zip(searches, hits.isEmpty ? searches.map { _ in [] } : hits))
    let best = forEachPart(numbered) { search, hits in
      search.best(keep, keywords, hits, isWanted)
    }
    return Array(best.joined().sorted(by: Candidate.isBetter).prefix(keep))
  }

  /// `body` of every element, on as many threads as the size is worth, in order.
  private func forEachPart<Element: Sendable, Value: Sendable>(
    _ elements: [Element], _ body: @Sendable (Element) -> Value
  ) -> [Value] {
    let threads = max(1, min(Self.threadsMax, generation.slotCount / Self.slotsPerThread, elements.count))
    guard threads > 1 else { return elements.map(body) }
    let results = Mutex([Value?](repeating: nil, count: elements.count))
    let next = Atomic(0)
    // The parts are ordered by size: the largest are begun first, the small ones fill what is left.
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      while true {
        let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard number < elements.count else { return }
        let value = body(elements[number])
        results.withLock { $0[number] = value }
      }
    }
    return results.withLock { $0.compactMap(\.self) }
  }
}

/// How near every chunk of one generation is to a query, by another model than the built-in one.
struct SlotCosines: Sendable {
  /// Whose slots these are.
  let generation: Generation
  /// For each part one number a slot, also for those that are gone: they are left out when the best are chosen.
  var parts: [[Float]]

  init(of generation: Generation, all cosine: Float) {
    self.generation = generation
    parts = generation.parts.map { [Float](repeating: cosine, count: $0.part.slotCount) }
  }
}

/// What each word of a query counts in a generation.
struct KeywordWeights: Sendable {
  /// 0.4 · idf · (k1 + 1) / (2.2 · Σ idf) for each word.
  let gains: [Float]
  /// A slot's words times `slope` plus `base` is what a frequency is weighed against.
  let base: Float
  let slope: Float

  init(_ question: Searcher.Question, _ generation: Generation, _ hits: [[WordHits]]) {
    let all = Double(generation.slotCount)
    let weights = question.terms.indices.map { term in
      let documents = Double(hits.reduce(0) { $0 + $1[term].slots.count })
      return Float(log(1 + (all - documents + 0.5) / (documents + 0.5)))
    }
    // A word that occurs nowhere has the highest weight of all: what is missing lowers the share of what is there.
    let sum = weights.reduce(0, +)
    let factor = sum > 0 ? Searcher.keywordWeight * (Searcher.saturation + 1) / (2.2 * sum) : 0
    gains = weights.map { $0 * factor }
    base = Searcher.saturation * (1 - Searcher.lengthShare)
    slope = Searcher.saturation * Searcher.lengthShare / generation.averageWords
  }
}
