internal import Base
internal import Bench
internal import ControlPlane
internal import ControlSocket

/// The suites of `signalbox bench`, joined to the node they measure. One run at a time: two would measure each other.
enum NodeBench {
  static let suites = ["control"]

  static func run(_ options: BenchOptions, on core: NodeCore) async throws(Failure) -> BenchReport {
    if let unknown = options.suites.first(where: { !suites.contains($0) }) {
      throw Failure(.invalid, "there is no suite '\(unknown)'", hint: "suites: \(suites.joined(separator: ", "))")
    }
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

  /// Through the node's own socket, as every client comes in.
  private static func measure(_ options: BenchOptions, on core: NodeCore) async throws(Failure) -> BenchReport {
    let hello = ControlHello(version: core.settings.version, operatorLabel: "bench", origin: .commandLine)
    return try await withControlClient(path: core.settings.socketPath, hello: hello) { client throws(Failure) in
      try await BenchRunner(clock: ContinuousClock()).run(
        [ControlRoundTrip(plane: client)], commit: core.settings.version
      ) { core.publish(.benchProgress($0)) }
    }
  }

  private static func summary(of report: BenchReport) -> BenchSnapshot {
    BenchSnapshot(
      lastRun: report.timeMilliseconds, met: report.results.count { $0.met == true },
      missed: report.results.count { $0.met == false })
  }
}
