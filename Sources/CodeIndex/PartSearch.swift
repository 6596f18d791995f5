internal import CModel

/// The chunks of one part that have one word, and how often.
struct WordHits: Sendable {
  var slots: [UInt32] = []
  var frequencies: [UInt16] = []
}

/// A query in one part of a generation.
struct PartSearch: Sendable {
  let live: LivePart
  /// Of the part in the generation.
  let number: Int
  let question: Searcher.Question
  /// Of every slot, by another model; nil for the built-in vectors.
  let cosines: [Float]?

  private var part: GenerationPart { live.part }

  // MARK: Keywords

  /// For each word of the query where it is, in contents and paths.
  func wordHits() -> [WordHits] {
    let paths = pathHits()
    var inPath: [UInt8] = []
    return question.terms.indices.map { term in
      let postings = part.segment.postings(of: question.terms[term])
      guard !paths[term].isEmpty else {
        return postings.map { hits($0, extra: nil, more: 0) } ?? WordHits()
      }
      if inPath.isEmpty { inPath = [UInt8](repeating: 0, count: part.slotCount) }
      let marked = mark(paths[term], &inPath)
      var found = WordHits()
      if let postings {
        found = inPath.withUnsafeMutableBufferPointer { hits(postings, extra: $0.baseAddress, more: marked.count) }
      }
      for slot in marked where inPath[slot] > 0 {
        found.slots.append(UInt32(slot))
        found.frequencies.append(UInt16(inPath[slot]))
        inPath[slot] = 0
      }
      return found
    }
  }

  private func hits(_ postings: UnsafeRawBufferPointer, extra: UnsafeMutablePointer<UInt8>?, more: Int) -> WordHits {
    // A posting has two bytes at least; copies of a file may make more slots of it.
    let capacity = part.hasCopies ? part.slotCount : min(part.slotCount, postings.count / 2)
    var found = WordHits()
    found.frequencies = [UInt16](unsafeUninitializedCapacity: capacity + more) { frequencies, written in
      found.slots = [UInt32](unsafeUninitializedCapacity: capacity + more) { slots, count in
        count = decode(postings, extra, capacity, slots.baseAddress, frequencies.baseAddress)
        written = count
      }
    }
    return found
  }

