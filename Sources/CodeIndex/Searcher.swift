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
  private static let keywordWeight: Float = 0.4
  private static let testPenalty: Float = 0.05
  private static let saturation: Float = 1.2
  private static let lengthShare: Float = 0.75
  /// More words do not make a query clearer; they make it slower.
  static let wordsMax = 64
  /// Below this a second thread costs more than it saves.
  private static let slotsPerPart = 20_000
  private static let partsMax = 4
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
  /// Which files may answer.
  let isWanted: @Sendable (IndexedFile) -> Bool

  /// The best candidates, best first; enough that `limit` are left when neighbours are taken out.
  func candidates(_ limit: Int) -> [Candidate] {
    let keywords = keywordScores()
    let keep = limit * 4 + 16
    let parts = max(1, min(Self.partsMax, generation.slotCount / Self.slotsPerPart))
    guard parts > 1 else { return scan(files: 0..<generation.files.count, keywords, keep: keep) }
    let found = Mutex<[Candidate]>([])
    DispatchQueue.concurrentPerform(iterations: parts) { part in
      let count = generation.files.count
      let best = scan(files: count * part / parts..<count * (part + 1) / parts, keywords, keep: keep)
      found.withLock { $0 += best }
    }
    return Array(found.withLock { $0 }.sorted { ($1.score, $0.slot) < ($0.score, $1.slot) }.prefix(keep))
  }

  // MARK: Keywords

  /// 0.4 · bm25 / (2.2 · Σ idf) for every slot; empty when no word of the query occurs.
  func keywordScores() -> [Float] {
    guard question.keywordsCount, generation.slotCount > 0 else { return [] }
    var scores = [Float](repeating: 0, count: generation.slotCount)
    var inPath = [UInt8](repeating: 0, count: generation.slotCount)
    var hits: [(slot: Int32, frequency: UInt32)] = []
    var weights: Float = 0
    let paths = pathHits()
    for (number, term) in question.terms.enumerated() {
      hits.removeAll(keepingCapacity: true)
      let pathSlots = mark(paths[number], &inPath)
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

  private struct PathHit {
    var file: Int
    var count: UInt8
  }

  /// For each word of the query the files with it in their path. One pass over all words of all paths: a bit mask of
  /// the query's words turns nearly all of them away.
  private func pathHits() -> [[PathHit]] {
    var hits = [[PathHit]](repeating: [], count: question.terms.count)
    let mask = question.terms.reduce(UInt64(0)) { $0 | 1 << ($1 & 63) }
    for (index, term) in generation.pathTerms.enumerated() where mask >> (term & 63) & 1 == 1 {
      guard let number = question.terms.firstIndex(of: term) else { continue }
      let file = Int(generation.pathTermFiles[index])
      hits[number].append(PathHit(file: file, count: generation.pathTermCounts[index]))
    }
    return hits
  }

  /// Writes how often a word is in the path to each slot of the files; the slots written.
  private func mark(_ hits: [PathHit], _ inPath: inout [UInt8]) -> [Int] {
    var slots: [Int] = []
    for hit in hits {
      for slot in generation.firstSlots[hit.file]..<generation.firstSlots[hit.file + 1] {
        inPath[slot] = hit.count
        slots.append(slot)
      }
    }
    return slots
  }

  // MARK: Vectors and the sum

  /// All arrays are taken out first: nothing is counted or looked up in the loop over the chunks.
  private func scan(files: Range<Int>, _ keywords: [Float], keep: Int) -> [Candidate] {
    var best = BestCandidates(limit: keep)
    guard let query = question.vectorsCount ? question.vector : nil else {
      return keywordsAlone(files: files, keywords, keep: keep)
    }
    let paths = pathScores(files, query)
    var products = [Int32](repeating: 0, count: 4_096)
    let (contentFactors, pathFactors) = (generation.contentFactors, generation.pathFactors)
    for number in files {
      let slots = generation.firstSlots[number]..<generation.firstSlots[number + 1]
      if products.count < slots.count { products = [Int32](repeating: 0, count: slots.count * 2) }
      guard let rows = generation.vectors(of: number) else { continue }
      products.withUnsafeMutableBufferPointer { target in
        if let base = target.baseAddress { query.products(with: rows, count: slots.count, into: base) }
      }
      let path = paths[number - files.lowerBound]
      for slot in slots {
        let content = Float(products[slot - slots.lowerBound]) * query.scale * contentFactors[slot]
        var score = content + path * pathFactors[slot]
        if !keywords.isEmpty { score += keywords[slot] }
        guard best.accepts(score) else { continue }
        guard consider(number, slot, score, &best) else { break }
      }
    }
    return best.sorted()
  }

  private func keywordsAlone(files: Range<Int>, _ keywords: [Float], keep: Int) -> [Candidate] {
    var best = BestCandidates(limit: keep)
    guard !keywords.isEmpty else { return [] }
    for number in files {
      for slot in generation.firstSlots[number]..<generation.firstSlots[number + 1] where keywords[slot] > 0 {
        guard best.accepts(keywords[slot]) else { continue }
        guard consider(number, slot, keywords[slot], &best) else { break }
      }
    }
    return best.sorted()
  }

  /// Takes a chunk in, less what tests lose; false when its file is not wanted.
  private func consider(_ number: Int, _ slot: Int, _ score: Float, _ best: inout BestCandidates) -> Bool {
    let file = generation.files[number]
    guard isWanted(file) else { return false }
    let penalty = file.facts.isTest && !question.speaksOfTests ? Self.testPenalty : 0
    if best.accepts(score - penalty) { best.add(Candidate(file: number, slot: slot, score: score - penalty)) }
    return true
  }

  /// 0.3 query · path for each file.
  private func pathScores(_ files: Range<Int>, _ query: QuantisedVector) -> [Float] {
    var products = [Int32](repeating: 0, count: files.count)
    generation.pathVectors.withUnsafeBufferPointer { vectors in
      products.withUnsafeMutableBufferPointer { target in
        guard let base = vectors.baseAddress, let target = target.baseAddress else { return }
        let start = base + files.lowerBound * QuantisedVector.dimensions
        query.products(with: start, count: files.count, into: target)
      }
    }
    let factor = IndexedFile.pathWeight * query.scale
    return products.enumerated().map { Float($1) * factor * generation.pathScales[files.lowerBound + $0] }
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

extension Searcher {
  /// The same sum with the cosines of another model, one a slot.
  func candidates(_ limit: Int, cosines: [Float]) -> [Candidate] {
    let keywords = keywordScores()
    var best = BestCandidates(limit: limit * 4 + 16)
    for number in generation.files.indices {
      for slot in generation.firstSlots[number]..<generation.firstSlots[number + 1] {
        let score = cosines[slot] + (keywords.isEmpty ? 0 : keywords[slot])
        guard best.accepts(score) else { continue }
        guard consider(number, slot, score, &best) else { break }
      }
    }
    return best.sorted()
  }
}
