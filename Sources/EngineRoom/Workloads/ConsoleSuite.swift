internal import Bench

/// The `console` suite: the real program on terminals of the bench's own, 120 x 40 unless a workload says otherwise.
/// Each attaches to a node of the bench's own too, since an open console and what it is shown leave traces in a node's
/// log.
enum ConsoleSuite {
  static func workloads(_ bench: Workbench) -> [any Workload] {
    [
      ConsoleFirstFrame(bench: bench, isEmbedded: false), ConsoleFirstFrame(bench: bench, isEmbedded: true),
      ConsoleKeyTime(bench: bench, figure: .p50), ConsoleKeyTime(bench: bench, figure: .p99),
      ConsoleIdleCost(bench: bench, cost: .cpu), ConsoleIdleCost(bench: bench, cost: .wakeups),
      ConsoleIdleCost(bench: bench, cost: .bytes), ConsoleFrameBytes(bench: bench), ConsoleResize(bench: bench),
      ConsolePaste(bench: bench), StoppedClient(bench: bench, kind: .console),
      StoppedClient(bench: bench, kind: .terminal),
    ] + ConsoleUnderLoad.Aim.allCases.map { ConsoleUnderLoad(bench: bench, aim: $0) }
  }
}
