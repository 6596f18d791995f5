internal import Base
internal import Bench
internal import CodeIndex
internal import ControlPlane
internal import Load

/// Settings that can be swept over a workload, a row a value: they show why the defaults are what they are.
public enum Sweeps {
  private enum Setting: String, CaseIterable {
    /// Texts of one request to an embeddings server.
    case batch
    /// Requests to it that are under way together.
    case inFlight = "in-flight"
    /// Threads that own the gateway's sockets.
    case loops
  }

  /// For a help text: `batch|in-flight|loops`.
  public static var names: String { Setting.allCases.map(\.rawValue).joined(separator: "|") }

  static func check(_ sweep: BenchSweep) throws(Failure) { _ = try setting(sweep) }

  private static func setting(_ sweep: BenchSweep) throws(Failure) -> Setting {
    guard let setting = Setting(rawValue: sweep.setting) else {
      throw Failure(
        .invalid, "there is no sweep of '\(DisplayText(sweep.setting).truncated(to: 40).text)'",
        hint: "settings: \(names)")
    }
    guard !sweep.values.isEmpty, sweep.values.count <= BenchSweep.valuesMax,
      sweep.values.allSatisfy({ (1...(setting == .loops ? 256 : 2_048)).contains($0) })
    else { throw Failure(.invalid, "a value of the sweep is out of range") }
    return setting
  }

  static func workloads(_ sweep: BenchSweep, _ bench: Workbench) throws(Failure) -> [any Workload] {
    let setting = try setting(sweep)
    switch setting {
    case .batch, .inFlight:
      let stage = IndexStage(bench)
      return sweep.values.map { embeddings(setting, $0, bench, stage) }
    case .loops: return sweep.values.map { loops($0, bench) }
    }
  }

  // MARK: Embeddings server

  private static func embeddings(
    _ setting: Setting, _ value: Int, _ bench: Workbench, _ stage: IndexStage
  ) -> any Workload {
    let defaults = OpenAIEmbedder.Options(key: nil)
    let isDefault = value == (setting == .batch ? defaults.batchMax : defaults.callsMax)
    return IndexFigure(
      name(setting, value, isDefault, "chunks a second through 200 ms a call"), "1/s", bench, stage, suite: "sweep"
    ) { (stage) async throws(Failure) in
      let folder = try await stage.copy(bench.isQuick ? 4 : 500)
      return try await EmbeddingRig.with(bench, folder) { (rig) async throws(Failure) in
        let options =
          setting == .batch ? rig.options(batch: value) : rig.options(inFlight: value)
        let report = try await rig.load(options)
        return Double(report.embeddingsComputed) / max(report.durationSeconds, 1e-9)
      }
    }.higherIsBetter().few(3)
  }

  // MARK: Gateway

  private static func loops(_ value: Int, _ bench: Workbench) -> any Workload {
    var scenario = LoadScenario()
    // A loop is filled to 4,096 clients before the next is used: with fewer than these all settings are one.
    scenario.clients = 10_000
    scenario.inFlight = 8
    scenario.publishers = 4
    scenario.seconds = 2
    // 0 is half of the processors: what that is here.
    let isDefault = value == max(1, Machine.current().cores / 2)
    return GatewayFigure(
      name(.loops, value, isDefault, "deliveries a second to 10,000 clients"), "1/s", .none, bench,
      plan: .init(settings: ["SIGNALBOX_LOOPS": "\(value)"]), suite: "sweep"
    ) { [scenario] stage throws(Failure) in
      try GatewayWorkloads.whole(await stage.load(scenario)).deliveriesPerSecond
    }
  }

  private static func name(_ setting: Setting, _ value: Int, _ isDefault: Bool, _ what: String) -> String {
    "\(setting.rawValue)=\(value)\(isDefault ? " (default)" : ""): \(what)"
  }
}
