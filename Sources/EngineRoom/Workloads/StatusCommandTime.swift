internal import Base
internal import Bench

/// `signalbox status` against the node that is measured, from before the start of the process until its end is known.
struct StatusCommandTime: Workload {
  let bench: Workbench
  /// Of the node that is asked.
  let socketPath: String

  var suite: String { "control" }
  var name: String { "status command" }
  var unit: String { "ms" }
  var target: Double? { 40 }
  var figure: Figure { .p95 }

  func measure() async throws(Failure) -> Double? {
    let environment = BenchNode.environment(folder: bench.folder, socket: socketPath)
    return try await BenchChild.run(
      bench.executable, .init(arguments: ["status"], environment: environment), deadline: .seconds(60)
    ).milliseconds
  }
}
