internal import Glibc

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
  private static let keywordWeight: Float = 0.4
  private static let testPenalty: Float = 0.05
  private static let saturation: Float = 1.2
  private static let lengthShare: Float = 0.75
  /// More words do not make a query clearer; they make it slower.
  static let wordsMax = 64
  private static let testWords = ["test", "tests", "testing", "benchmark", "spec"]

  struct Candidate: Sendable {
    var file: Int
    var slot: Int
    var score: Float
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
  /// Which files may answer; asked once a file at most.
  let isWanted: @Sendable (IndexedFile) -> Bool

  /// The best candidates, best first; enough that `limit` are left when neighbours are taken out.
  func candidates(_ limit: Int) -> [Candidate] {
    let keywords = keywordScores()
    return scan(files: 0..<generation.files.count, keywords, keep: limit * 4 + 16)
  }

  // MARK: Keywords

  /// 0.4 · bm25 / (2.2 · Σ idf) for every slot; empty when no word of the query occurs.
  func keywordScores() -> [Float] {
    guard question.keywordsCount, generation.slotCount > 0 else { return [] }
    var scores = [Float](repeating: 0, count: generation.slotCount)
    var inPath = [UInt8](repeating: 0, count: generation.slotCount)
    var hits: [(slot: Int32, frequency: UInt32)] = []
    var weights: Float = 0
    for term in question.terms {
      hits.removeAll(keepingCapacity: true)
      let pathSlots = markPaths(term, &inPath)
      generation.forEachPosting(of: term) { slot, frequency in
        hits.append((Int32(slot), frequency + UInt32(inPath[slot])))
        inPath[slot] = 0
      }
      for slot in pathSlots where inPath[slot] > 0 {
        hits.append((Int32(slot), UInt32(inPath[slot])))
        inPath[slot] = 0
      }
      let weight = inverseFrequency(hits.count)
      weights += weight
      add(hits, weight, to: &scores)
    }
    // A word that occurs nowhere has the highest weight of all: what is missing lowers the share of what is there.
    guard weights > 0, scores.contains(where: { $0 > 0 }) else { return [] }
    let factor = Self.keywordWeight / (2.2 * weights)
    for slot in scores.indices { scores[slot] *= factor }
    return scores
  }

  private func inverseFrequency(_ documents: Int) -> Float {
    let all = Double(generation.slotCount)
    return Float(log(1 + (all - Double(documents) + 0.5) / (Double(documents) + 0.5)))
  }

  private func add(_ hits: [(slot: Int32, frequency: UInt32)], _ weight: Float, to scores: inout [Float]) {
    let base = Self.saturation * (1 - Self.lengthShare)
    let slope = Self.saturation * Self.lengthShare / generation.averageWords
    let gain = weight * (Self.saturation + 1)
    for (slot, frequency) in hits {
      let count = Float(frequency)
      scores[Int(slot)] += gain * count / (count + base + slope * generation.slotWords[Int(slot)])
    }
  }

  /// Writes how often the term is in a path to each of the file's slots; the slots written.
  private func markPaths(_ term: UInt64, _ inPath: inout [UInt8]) -> [Int] {
    var slots: [Int] = []
    for (index, file) in generation.files.enumerated() {
      guard let found = file.facts.terms.firstIndex(of: term) else { continue }
      for slot in generation.firstSlots[index]..<generation.firstSlots[index + 1] {
        inPath[slot] = UInt8(clamping: file.facts.frequencies[found])
        slots.append(slot)
      }
    }
    return slots
  }

  // MARK: Vectors and the sum

  private func scan(files: Range<Int>, _ keywords: [Float], keep: Int) -> [Candidate] {
    var best = BestCandidates(limit: keep)
    var products: [Int32] = []
    for number in files {
      let file = generation.files[number]
      if products.count < file.rows.count { products = [Int32](repeating: 0, count: file.rows.count * 2) }
      let path = pathScore(file, &products)
      let penalty = file.facts.isTest && !question.speaksOfTests ? Self.testPenalty : 0
      let first = generation.firstSlots[number]
      var verdict: Bool?
      for index in 0..<file.rows.count {
        let slot = first + index
        var score: Float = 0
        if let path, file.lengths[index] > 0 {
          let content = Float(products[index]) * path.scale * file.segment.scale(file.rows.lowerBound + index)
          score = (content + path.score) / file.lengths[index]
        }
        let keyword = keywords.isEmpty ? 0 : keywords[slot]
        guard path != nil || keyword > 0 else { continue }
        score += keyword - penalty
        guard best.accepts(score) else { continue }
        if verdict == nil { verdict = isWanted(file) }
        guard verdict == true else { break }
        best.add(Candidate(file: number, slot: slot, score: score))
      }
    }
    return best.sorted()
  }

  /// 0.3 query · path, and the products of the query with every row; nil when the query has no vector.
  private func pathScore(_ file: IndexedFile, _ products: inout [Int32]) -> (score: Float, scale: Float)? {
    guard question.vectorsCount, let query = question.vector else { return nil }
    let path = file.facts.vector.components.withUnsafeBufferPointer { $0.baseAddress.map { query.product(with: $0) } }
    products.withUnsafeMutableBufferPointer { products in
      guard let target = products.baseAddress else { return }
      query.products(with: file.segment.vectors(from: file.rows.lowerBound), count: file.rows.count, into: target)
    }
    let score = IndexedFile.pathWeight * Float(path ?? 0) * query.scale * file.facts.vector.scale
    return (score, query.scale)
  }
}

/// The best so far, as a heap whose top is the worst of them: what does not beat the top costs one comparison.
struct BestCandidates {
  private var heap: [Searcher.Candidate] = []
  private let limit: Int

  init(limit: Int) { self.limit = max(1, limit) }

  @inline(__always)
  func accepts(_ score: Float) -> Bool { heap.count < limit || score > heap[0].score }

  mutating func add(_ candidate: Searcher.Candidate) {
    if heap.count < limit {
      heap.append(candidate)
      var child = heap.count - 1
      while child > 0, heap[child].score < heap[(child - 1) / 2].score {
        heap.swapAt(child, (child - 1) / 2)
        child = (child - 1) / 2
      }
    } else {
      heap[0] = candidate
      sink()
    }
  }

  private mutating func sink() {
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].score < heap[least].score {
        least = child
      }
      guard least != parent else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }

  func sorted() -> [Searcher.Candidate] { heap.sorted { ($1.score, $0.slot) < ($0.score, $1.slot) } }
}
