internal import Base
internal import ControlPlane

/// Reads the lines that are shown with a result. The text itself is not in the index: it is read from where it came
/// from, by its id, so a snippet is never of another content than was indexed.
enum SnippetReader {
  private static let linesMax = 8
  private static let lineBytesMax = 240

  static func hits(
    _ found: [IndexEngine.Found], words: Set<UInt64>, _ table: borrowing TermTable, _ handles: GitHandles
  ) -> [SearchHit] {
    var snippets = [String](repeating: "", count: found.count)
    for group in Dictionary(grouping: found.indices, by: { found[$0].target.id }).values {
      guard let target = group.first.map({ found[$0].target }) else { continue }
      // A project that cannot be read now still has its results, without their text.
      guard let folder = target.folder ?? (try? ProjectFolder.find(target.path, handles)) else { continue }
      fill(&snippets, group, found, ContentReader(folder, handles), words, table)
    }
    return zip(found, snippets).map { hit, snippet in
      SearchHit(
        path: hit.file.entry.path, startLine: hit.lines.lowerBound + 1, endLine: hit.lines.upperBound,
        symbol: hit.file.segment.symbol(hit.row), language: hit.file.facts.language?.name ?? "",
        score: Double(hit.score), snippet: snippet, project: hit.target.id)
    }
  }

  private static func fill(
    _ snippets: inout [String], _ group: [Int], _ found: [IndexEngine.Found], _ reader: borrowing ContentReader,
    _ words: Set<UInt64>, _ table: borrowing TermTable
  ) {
    // As above: results without text are better than none.
    for index in group {
      let entry = found[index].file.entry
      try? reader.read([entry]) { _, bytes, _ throws(IndexError) in
        guard let bytes else { return }
        if let text = FileRules.transcoded(bytes) {
          snippets[index] = try text.withUnsafeBufferPointer { text throws(IndexError) in
            try snippet(text, found[index].lines, words, table)
          }
        } else {
          snippets[index] = try snippet(bytes, found[index].lines, words, table)
        }
      }
    }
  }

  /// The lines of a chunk, without what stands before and behind it being looked at twice.
  private static func lines(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> [Declarations.Line] {
    var lines: [Declarations.Line] = []
    var start = 0
    var number = 0
    while start < text.count, number < range.upperBound {
      let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
      if number >= range.lowerBound { lines.append(Declarations.Line(rebasing: text[start..<end])) }
      number += 1
      start = end + 1
    }
    return lines
  }

  /// The window of lines with the most different words of the query; the first one when none has any.
  private static func snippet(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ words: Set<UInt64>, _ table: borrowing TermTable
  ) throws(IndexError) -> String {
    let chunk = lines(text, range)
    var counts: [Int] = []
    for line in chunk {
      let terms = try table.split(line)
      counts.append(table.withHashes { hashes in Set(terms.map { hashes[Int($0)] }).intersection(words).count })
    }
    var best = 0
    var bestCount = -1
    for start in counts.indices where start == 0 || start + linesMax <= counts.count {
      let count = counts[start..<min(start + linesMax, counts.count)].reduce(0, +)
      if count > bestCount { (best, bestCount) = (start, count) }
    }
    return chunk.dropFirst(best).prefix(linesMax).map { line in
      let content = line.last == 13 ? line.dropLast() : line[...]
      return String(decoding: content.prefix(lineBytesMax), as: UTF8.self)
    }.joined(separator: "\n")
  }
}
