public import Base
internal import Bench
internal import ControlPlane
internal import ControlSocket
internal import Logging

/// The suites of `signalbox bench`, joined to the node they measure. One run at a time: two would measure each other.
public enum NodeBench {
  /// Names that may be asked for.
  public static let suites = ["control", "cache"]

  /// Throws `invalid` for a suite that is none.
  public static func check(_ wanted: [String]) throws(Failure) {
    if let unknown = wanted.first(where: { !suites.contains($0) }) {
      let shown = DisplayText(String(unknown.prefix(80))).text
      throw Failure(.invalid, "there is no suite '\(shown)'", hint: "suites: \(suites.joined(separator: ", "))")
    }
  }

  static func run(_ options: BenchOptions, on core: NodeCore) async throws(Failure) -> BenchReport {
    try check(options.suites)
    guard core.beginBench() else {
      throw Failure(.conflict, "a bench is running on this node already", isRetriable: true)
    }
    do {
      let report = try await measure(options, on: core)
      try BenchHistory(stateFolder: core.settings.stateFolder).save(report)
      core.endBench(summary(of: report))
      return report
    } catch {
      core.endBench(nil)
      throw error
    }
  }

  static func history(_ core: NodeCore, limit: Int) throws(Failure) -> [BenchReport] {
    try BenchHistory(stateFolder: core.settings.stateFolder).load(limit: limit).reports
  }

  /// Through the node's own socket, as every client comes in; the cache on a Redis of its own.
  private static func measure(_ options: BenchOptions, on core: NodeCore) async throws(Failure) -> BenchReport {
    func isWanted(_ suite: String) -> Bool { options.suites.isEmpty || options.suites.contains(suite) }
    guard isWanted("cache") else { return try await measure(nil, isControlWanted: true, on: core) }
    let path = core.settings.doctor.environment["PATH"] ?? ""
    guard let bed = try await CacheBed.open(path: path) else {
      guard isWanted("control") else {
        throw Failure(.unavailable, "the suite cache needs a redis-server of its own", hint: "signalbox doctor")
      }
      core.logger.warning("the suite cache was left out: there is no redis-server")
      return try await measure(nil, isControlWanted: true, on: core)
    }
    let result: Result<BenchReport, Failure>
    do throws(Failure) {
      result = .success(try await measure(bed, isControlWanted: isWanted("control"), on: core))
    } catch {
      result = .failure(error)
    }
    // A cancelled task could not wait for Redis to end; this one is awaited here.
    await Task { await bed.close() }.value
    return try result.get()
  }

  private static func measure(
    _ bed: CacheBed?, isControlWanted: Bool, on core: NodeCore
  ) async throws(Failure) -> BenchReport {
    let ofCache = bed.map(CacheWorkloads.all) ?? []
    let hello = ControlHello(version: core.settings.version, operatorLabel: "bench", origin: .commandLine)
    let report = try await withControlClient(path: core.settings.socketPath, hello: hello) {
      client throws(Failure) in
      let ofControl: [any Workload] = isControlWanted ? [ControlRoundTrip(plane: client)] : []
      return try await BenchRunner(clock: ContinuousClock()).run(ofControl + ofCache, commit: core.settings.version) {
        core.publish(.benchProgress($0))
      }
    }
    return compared(report, ofCache)
  }

  /// With each figure's peer of the same run beside it; the bound on their ratio becomes the target.
  static func compared(_ report: BenchReport, _ workloads: [CacheWorkload]) -> BenchReport {
    var report = report
    for workload in workloads {
      guard let peer = workload.baseline,
        let index = report.results.firstIndex(where: { $0.suite == workload.suite && $0.name == workload.name }),
        let base = report.results.first(where: { $0.suite == workload.suite && $0.name == peer.name }), base.value > 0
      else { continue }
      let value = report.results[index].value
      report.results[index].baseline = .init(name: peer.name, value: base.value, ratio: value / base.value)
      report.results[index].target = base.value * peer.bound
      report.results[index].met =
        workload.isLowerBetter ? value <= base.value * peer.bound : value >= base.value * peer.bound
    }
    return report
  }

  private static func summary(of report: BenchReport) -> BenchSnapshot {
    BenchSnapshot(
      lastRun: report.timeMilliseconds, met: report.results.count { $0.met == true },
      missed: report.results.count { $0.met == false })
  }
}
