internal import Base

/// Aligned columns of text for people. Cells are made safe here, so that no caller can forget it.
enum Table {
  /// Rows under a header, two spaces between columns; the last column is not padded.
  static func render(header: [String], rows: [[String]]) -> String {
    let all = ([header] + rows).map { $0.map { DisplayText($0) } }
    let columns = all.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in all.map { $0.count > column ? $0[column].width : 0 }.max() ?? 0 }
    return all.map { row in
      let cells = row.enumerated().map { index, cell in
        index == row.count - 1 ? cell : cell.padded(to: widths[index])
      }
      return trimmed(cells.joined(separator: "  ").text)
    }.joined(separator: "\n")
  }

  /// `text`, one of our own words, with spaces up to `width` characters.
  static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func trimmed(_ line: String) -> String {
    var line = line[...]
    while line.last == " " { line.removeLast() }
    return String(line)
  }
}
