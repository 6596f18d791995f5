internal import Base
internal import Glibc

/// Runs before a change against runs after it. A figure has changed only when its runs before and after lie further
/// apart than repeated runs of the same program do, and a single run, which cannot tell its noise, proves no change.
///
/// Student's test with a fixed bar: the means of the runs' logarithms, since noise is relative, must differ by more
/// than `errors` standard errors, with one deviation for both sides, because few runs of one side tell little of it.
/// From `trimmedRunsMin` runs on the least and the largest of a side give way to their neighbours (Yuen's form of the
/// test), so that one strange run neither makes a change nor hides one. And the medians must differ by `marginMin`.
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
    /// How far the ratio may be from 1 without meaning anything, about.
    public var margin: Double
    public var verdict: Verdict
  }

  /// No difference smaller than this is ever called one: placement in memory and scheduling alone make it.
  public static let marginMin = 0.05
  /// Runs of either side that a verdict needs.
  public static let runsMin = 3
  /// Standard errors of the difference that a verdict takes: of five runs each a false alarm in four hundred rows.
  static let errors = 3.75
  /// From so many runs of a side on, its least and its largest count as their neighbours.
  static let trimmedRunsMin = 6

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
    if isRepeated {
      let (distance, noise) = distance(before.values, after.values)
      row.margin = max(marginMin, noise.isRelative ? exp(noise.error) - 1 : 0)
      row.verdict = distance > noise.error ? verdict(old, new, marginMin, after.result.isLowerBetter) : .same
    } else {
      // Of single runs the spread of their rounds is all there is.
      row.margin = max(marginMin, before.noise, after.noise)
      row.verdict = verdict(old, new, row.margin, after.result.isLowerBetter) == .same ? .same : .unproven
    }
    return row
  }

  /// How far the means of the two sides lie apart, and how far they may without meaning anything: both of logarithms,
  /// unless a figure has none.
  private static func distance(
    _ before: [Double], _ after: [Double]
  ) -> (distance: Double, noise: (error: Double, isRelative: Bool)) {
    let isRelative = (before + after).allSatisfy { $0 > 0 }
    let (first, second) = isRelative ? (Side(before.map(log)), Side(after.map(log))) : (Side(before), Side(after))
    let freedom = first.freedom + second.freedom
    let variance = (first.squares + second.squares) / Double(max(1, freedom))
    let error = (variance * (first.errorShare + second.errorShare)).squareRoot()
    return (abs(second.mean - first.mean), (errors * error, isRelative))
  }

  /// The runs of one side, for the test.
  private struct Side {
    let mean: Double
    /// The sum of the squared deviations.
    let squares: Double
    let freedom: Int
    /// The square of the mean's standard error, of one unit of variance.
    let errorShare: Double

    init(_ values: [Double]) {
      let trim = values.count >= BenchComparison.trimmedRunsMin ? 1 : 0
      let sorted = values.sorted()
      let kept = Array(sorted[trim..<(sorted.count - trim)])
      mean = kept.reduce(0, +) / Double(kept.count)
      // Those that were cut count as the nearest that were not, for the deviation.
      let all = kept + Array(repeating: kept[0], count: trim) + Array(repeating: kept[kept.count - 1], count: trim)
      let middle = all.reduce(0, +) / Double(all.count)
      squares = all.reduce(0) { $0 + ($1 - middle) * ($1 - middle) }
      freedom = kept.count - 1
      errorShare = 1 / Double(kept.count)
    }
  }

  private static func verdict(_ before: Double, _ after: Double, _ margin: Double, _ isLowerBetter: Bool) -> Verdict {
    let (small, large) = before < after ? (before, after) : (after, before)
    guard large > small * (1 + margin) else { return .same }
    return (after < before) == isLowerBetter ? .better : .regressed
  }
}
