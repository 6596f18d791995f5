internal import Base
internal import ControlPlane

/// A bench report as a table of Markdown: what README shows comes from here and is not typed.
enum BenchMarkdown {
  /// Throws `invalid` for a quick run, whose figures are none.
  static func text(_ report: BenchReport) throws(Failure) -> String {
    guard !(report.isQuick ?? false) else {
      throw Failure(.invalid, "run \(report.id) was a quick one: it has no figures to show")
    }
    let rows = report.results.map(row) + (report.failures ?? []).map(row)
    let missed = report.results.filter { $0.met == false }.count
    let met = report.results.filter { $0.met == true }.count
    var end = "\(met) targets met, \(missed) missed"
    if let failed = report.failures?.count { end += ", \(failed) without a figure" }
    return (head(report) + ["", "| suite | what | figure | target | | p50 | p99 | beside |", rule] + rows + ["", end])
      .joined(separator: "\n")
  }

  private static let rule = "|---|---|---:|---:|---|---:|---:|---|"

  private static func head(_ report: BenchReport) -> [String] {
    let machine = report.machine
    let name = machine.processor.map { "\($0), " } ?? ""
    let runs = report.results.compactMap { $0.figures?.count }.max() ?? 1
    let what = runs > 1 ? "the median of \(runs) runs" : "one run"
    return [
      cell(
        "Commit \(report.commit), \(Timestamp.iso8601(report.timeMilliseconds).prefix(10)), \(what): \(name)"
          + "\(machine.cores) cores, \(Quantity.describe(bytes: machine.memoryBytes)), \(machine.kernel), load "
          + "\(Quantity.fixed(machine.load, digits: 1)) at its start.")
    ]
  }

  private static func row(_ result: BenchReport.Result) -> String {
    let target = result.target.map { "\(result.isLowerBetter ? "≤" : "≥") \(number($0)) \(result.unit)" }
    let peer = result.baseline.map { "\($0.name) \(number($0.value)) \(result.unit), ×\(number($0.ratio))" }
    return line([
      result.suite, result.name, "\(number(result.value)) \(result.unit)", target ?? "",
      result.met.map { $0 ? "met" : "**missed**" } ?? "", percentile(result.p50, of: result),
      percentile(result.p99, of: result), peer ?? "",
    ])
  }

  private static func row(_ failed: BenchReport.Failed) -> String {
    line([failed.suite, failed.name, "none", "", "**failed**", "", "", failed.reason])
  }

  /// A single sample has none.
  private static func percentile(_ value: Double?, of result: BenchReport.Result) -> String {
    result.samples > 1 ? value.map(number) ?? "" : ""
  }

  private static func line(_ cells: [String]) -> String { "| \(cells.map(cell).joined(separator: " | ")) |" }

  /// Names come from workloads and files: nothing of them is taken for Markdown's own, nor for the terminal's.
  private static func cell(_ text: String) -> String {
    DisplayText(text).text.replacing("|", with: "\\|").replacing("<", with: "&lt;")
  }

  /// Three significant digits, thousands apart.
  private static func number(_ value: Double) -> String {
    switch abs(value) {
    case 1_000...: grouped(value)
    case 100..<1_000: Quantity.fixed(value, digits: 0)
    case 10..<100: trimmed(Quantity.fixed(value, digits: 1))
    case 1..<10: trimmed(Quantity.fixed(value, digits: 2))
    case 0: "0"
    default: trimmed(Quantity.fixed(value, digits: 4))
    }
  }

  private static func trimmed(_ text: String) -> String {
    var text = text
    while text.contains("."), text.hasSuffix("0") || text.hasSuffix(".") { text.removeLast() }
    return text
  }

  private static func grouped(_ value: Double) -> String {
    guard abs(value) < 1e15 else { return Quantity.fixed(value, digits: 0) }
    var digits = Quantity.fixed(value, digits: 0)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return ([digits] + groups).joined(separator: ",")
  }
}