  private func decode(
    _ postings: UnsafeRawBufferPointer, _ extra: UnsafeMutablePointer<UInt8>?, _ capacity: Int,
    _ slots: UnsafeMutablePointer<UInt32>?, _ frequencies: UnsafeMutablePointer<UInt16>?
  ) -> Int {
    part.slotOfRow.withUnsafeBufferPointer { first in
      part.nextSlot.withUnsafeBufferPointer { next in
        live.goneSlots.withUnsafeBufferPointer { gone in
          var table = sb_slots(
            slot_of_row: first.baseAddress, next_slot: next.baseAddress,
            gone: gone.isEmpty ? nil : gone.baseAddress, rows: first.count)
          return sb_postings(
            postings.bindMemory(to: UInt8.self).baseAddress, postings.count, &table, extra, capacity, slots,
            frequencies)
        }
      }
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
    part.pathTerms.withUnsafeBufferPointer { terms in
      for index in terms.indices where mask >> (terms[index] & 63) & 1 == 1 {
        guard let number = question.terms.firstIndex(of: terms[index]) else { continue }
        let file = Int(part.pathTermFiles[index])
        if !live.isGone(file) { hits[number].append(PathHit(file: file, count: part.pathTermCounts[index])) }
      }
    }
    return hits
  }

  /// Writes how often a word is in the path to each slot of the files; the slots written.
  private func mark(_ hits: [PathHit], _ inPath: inout [UInt8]) -> [Int] {
    var slots: [Int] = []
    for hit in hits {
      for slot in part.firstSlots[hit.file]..<part.firstSlots[hit.file + 1] {
        inPath[slot] = hit.count
        slots.append(slot)
      }
    }
    return slots
  }

  /// The keyword score of every slot; empty when no word of the query occurs.
  private func keywordScores(_ weights: KeywordWeights, _ hits: [WordHits]) -> [Float] {
    guard hits.contains(where: { !$0.slots.isEmpty }) else { return [] }
    let norms = part.slotWords.map { weights.base + weights.slope * $0 }
    var scores = [Float](repeating: 0, count: part.slotCount)
    norms.withUnsafeBufferPointer { norms in
      scores.withUnsafeMutableBufferPointer { scores in
        for (hit, gain) in zip(hits, weights.gains) {
          sb_bm25(hit.slots, hit.frequencies, hit.slots.count, norms.baseAddress, gain, scores.baseAddress)
        }
      }
    }
    return scores
  }

  // MARK: Vectors and the sum

  /// The best of this part, best first.
  func best(
    _ keep: Int, _ weights: KeywordWeights, _ hits: [WordHits], _ isWanted: (IndexedFile) -> Bool
  ) -> [Searcher.Candidate] {
    let keywords = keywordScores(weights, hits)
    let scores: [Float]
    if let cosines {
      scores = keywords.isEmpty ? cosines : zip(cosines, keywords).map { $0 + $1 }
    } else if question.vectorsCount, let query = question.vector {
      scores = self.scores(query, keywords)
    } else {
      return keywordsAlone(keywords, keep, isWanted)
    }
    var best = BestCandidates(limit: keep)
    scores.withUnsafeBufferPointer { scores in
      part.fileOfSlot.withUnsafeBufferPointer { files in
        var unwanted = -1
        for slot in scores.indices where best.accepts(scores[slot]) {
          let file = Int(files[slot])
          guard file != unwanted else { continue }
          if live.isGone(file) || !consider(file, slot, scores[slot], &best, isWanted) { unwanted = file }
        }
      }
    }
    return best.sorted()
  }

  /// Cosine + keywords of every slot.
  private func scores(_ query: QuantisedVector, _ keywords: [Float]) -> [Float] {
    var products = [Int32](repeating: 0, count: part.slotCount)
    // Also of slots that are gone: leaving them out would cost more.
    products.withUnsafeMutableBufferPointer { target in
      guard let target = target.baseAddress else { return }
      for run in part.runs {
        let vectors = part.segment.vectors(from: run.firstRow)
        query.products(with: vectors, count: run.slots.count, into: target + run.slots.lowerBound)
      }
    }
    let paths = pathScores(query)
    return [Float](unsafeUninitializedCapacity: part.slotCount) { target, count in
      keywords.withUnsafeBufferPointer { keywords in
        sb_scores(
          products, query.scale, part.contentFactors, part.fileOfSlot, paths, part.pathFactors,
          keywords.isEmpty ? nil : keywords.baseAddress, part.slotCount, target.baseAddress)
      }
      count = part.slotCount
    }
  }

  private func keywordsAlone(
    _ keywords: [Float], _ keep: Int, _ isWanted: (IndexedFile) -> Bool
  ) -> [Searcher.Candidate] {
    var best = BestCandidates(limit: keep)
    guard !keywords.isEmpty else { return [] }
    for file in part.files.indices where !live.isGone(file) {
      for slot in part.firstSlots[file]..<part.firstSlots[file + 1] where keywords[slot] > 0 {
        guard best.accepts(keywords[slot]) else { continue }
        guard consider(file, slot, keywords[slot], &best, isWanted) else { break }
      }
    }
    return best.sorted()
  }

  /// Takes a chunk in, less what tests lose; false when its file is not wanted.
  private func consider(
    _ number: Int, _ slot: Int, _ score: Float, _ best: inout BestCandidates, _ isWanted: (IndexedFile) -> Bool
  ) -> Bool {
    let file = part.files[number]
    guard isWanted(file) else { return false }
    let penalty = file.facts.isTest && !question.speaksOfTests ? Searcher.testPenalty : 0
    if best.accepts(score - penalty) {
      best.add(Searcher.Candidate(part: self.number, file: number, slot: slot, score: score - penalty))
    }
    return true
  }

  /// 0.3 query · path for each file.
  private func pathScores(_ query: QuantisedVector) -> [Float] {
    var products = [Int32](repeating: 0, count: part.files.count)
    part.pathVectors.withUnsafeBufferPointer { vectors in
      products.withUnsafeMutableBufferPointer { target in
        guard let base = vectors.baseAddress, let target = target.baseAddress else { return }
        query.products(with: base, count: part.files.count, into: target)
      }
    }
    let factor = IndexedFile.pathWeight * query.scale
    return products.enumerated().map { Float($1) * factor * part.pathScales[$0] }
  }
}
