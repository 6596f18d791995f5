internal import Base
public import ControlPlane

/// Two runs side by side. A figure has changed only when it moved by more than the noise that the rounds of either run
/// showed.
public struct BenchComparison: Sendable, Equatable {
  public enum Verdict: String, Sendable, Codable {
    case better, same, regressed
    /// Only one of the two runs has it.
    case missing
  }

  /// One result of both runs.
  public struct Row: Sendable, Equatable {
    public var suite: String
    public var name: String
    public var unit: String
    public var before: Double?
    public var after: Double?
    /// After divided by before; nil when one is missing or zero.
    public var ratio: Double?
    /// How far the ratio may be from 1 without meaning anything.
    public var margin: Double
    public var verdict: Verdict
  }

  /// No difference smaller than this is ever called one: placement in memory and scheduling alone make it.
  public static let marginMin = 0.05

  public var rows: [Row]

  public var regressions: Int { rows.count { $0.verdict == .regressed } }

  /// Rows come in the order of `after`, then what only `before` has.
  public init(before: BenchReport, after: BenchReport) {
    var rows: [Row] = []
    for result in after.results {
      rows.append(Self.row(before.results.first { Self.isSame($0, result) }, result))
    }
    for result in before.results where !after.results.contains(where: { Self.isSame($0, result) }) {
      rows.append(Self.row(result, nil))
    }
    self.rows = rows
  }

  private static func isSame(_ left: BenchReport.Result, _ right: BenchReport.Result) -> Bool {
    left.suite == right.suite && left.name == right.name && left.unit == right.unit
  }

  private static func row(_ before: BenchReport.Result?, _ after: BenchReport.Result?) -> Row {
    let named = after ?? before
    let margin = max(marginMin, before?.noise ?? 0, after?.noise ?? 0)
    var row = Row(
      suite: named?.suite ?? "", name: named?.name ?? "", unit: named?.unit ?? "", before: before?.value,
      after: after?.value, ratio: nil, margin: margin, verdict: .missing)
    guard let before, let after else { return row }
    if before.value > 0, after.value > 0 { row.ratio = after.value / before.value }
    row.verdict = verdict(before.value, after.value, margin, after.isLowerBetter)
    return row
  }

  private static func verdict(_ before: Double, _ after: Double, _ margin: Double, _ isLowerBetter: Bool) -> Verdict {
    let (small, large) = before < after ? (before, after) : (after, before)
    guard large > small * (1 + margin) else { return .same }
    return (after < before) == isLowerBetter ? .better : .regressed
  }
}
