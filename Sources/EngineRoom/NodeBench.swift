public import Base
internal import Bench
public import ControlPlane
internal import ControlSocket
internal import FoundationEssentials
internal import Logging

/// The suites of `signalbox bench`, joined to the node they measure. One run at a time: two would measure each other.
public enum NodeBench {
  public static let suites = ["control", "console", "cache", "gateway", "index", "sandbox", "pipeline", "memory"]

  /// Throws `invalid` for a name that is no suite.
  public static func check(_ names: [String]) throws(Failure) {
    guard let unknown = names.first(where: { !suites.contains($0) }) else { return }
    throw Failure(
      .invalid, "there is no suite '\(DisplayText(unknown).text)'", hint: "suites: \(suites.joined(separator: ", "))")
  }

  /// Throws `invalid` for what cannot be run.
  public static func check(_ options: BenchOptions) throws(Failure) {
    try check(options.suites)
    if let runs = options.runs, !(1...BenchOptions.runsMax).contains(runs) {
      throw Failure(.invalid, "the number of runs is out of range", hint: "accepted: 1 to \(BenchOptions.runsMax)")
    }
    guard let sweep = options.sweep else { return }
    guard options.suites.isEmpty else { throw Failure(.invalid, "a sweep stands in place of suites") }
    try Sweeps.check(sweep)
  }

  static func run(_ options: BenchOptions, on core: NodeCore) async throws(Failure) -> BenchReport {
    try check(options)
    guard core.beginBench() else {
      throw Failure(.limit, "a bench is running on this node already", isRetriable: true)
    }
    // A task of its own, awaited here: whoever may run benches may stop this one, and not only who waits for it.
    let work = Task { await outcome(of: options, on: core) }
    core.benchStops { work.cancel() }
    return try await withTaskCancellationHandler {
      await work.value
    } onCancel: {
      work.cancel()
    }.get()
  }

  private static func outcome(of options: BenchOptions, on core: NodeCore) async -> Result<BenchReport, Failure> {
    do throws(Failure) {
      let report = try await measure(options, on: core)
      guard options.rows == nil else {
        core.endBench(nil)
        return .success(report)
      }
      let history = BenchHistory(stateFolder: core.settings.stateFolder)
      let summary = try summary(of: report, after: history.load().reports)
      try history.save(report)
      core.endBench(summary)
      return .success(report)
    } catch {
      core.endBench(nil)
      // Whoever watches learns that it goes no further.
      core.publish(.benchProgress(BenchProgress(suite: "", workload: "", fraction: 1)))
      return .failure(error)
    }
  }

  static func history(_ core: NodeCore, limit: Int) throws(Failure) -> [BenchReport] {
    try BenchHistory(stateFolder: core.settings.stateFolder).load(limit: limit).reports
  }

  private static func measure(_ options: BenchOptions, on core: NodeCore) async throws(Failure) -> BenchReport {
    let folder = try ScratchFolder()
    let outcome: Result<BenchReport, Failure>
    do throws(Failure) { outcome = .success(try await measure(options, on: core, in: folder.path)) } catch {
      outcome = .failure(error)
    }
    await folder.remove()
    return try outcome.get()
  }

  private static func measure(
    _ options: BenchOptions, on core: NodeCore, in folder: String
  ) async throws(Failure) -> BenchReport {
    func isWanted(_ suite: String) -> Bool {
      options.sweep == nil && (options.suites.isEmpty || options.suites.contains(suite))
    }
    let executable = try ownExecutable()
    let bench = Workbench(executable: executable, folder: folder, isQuick: options.isQuick == true)
    let commit = await BuildCommit.of(executable: executable, version: core.settings.version)
    let runner = BenchRunner(plan: bench.plan, clock: ContinuousClock())
    // Which peers are installed is asked only by whoever wants them.
    let peers = isWanted("gateway") ? await GatewayPeer.installed() : []
    let gateway = isWanted("gateway") ? GatewayWorkloads.all(bench, peers: peers) : []
    let index = isWanted("index") ? IndexWorkloads.all(bench) : []
    let pipeline = isWanted("pipeline") ? PipelineWorkloads.all(bench) : []
    let memory = isWanted("memory") ? MemoryWorkloads.all(bench) : []
    let sweep = try options.sweep.map { (sweep) throws(Failure) in try Sweeps.workloads(sweep, bench) } ?? []
    // Through the node's own socket, as every client comes in.
    var report = try await withControlClient(path: core.settings.socketPath, hello: BenchNode.hello) {
      client throws(Failure) in
      let wanted = workloads(client, bench, core).filter { isWanted($0.suite) }
      let all = wanted + gateway + index + pipeline + memory + sweep
      return try await runner.run(
        all.filter { options.rows?.contains($0.name) ?? true }, commit: commit, runs: options.runs ?? 1
      ) {
        core.publish(.benchProgress($0))
      }
    }
    if isWanted("cache"), let why = CacheWorkloads.leftOut { core.logger.warning("bench: \(why)") }
    if isWanted("sandbox"), let why = SandboxWorkloads.leftOut { core.logger.warning("bench: \(why)") }
    if isWanted("gateway"), let why = GatewayWorkloads.leftOut(peers: peers) { core.logger.warning("bench: \(why)") }
    if isWanted("index"), let why = IndexWorkloads.leftOut { core.logger.warning("bench: \(why)") }
    if isWanted("pipeline"), let why = PipelineWorkloads.leftOut { core.logger.warning("bench: \(why)") }
    if bench.isQuick { report.isQuick = true }
    return report
  }

  private static func workloads(_ client: ControlClient, _ bench: Workbench, _ core: NodeCore) -> [any Workload] {
    [
      ProgramStart(bench: bench), StatusCommandTime(bench: bench, socketPath: core.settings.socketPath),
      ControlRoundTrip(plane: client), NodeReady(bench: bench),
      IdleNode(bench: bench, cost: .cpu), IdleNode(bench: bench, cost: .memory), StoppedClient(bench: bench),
    ] + ConsoleSuite.workloads(bench) + CacheWorkloads.all(bench) + SandboxWorkloads.all(bench)
  }

  /// The program of this process: the workloads start it again.
  private static func ownExecutable() throws(Failure) -> String {
    do { return try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") } catch {
      throw Failure(.internal, "cannot tell which program this is: /proc/self/exe is not readable")
    }
  }

  /// Regressions are counted against the last other commit that was run with these suites as thoroughly, each with all
  /// of its runs that repeat it: a single one proves nothing. `earlier` is newest first.
  static func summary(of report: BenchReport, after earlier: [BenchReport]) -> BenchSnapshot {
    let suites = report.suites
    let alike = earlier.filter { $0.isQuick == report.isQuick && $0.suites == suites }
    let last = alike.first { $0.commit != report.commit || $0.commit.hasSuffix("-dirty") }
    return BenchSnapshot(
      lastRun: report.timeMilliseconds, met: report.results.count { $0.met == true },
      missed: report.missed,
      regressions: last.map {
        BenchComparison(
          before: BenchComparison.runs(like: $0, in: alike), after: BenchComparison.runs(like: report, in: alike)
        ).regressions
      } ?? 0)
  }
}

extension BenchReport {
  /// Those that were asked for, whatever came of them.
  fileprivate var suites: Set<String> { Set(results.map(\.suite) + (failures ?? []).map(\.suite)) }
}
