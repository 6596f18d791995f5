internal import Base
internal import ControlPlane

/// Bench reports for people.
enum BenchText {
  /// One row a figure; with `base` its value there and the change in percent.
  static func report(_ report: BenchReport, against base: BenchReport? = nil) -> String {
    let hasPeers = report.results.contains { $0.baseline != nil }
    var header = ["SUITE", "NAME", "VALUE", "TARGET", "MET", "P50", "P95", "P99", "SAMPLES"]
    if hasPeers { header += ["PEER", "RATIO"] }
    if base != nil { header += ["BEFORE", "CHANGE"] }
    let rows = report.results.map { result in
      var row = [result.suite, result.name, "\(number(result.value)) \(result.unit)", optional(result.target)]
      row.append(met(result))
      row += [optional(result.p50), optional(result.p95), optional(result.p99), String(result.samples)]
      if hasPeers { row += peer(result) }
      if let base { row += change(result, base) }
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
      "run \(report.id)  commit \(report.commit)  \(machine.cores) cores  "
        + "\(Quantity.describe(bytes: machine.memoryBytes))  \(machine.kernel)  load \(number(machine.load))")
    return line.text
  }

  private static func change(_ result: BenchReport.Result, _ base: BenchReport) -> [String] {
    guard let before = base.results.first(where: { $0.suite == result.suite && $0.name == result.name }) else {
      return ["-", "new"]
    }
    guard before.value != 0 else { return [number(before.value), "-"] }
    let percent = (result.value / before.value - 1) * 100
    return [number(before.value), "\(percent > 0 ? "+" : "")\(Quantity.fixed(percent, digits: 1)) %"]
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
