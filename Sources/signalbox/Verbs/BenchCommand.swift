internal import ArgumentParser
internal import Base
internal import ControlPlane

struct BenchCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure the running node, and compare with earlier runs.")

  /// Runs kept in view by --history and --compare.
  static let historyMax = 200

  @Argument(help: "Suites; all of them when left out.")
  var suite: [String] = []

  @Flag(help: "One JSON document.")
  var json = false

  @Flag(help: "Show earlier runs instead.")
  var history = false

  @Option(help: "Show each figure against this earlier run (its id, or a beginning of it).")
  var compare: String?

  @Flag(help: "Go ahead although clients of production may be on this node.")
  var live = false

  func validate() throws {
    if history, !suite.isEmpty || compare != nil || live {
      throw ValidationError("--history stands alone, or with --json")
    }
  }

  func perform(_ call: Invocation) async throws {
    let settings = try call.settings()
    if history {
      let reports = try await withNode(settings) { try await Self.history($0) }
      return try StandardOutput.say(json ? try JSONText.of(reports) : BenchText.history(reports))
    }
    let (report, base) = try await withNode(settings) { node in
      // Before the run: a slip in the id should not cost a whole run.
      let base = try await earlier(node)
      let options = BenchOptions(suites: suite, isLiveConfirmed: live)
      guard case .bench(let report) = try await node.perform(.runBench(options)).result else {
        throw Failure.wrongAnswer
      }
      return (report, base)
    }
    try StandardOutput.say(json ? try JSONText.of(report) : BenchText.report(report, against: base))
  }

  private func earlier(_ node: any ControlPlane) async throws -> BenchReport? {
    guard let compare else { return nil }
    let found = try await Self.history(node).filter { $0.id.hasPrefix(compare) }
    guard found.count == 1, let report = found.first else {
      let shown = DisplayText(compare).truncated(to: 80).text
      throw found.isEmpty
        ? Failure(.notFound, "no bench run '\(shown)'", hint: "'signalbox bench --history' lists them")
        : Failure(.invalid, "'\(shown)' begins \(found.count) bench runs; give more of the id")
    }
    return report
  }

  private static func history(_ node: any ControlPlane) async throws -> [BenchReport] {
    guard case .benchHistory(let reports) = try await node.ask(.benchHistory(limit: historyMax)) else {
      throw Failure.wrongAnswer
    }
    return reports
  }
}
