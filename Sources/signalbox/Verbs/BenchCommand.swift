internal import ArgumentParser
internal import Base
internal import Bench
internal import ControlPlane
internal import EngineRoom
internal import Glibc

struct BenchCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure the running node, or one of its own, and compare with earlier runs.",
    discussion: """
      Exits with 1 when a row has no figure because it failed; the others are measured all the same. With --compare \
      also when a figure's runs are worse than those before by more than such runs lie apart. A verdict takes three \
      runs of each side: --compare takes five now, and as many again of what looks worse; those before are RUN's own, \
      taken with --runs, or all runs of its commit.
      """)

  /// Runs kept in view by --history and --compare.
  static let historyMax = 200
  /// Of three a noisy row in a hundred is a false alarm, of five one in four hundred.
  private static let comparedRuns = 5

  @Argument(help: "Suites; all of them when left out.")
  var suite: [String] = []

  @Flag(help: "One JSON document.")
  var json = false

  @Flag(help: "A table of Markdown, as README has it.")
  var markdown = false

  @Flag(help: "Show earlier runs instead.")
  var history = false

  @Option(help: "Show this earlier run instead (its id, a beginning of it, or last).")
  var show: String?

  @Flag(help: "Stop the bench under way on the node, whoever began it.")
  var cancel = false

  @Option(help: "Show each figure against this earlier run (its id, or a beginning of it).")
  var compare: String?

  @Option(help: "How often to run it all: a figure is the median. 1 when left out; 5 with --compare.")
  var runs: Int?

  @Option(help: "One setting over one workload in place of suites: \(Sweeps.names)=VALUE,VALUE….")
  var sweep: String?

  @Flag(help: "Go ahead although clients of production may be on this node.")
  var live = false

  /// For checks that the workloads work.
  @Flag(help: .hidden)
  var quick = false

  func validate() throws {
    let isRun = !suite.isEmpty || compare != nil || live || runs != nil || sweep != nil || quick
    if [history, show != nil, cancel, isRun].count(where: { $0 }) > 1 {
      throw ValidationError("--history, --show and --cancel stand alone, or with --json")
    }
    if markdown, json || history || cancel { throw ValidationError("--markdown shows a run, and no other form of it") }
  }

  func perform(_ call: Invocation) async throws {
    let options = try options()
    try NodeBench.check(options)
    let settings = try call.settings()
    if cancel { return try await stop(settings) }
    if let show { return try say(try Self.find(show, in: try await earlierRuns(settings))) }
    if history {
      let reports = try await earlierRuns(settings)
      return try StandardOutput.say(json ? try JSONText.of(reports) : BenchText.history(reports))
    }
    // Before the run: a slip in the id should not cost a whole run.
    let base = try await base(settings)
    if let base { try checkComparable(base.run) }
    var report = try await measure(options, settings)
    if let base {
      let before = BenchComparison.runs(like: base.run, in: base.all)
      report.comparison = try await compared(report, with: before, options, settings)
    }
    try say(report)
    for failed in report.failures ?? [] {
      let line: DisplayText = "\(failed.suite)/\(failed.name) has no figure: \(failed.reason)"
      StandardError.say("signalbox: \(line.truncated(to: 400))")
    }
    if let base, let comparison = report.comparison { try checkNotWorse(comparison, than: base.run) }
    if report.failures != nil { throw ExitCode.failure }
  }

  private func say(_ report: BenchReport) throws {
    try StandardOutput.say(
      json ? JSONText.of(report) : markdown ? BenchMarkdown.text(report) : BenchText.report(report))
  }

  private func stop(_ settings: Settings) async throws {
    let isStopped = try await withNode(settings) { node in
      guard case .stopped(let isStopped) = try await node.perform(.cancelBench).result else {
        throw Failure.wrongAnswer
      }
      return isStopped
    }
    try StandardOutput.say(
      json ? JSONText.of(["stopped": isStopped]) : isStopped ? "stopped the bench" : "no bench is running")
  }

  private func options() throws(Failure) -> BenchOptions {
    BenchOptions(
      suites: suite, isLiveConfirmed: live, isQuick: quick, runs: runs ?? (compare == nil ? nil : Self.comparedRuns),
      sweep: try sweep.map { (text) throws(Failure) in try BenchSweep(text) })
  }

  /// What looks worse is measured again, as often, and judged by all its runs: of a hundred rows one is soon a false
  /// alarm, and hardly one twice.
  private func compared(
    _ report: BenchReport, with before: [BenchReport], _ options: BenchOptions, _ settings: Settings
  ) async throws -> BenchComparison {
    let first = BenchComparison(before: before, after: [report])
    let doubtful = first.rows.filter { $0.verdict == .regressed }
    guard !doubtful.isEmpty else { return first }
    let noun = doubtful.count == 1 ? "row looks worse and is" : "rows look worse and are"
    StandardError.say("signalbox: \(doubtful.count) \(noun) measured again")
    var again = options
    again.rows = doubtful.map(\.name)
    if again.sweep == nil { again.suites = Set(doubtful.map(\.suite)).sorted() }
    return BenchComparison(before: before, after: [report, try await measure(again, settings)])
  }

  private func checkNotWorse(_ comparison: BenchComparison, than base: BenchReport) throws {
    let unproven = comparison.rows.count { $0.verdict == .unproven }
    if unproven > 0 {
      StandardError.say(
        "signalbox: \(unproven) \(unproven == 1 ? "figure differs" : "figures differ") and prove nothing: a verdict "
          + "takes \(BenchComparison.runsMin) runs of each side, better five (--runs 5)")
    }
    let worse = comparison.rows.filter { $0.verdict == .regressed }
    guard worse.isEmpty else {
      StandardError.say(
        "signalbox: worse than run \(base.id) beyond the noise: \(worse.map(\.name).joined(separator: ", "))")
      throw ExitCode.failure
    }
  }

  // MARK: A run

  private func measure(_ options: BenchOptions, _ settings: Settings) async throws -> BenchReport {
    if try await isNodeRunning(settings) { return try await withNode(settings) { try await run(options, on: $0) } }
    StandardError.say("signalbox: no node is running; measuring one that is started for it")
    let report = try await PrivateNode.with { try await run(options, on: $0) }
    guard options.rows == nil else { return report }
    umask(0o077)
    try BenchHistory(stateFolder: settings.stateFolder).save(report)
    return report
  }

  private func isNodeRunning(_ settings: Settings) async throws -> Bool {
    do {
      return try await withNode(settings) { _ in true }
    } catch let failure as Failure where failure.code == .unavailable {
      try Task.checkCancellation()
      return false
    }
  }

  private func run(_ options: BenchOptions, on node: any ControlPlane) async throws -> BenchReport {
    let events = node.events()
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { await Self.tell(events) }
      defer { tasks.cancelAll() }
      guard case .bench(let report) = try await node.perform(.runBench(options)).result else {
        throw Failure.wrongAnswer
      }
      return report
    }
  }

  /// A run takes more than a minute: each workload is named as it begins.
  private static func tell(_ events: AsyncStream<Event>) async {
    var last = ""
    for await event in events {
      guard case .benchProgress(let progress) = event.body, progress.workload != last, progress.fraction < 1 else {
        continue
      }
      last = progress.workload
      let percent = Int(progress.fraction * 100)
      let name: DisplayText = "\(progress.suite)/\(progress.workload)"
      StandardError.say("\(percent) %  \(name.truncated(to: 80))")
    }
  }

  // MARK: Earlier runs

  /// The run that was named, and all there are.
  private func base(_ settings: Settings) async throws -> (run: BenchReport, all: [BenchReport])? {
    guard let compare else { return nil }
    let all = try await earlierRuns(settings)
    return (try Self.find(compare, in: all), all)
  }

  /// `runs` are newest first. `last`: the last that was no quick one.
  private static func find(_ id: String, in runs: [BenchReport]) throws(Failure) -> BenchReport {
    let found =
      id == "last" ? Array(runs.filter { !($0.isQuick ?? false) }.prefix(1)) : runs.filter { $0.id.hasPrefix(id) }
    guard found.count == 1, let report = found.first else {
      let shown = DisplayText(id).truncated(to: 80).text
      throw found.isEmpty
        ? Failure(.notFound, "no bench run '\(shown)'", hint: "'signalbox bench --history' lists them")
        : Failure(.invalid, "'\(shown)' begins \(found.count) bench runs; give more of the id")
    }
    return report
  }

  private func checkComparable(_ base: BenchReport) throws(Failure) {
    guard (base.isQuick ?? false) != quick else { return }
    throw quick
      ? Failure(
        .invalid, "run \(base.id) is a full one, and figures of a quick run compare with nothing but their like")
      : Failure(
        .invalid, "run \(base.id) was a quick one: its figures do not compare with those of a full run",
        hint: "'signalbox bench --history' lists the others")
  }

  private func earlierRuns(_ settings: Settings) async throws -> [BenchReport] {
    try await withNodeOrState(settings) { node in
      guard case .benchHistory(let reports) = try await node.ask(.benchHistory(limit: Self.historyMax)) else {
        throw Failure.wrongAnswer
      }
      return reports
    } offline: {
      try BenchHistory(stateFolder: $0.folder).load(limit: Self.historyMax).reports
    }
  }
}
