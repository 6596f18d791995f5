internal import Base
internal import ControlPlane

/// Bench reports for people.
enum BenchText {
  /// One row a figure; where it was compared its value before, the change in percent and the verdict.
  static func report(_ report: BenchReport) -> String {
    let comparison = report.comparison
    let hasPeers = report.results.contains { $0.baseline != nil }
    var header = ["SUITE", "NAME", "VALUE", "TARGET", "MET", "P50", "P95", "P99", "SAMPLES"]
    if hasPeers { header += ["PEER", "RATIO"] }
    if comparison != nil { header += ["BEFORE", "CHANGE", "NOISE", "VERDICT"] }
    let rows = report.results.map { result in
      var row = [result.suite, result.name, "\(number(result.value)) \(result.unit)", optional(result.target)]
      row.append(met(result))
      row += [optional(result.p50), optional(result.p95), optional(result.p99), String(result.samples)]
      if hasPeers { row += peer(result) }
      if let comparison { row += change(result, comparison) }
      return row
    }
    return ([head(report), Table.render(header: header, rows: rows)] + failures(report)).joined(separator: "\n")
  }

  static func history(_ reports: [BenchReport]) -> String {
    guard !reports.isEmpty else { return "no bench run" }
    return Table.render(
      header: ["ID", "TIME", "COMMIT", "LOAD", "FIGURES", "MET", "MISSED"],
      rows: reports.map { report in
        [
          report.id, Timestamp.iso8601(report.timeMilliseconds), report.commit, number(report.machine.load),
          "\(report.results.count)", "\(report.results.count { $0.met == true })",
          "\(report.missed)",
        ]
      })
  }

  /// A peer that was measured in turn with ours, and our figure divided by its.
  private static func peer(_ result: BenchReport.Result) -> [String] {
    guard let peer = result.baseline else { return ["-", "-"] }
    return ["\(peer.name) \(number(peer.value))", Quantity.fixed(peer.ratio, digits: 2)]
  }

  private static func failures(_ report: BenchReport) -> [String] {
    (report.failures ?? []).map { DisplayText("failed: \($0.suite) \($0.name): \($0.reason)").text }
  }

  private static func head(_ report: BenchReport) -> String {
    let machine = report.machine
    let line = DisplayText(
      "\(report.isQuick ?? false ? "quick run" : "run") \(report.id)  commit \(report.commit)  \(machine.cores) cores  "
        + "\(Quantity.describe(bytes: machine.memoryBytes))  \(machine.kernel)  load \(number(machine.load))")
    return line.text
  }

  private static func change(_ result: BenchReport.Result, _ comparison: BenchComparison) -> [String] {
    let row = comparison.rows.first { $0.suite == result.suite && $0.name == result.name && $0.unit == result.unit }
    guard let row, let before = row.before else { return ["-", "-", "-", "new"] }
    let percent = row.ratio.map { ($0 - 1) * 100 }
    return [
      number(before), percent.map { "\($0 > 0 ? "+" : "")\(Quantity.fixed($0, digits: 1)) %" } ?? "-",
      "\(Quantity.fixed(row.margin * 100, digits: 0)) %", row.verdict.rawValue,
    ]
  }

  private static func met(_ result: BenchReport.Result) -> String {
    guard let met = result.met else { return "-" }
    return met ? "yes" : "no"
  }

  private static func optional(_ value: Double?) -> String { value.map(number) ?? "-" }

  private static func number(_ value: Double) -> String {
    Quantity.fixed(value, digits: abs(value) >= 100 ? 0 : abs(value) >= 1 ? 2 : 4)
  }
}
