/// Sizes of files and lines, and the page every room has.
enum Layout {
  static let fileLinesMax = 500
  static let lineColumnsMax = 120
  static let designLinesMax = 100
  /// A heading alone explains nothing.
  static let designLinesMin = 8

  static func sizes(_ file: SourceFile) -> [Finding] {
    var findings: [Finding] = []
    let lines = file.lines
    let count = lines.last?.isEmpty == true ? lines.count - 1 : lines.count
    if count > fileLinesMax {
      findings.append(Finding(path: file.path, line: count, message: "\(count) lines; at most \(fileLinesMax)"))
    }
    for (index, line) in lines.enumerated() where line.count > lineColumnsMax {
      findings.append(Finding(path: file.path, line: index + 1, message: "\(line.count) columns"))
    }
    return findings
  }

  static func design(room: String, _ page: SourceFile?) -> [Finding] {
    let path = "Sources/\(room)/DESIGN.md"
    guard let page else { return [Finding(path: path, line: 0, message: "missing")] }
    let lines = page.lines.filter { !$0.isEmpty }.count
    if page.lines.count - 1 > designLinesMax {
      return [Finding(path: path, line: designLinesMax + 1, message: "more than \(designLinesMax) lines")]
    }
    return lines < designLinesMin ? [Finding(path: path, line: lines, message: "only \(lines) lines")] : []
  }
}
