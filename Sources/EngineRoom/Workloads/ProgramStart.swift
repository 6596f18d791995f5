internal import Base
internal import Bench

/// `signalbox version`, from before its start until its end is known: what every call of the program costs at least.
struct ProgramStart: Workload {
  let bench: Workbench

  var suite: String { "control" }
  var name: String { "program start" }
  var unit: String { "ms" }
  var target: Double? { 30 }
  var figure: Figure { .p95 }

  func measure() async throws(Failure) -> Double? {
    let environment = BenchNode.environment(folder: bench.folder, socket: "\(bench.folder)/none")
    return try await BenchChild.run(
      bench.executable, .init(arguments: ["version"], environment: environment), deadline: .seconds(60)
    ).milliseconds
  }
}
