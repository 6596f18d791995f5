internal import ControlPlane
internal import FoundationEssentials

/// Which line of the source a line of the generated program stands for: the `mappings` of a source map (revision 3).
/// Only lines are kept; a generated line that stands for none is not there.
struct SourceMap: Sendable, Equatable {
  /// From 0: source line by generated line.
  private(set) var lines: [Int: Int] = [:]

  private struct Document: Decodable {
    var mappings: String
  }

  private static let mark = "//# sourceMappingURL=data:application/json;base64,"
  private static let digits: [UInt8: Int] = Dictionary(
    uniqueKeysWithValues: Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8).enumerated()
      .map {
        ($1, $0)
      })

  /// The map at the end of a program; nil when there is none that can be read.
  init?(in program: String) {
    let last = program.split(whereSeparator: \.isNewline).last
    guard let last, last.hasPrefix(Self.mark), let data = Data(base64Encoded: String(last.dropFirst(Self.mark.count)))
    else { return nil }
    // Without a map, findings have the lines of the generated program.
    guard let document = try? JSONDecoder().decode(Document.self, from: data) else { return nil }
    self.init(mappings: document.mappings)
  }

  /// Lines are parted by semicolons, segments by commas; a segment is one number, or four or five, each the difference
  /// to its predecessor: generated column (afresh on every line), source, source line, source column, name.
  init(mappings: String) {
    var source = 0
    for (generated, line) in mappings.utf8.split(separator: 59, omittingEmptySubsequences: false).enumerated() {
      for segment in line.split(separator: 44) {
        guard let fields = Self.numbers(segment), fields.count >= 4 else { continue }
        let (sum, isTooFar) = source.addingReportingOverflow(fields[2])
        guard !isTooFar else { return }
        source = sum
        if lines[generated] == nil, source >= 0 { lines[generated] = source }
      }
    }
  }

  /// Variable-length quantities: five bits a character, least first, the sixth says that more follow; the lowest bit of
  /// the whole is the sign.
  private static func numbers(_ text: Substring.UTF8View) -> [Int]? {
    var (numbers, value, shift) = ([Int](), 0, 0)
    for character in text {
      guard let digit = digits[character], shift <= 50 else { return nil }
      value |= (digit & 31) << shift
      shift += 5
      guard digit & 32 == 0 else { continue }
      numbers.append(value & 1 == 0 ? value >> 1 : -(value >> 1))
      (value, shift) = (0, 0)
    }
    return numbers
  }

  /// `violation` at the place in the source. A warning about lines that the generator added is nobody's; what blocks is
  /// kept, wherever it stands.
  func place(_ violation: Violation) -> Violation? {
    let line = lines[violation.line - 1]
    guard line != nil || violation.severity == .critical else { return nil }
    var moved = violation
    moved.line = (line ?? 0) + 1
    return moved
  }
}
