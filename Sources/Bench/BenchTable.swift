internal import Base
public import ControlPlane

/// Reports and comparisons as plain text in aligned columns, for the command line. Every state is a word, never only a
/// colour. Names come from workloads and files: the face that prints makes them safe.
public enum BenchTable {
  private enum Side { case left, right }

  public static func text(_ report: BenchReport) -> String {
    var rows = [["suite", "name", "value", "p50", "p95", "p99", "samples", "target", "", "baseline"]]
    for result in report.results { rows.append(row(result)) }
    let machine = report.machine
    let head =
      "run \(report.id)  commit \(report.commit)  \(Timestamp.iso8601(report.timeMilliseconds))\n"
      + "\(machine.cores) cores, \(Quantity.describe(bytes: machine.memoryBytes)), \(machine.kernel), "
      + "load \(Quantity.fixed(machine.load, digits: 2))"
    let sides: [Side] = [.left, .left, .right, .right, .right, .right, .right, .right, .left, .left]
    let failures = (report.failures ?? []).map { "failed: \($0.suite)/\($0.name): \($0.reason)" }
    return (["\(head)\n\n\(aligned(rows, sides))\n"] + failures + [summary(report)]).joined(separator: "\n")
  }

  public static func text(_ comparison: BenchComparison) -> String {
    var rows = [["suite", "name", "before", "after", "runs", "ratio", "margin", "verdict"]]
    for row in comparison.rows {
      rows.append([
        row.suite, row.name, row.before.map { "\(number($0)) \(row.unit)" } ?? "-",
        row.after.map { "\(number($0)) \(row.unit)" } ?? "-",
        "\(row.runsBefore)/\(row.runsAfter)", row.ratio.map { Quantity.fixed($0, digits: 2) } ?? "-",
        "\(Quantity.fixed(row.margin * 100, digits: 0)) %",
        row.verdict.rawValue,
      ])
    }
    let sides: [Side] = [.left, .left, .right, .right, .right, .right, .right, .left]
    let count = comparison.regressions
    return "\(aligned(rows, sides))\n\n\(count) \(count == 1 ? "regression" : "regressions")"
  }

  private static func row(_ result: BenchReport.Result) -> [String] {
    let relation = result.isLowerBetter ? "<=" : ">="
    return [
      result.suite, result.name, "\(number(result.value)) \(result.unit)", result.p50.map(number) ?? "-",
      result.p95.map(number) ?? "-", result.p99.map(number) ?? "-", "\(result.samples)",
      result.target.map { "\(relation) \(number($0)) \(result.unit)" } ?? "-",
      result.met.map { $0 ? "met" : "missed" } ?? "",
      result.baseline.map {
        "\($0.name) \(number($0.value)) \(result.unit) (ratio \(Quantity.fixed($0.ratio, digits: 2)))"
      } ?? "",
    ]
  }

  private static func summary(_ report: BenchReport) -> String {
    let met = report.results.count { $0.met == true }
    return "targets: \(met) met, \(report.missed) missed"
  }

  /// Three or more significant digits.
  private static func number(_ value: Double) -> String {
    switch abs(value) {
    case 1_000...: Quantity.fixed(value, digits: 0)
    case 100..<1_000: Quantity.fixed(value, digits: 1)
    case 1..<100: Quantity.fixed(value, digits: 2)
    default: Quantity.fixed(value, digits: 4)
    }
  }

  private static func aligned(_ rows: [[String]], _ sides: [Side]) -> String {
    let widths = sides.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for column in sides.indices {
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        line += (column == 0 ? "" : "  ") + (sides[column] == .left ? row[column] + padding : padding + row[column])
      }
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}
