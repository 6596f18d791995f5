internal import Base
public import ControlPlane
internal import Synchronization

extension IndexEngine {
  /// Results of one file at most.
  private static let hitsPerFile = 3

  /// The best places for a question or a name. Throws for a query that cannot be asked; a query that finds nothing is
  /// an answer.
  public func search(_ query: SearchQuery) throws(IndexError) -> SearchReply {
    try search(query, keywords: true, vectors: true)
  }

  /// The same with one side left out: how much each contributes is measured with it.
  /// `cosines` has another model's for the projects that it names, which then answer from the generation they are of.
  func search(
    _ query: SearchQuery, keywords: Bool, vectors: Bool, cosines: [ProjectID: SlotCosines] = [:]
  ) throws(IndexError) -> SearchReply {
    guard query.text.utf8.count <= SearchQuery.bytesMax else {
      throw .invalidQuery("a query has at most \(SearchQuery.bytesMax) bytes")
    }
    guard (1...SearchQuery.limitMax).contains(query.limit) else {
      throw .invalidQuery("limit is \(query.limit), and must be 1 to \(SearchQuery.limitMax)")
    }
    if let language = query.language, !Language.names.contains(language) {
      throw .invalidQuery("there is no language \(language.debugDescription)")
    }
    let pattern = try pathPattern(query.path)
    let asked = try targets(query.projects)
    var question = try tables.with { table throws(IndexError) in try Searcher.Question(query.text, table) }
    guard !question.terms.isEmpty else {
      return SearchReply(hits: [], note: "the query has no word of Latin letters or digits, so nothing can match it")
    }
    (question.keywordsCount, question.vectorsCount) = (keywords, vectors)
    let language = query.language
    let isWanted = { @Sendable (file: IndexedFile) -> Bool in
      (language == nil || file.facts.language?.name == language) && (pattern?.matches(file.entry.path) ?? true)
    }
    var found: [Found] = []
    for var target in asked {
      let cosines = cosines[target.id]
      // A run may have swapped another one in since the server was asked.
      if let cosines { target.generation = cosines.generation }
      let searcher = Searcher(generation: target.generation, question: question, isWanted: isWanted)
      found += Self.distinct(searcher.candidates(query.limit, cosines), target, limit: query.limit)
    }
    found.sort { $0.isBetter(than: $1) }
    let words = Set(question.terms)
    let shown = Array(found.prefix(query.limit))
    let hits = try tables.with { table in SnippetReader.hits(shown, words: words, table, store.handles) }
    return SearchReply(hits: hits, note: asked.isEmpty ? "no project is indexed yet" : nil)
  }

  /// Without a slash a pattern means the file's name in any folder, as in `.gitignore`.
  private func pathPattern(_ glob: String?) throws(IndexError) -> PathPattern? {
    guard let glob, !glob.isEmpty else { return nil }
    do {
      return try PathPattern(glob.contains("/") ? glob : "**/" + glob)
    } catch {
      throw .invalidQuery(error.message)
    }
  }

  struct Target: Sendable {
    var id: ProjectID
    var path: String
    /// As the last run found it; nil before the first.
    var folder: ProjectFolder?
    var generation: Generation
  }

  private func targets(_ wanted: [ProjectID]?) throws(IndexError) -> [Target] {
    let (known, targets) = projects.withLock { projects in
      let targets = projects.compactMap { id, slot in
        slot.generation.map { Target(id: id, path: slot.path, folder: slot.folder, generation: $0) }
      }
      return (Set(projects.keys), targets.sorted { $0.id < $1.id })
    }
    guard let wanted else { return targets }
    for id in wanted where !known.contains(id) { throw .unknownProject(id.rawValue) }
    return targets.filter { wanted.contains($0.id) }
  }

  /// A chunk that is going to be a hit.
  struct Found: Sendable {
    var target: Target
    var file: IndexedFile
    var row: Int
    var score: Float
    var lines: Range<Int>

    /// Ties break by path, then line.
    func isBetter(than other: Found) -> Bool {
      if score != other.score { return score > other.score }
      if file.entry.path != other.file.entry.path { return file.entry.path < other.file.entry.path }
      return lines.lowerBound < other.lines.lowerBound
    }
  }

  /// Neighbours share ten lines: of two that overlap the better one stays, and of one file only a few.
  private static func distinct(_ candidates: [Searcher.Candidate], _ target: Target, limit: Int) -> [Found] {
    var kept: [Found] = []
    var byFile: [ObjectIdentifier: [Range<Int>]] = [:]
    for candidate in candidates {
      let part = target.generation.parts[candidate.part].part
      let file = part.files[candidate.file]
      let row = file.rows.lowerBound + candidate.slot - part.firstSlots[candidate.file]
      let lines = file.segment.lines(row)
      let others = byFile[ObjectIdentifier(file), default: []]
      guard others.count < hitsPerFile, !others.contains(where: { $0.overlaps(lines) }) else { continue }
      byFile[ObjectIdentifier(file)] = others + [lines]
      kept.append(Found(target: target, file: file, row: row, score: candidate.score, lines: lines))
      if kept.count == limit { break }
    }
    return kept
  }
}
