internal import Base

/// Runs before a change against runs after it. A figure has changed only when its median moved by more than repeated
/// runs of the same program lie apart, and a single run, which cannot tell its noise, proves no change.
public struct BenchComparison: Sendable, Codable, Equatable {
  public enum Verdict: String, Sendable, Codable {
    case better, same, regressed
    /// It moved by more than the noise that is known, but one of the sides has fewer than `runsMin` runs.
    case unproven
    /// Only one of the two sides has it.
    case missing
  }

  /// One figure of both sides.
  public struct Row: Sendable, Codable, Equatable {
    public var suite: String
    public var name: String
    public var unit: String
    /// The medians of the runs.
    public var before: Double?
    public var after: Double?
    public var runsBefore: Int
    public var runsAfter: Int
    /// After divided by before; nil when one is missing or zero.
    public var ratio: Double?
    /// How far the ratio may be from 1 without meaning anything.
    public var margin: Double
    public var verdict: Verdict
  }

  /// No difference smaller than this is ever called one: placement in memory and scheduling alone make it.
  public static let marginMin = 0.05
  /// Runs of either side that a verdict needs.
  public static let runsMin = 3
  /// In standard deviations of one run, of both sides together; of the difference of two medians of three it is three.
  static let deviations = 2.0
  /// Of fewer figures the median deviation is too often nothing: the range stands for it.
  static let deviationRunsMin = 6

  public var rows: [Row]
  public var regressions: Int

  /// Rows come in the order of `after`, then what only `before` has.
  public init(before: [BenchReport], after: [BenchReport]) {
    var rows: [Row] = []
    let (old, new) = (Self.figures(of: before), Self.figures(of: after))
    for figure in new { rows.append(Self.row(old.first { $0.isSame(figure) }, figure)) }
    for figure in old where !new.contains(where: { $0.isSame(figure) }) { rows.append(Self.row(figure, nil)) }
    self.rows = rows
    regressions = rows.count { $0.verdict == .regressed }
  }

  /// `report`, and those of `earlier` that repeat it: the same commit, as it was committed, on the same machine. A
  /// report that was taken from repeated runs stands for itself.
  public static func runs(like report: BenchReport, in earlier: [BenchReport]) -> [BenchReport] {
    let isWhole = report.results.allSatisfy { ($0.figures?.count ?? 1) >= runsMin }
    guard !isWhole, !report.commit.hasSuffix("-dirty") else { return [report] }
    return [report]
      + earlier.filter { other in
        other.id != report.id && other.commit == report.commit && (other.isQuick ?? false) == (report.isQuick ?? false)
          && other.machine.cores == report.machine.cores && other.machine.memoryBytes == report.machine.memoryBytes
      }
  }

  // MARK: - Figures

  private struct Figure {
    let result: BenchReport.Result
    /// One a run.
    var values: [Double]
    /// What the rounds within the runs showed, relative.
    var noise: Double

    func isSame(_ other: Figure) -> Bool { isSame(other.result) }

    func isSame(_ other: BenchReport.Result) -> Bool {
      result.suite == other.suite && result.name == other.name && result.unit == other.unit
    }

    var median: Double { BenchComparison.median(values) }

    /// A robust estimate of the standard deviation of one run: 1.4826 median deviations, or half the range of few runs.
    var deviation: Double {
      let middle = median
      let robust = BenchComparison.median(values.map { abs($0 - middle) }) * 1.4826
      guard values.count < BenchComparison.deviationRunsMin else { return robust }
      return max(robust, ((values.max() ?? 0) - (values.min() ?? 0)) / 2)
    }
  }

  private static func figures(of reports: [BenchReport]) -> [Figure] {
    var figures: [Figure] = []
    for result in reports.flatMap(\.results) {
      let values = result.figures ?? [result.value]
      if let place = figures.firstIndex(where: { $0.isSame(result) }) {
        figures[place].values += values
        figures[place].noise = max(figures[place].noise, result.noise ?? 0)
      } else {
        figures.append(Figure(result: result, values: values, noise: result.noise ?? 0))
      }
    }
    return figures
  }

  /// The middle one, or the mean of the two in the middle; 0 of none.
  public static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard let last = sorted.last else { return 0 }
    let upper = sorted.count / 2
    guard sorted.count.isMultiple(of: 2) else { return sorted[upper] }
    return sorted.count > 1 ? (sorted[upper - 1] + sorted[upper]) / 2 : last
  }

  // MARK: - Verdict

  private static func row(_ before: Figure?, _ after: Figure?) -> Row {
    let named = after?.result ?? before?.result
    var row = Row(
      suite: named?.suite ?? "", name: named?.name ?? "", unit: named?.unit ?? "", before: before?.median,
      after: after?.median, runsBefore: before?.values.count ?? 0, runsAfter: after?.values.count ?? 0, ratio: nil,
      margin: marginMin, verdict: .missing)
    guard let before, let after else { return row }
    let (old, new) = (before.median, after.median)
    if old > 0, new > 0 { row.ratio = new / old }
    let isRepeated = min(before.values.count, after.values.count) >= runsMin
    row.margin = margin(before, after, isRepeated: isRepeated)
    row.verdict = verdict(old, new, row.margin, after.result.isLowerBetter)
    if !isRepeated, row.verdict != .same { row.verdict = .unproven }
    return row
  }

  /// Of single runs the spread of their rounds is all there is.
  private static func margin(_ before: Figure, _ after: Figure, isRepeated: Bool) -> Double {
    guard isRepeated else { return max(marginMin, before.noise, after.noise) }
    let (first, second) = (before.deviation, after.deviation)
    let least = min(before.median, after.median)
    guard least > 0 else { return marginMin }
    return max(marginMin, deviations * (first * first + second * second).squareRoot() / least)
  }

  private static func verdict(_ before: Double, _ after: Double, _ margin: Double, _ isLowerBetter: Bool) -> Verdict {
    let (small, large) = before < after ? (before, after) : (after, before)
    guard large > small * (1 + margin) else { return .same }
    return (after < before) == isLowerBetter ? .better : .regressed
  }
}
