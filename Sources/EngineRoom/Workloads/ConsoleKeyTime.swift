internal import Base
internal import Bench
internal import Pty
internal import Synchronization

/// From a key until what it changed is on the terminal, in a log with contents.
final class ConsoleKeyTime: Workload {
  /// Each changes the picture, and all of them together leave it where it was, three lines further up.
  private static let keys = ["k", "k", "k", "k", "j", "?", "Esc", "Tab", "BTab"]
  private static let logLines = 1_000

  let bench: Workbench
  let figure: Figure
  private let slot = ConsoleStageSlot()
  private let pressed = Mutex(0)

  /// `figure`: `p50` or `p99`, which have targets of their own.
  init(bench: Workbench, figure: Figure) {
    self.bench = bench
    self.figure = figure
  }

  var suite: String { "console" }
  var name: String { figure == .p50 ? "key to paint p50" : "key to paint p99" }
  var unit: String { "ms" }
  var target: Double? { figure == .p50 ? 2 : 16 }

  func fitted(_ plan: BenchPlan) -> BenchPlan {
    bench.isQuick
      ? bench.longPlan(samples: 1)
      : BenchPlan(
        warmUpSamples: Self.keys.count, rounds: 3, roundDuration: .seconds(20), roundSamples: Self.keys.count * 20)
  }

  func prepare() async throws(Failure) {
    let stage = try await ConsoleStage(bench, logLines: bench.isQuick ? 20 : Self.logLines)
    slot.set(stage)
    _ = try await stage.console.paintTime(of: "6")
  }

  func measure() async throws(Failure) -> Double? {
    let count = pressed.withLock { count in
      count += 1
      return count - 1
    }
    return try await slot.get().console.paintTime(of: Self.keys[count % Self.keys.count]).milliseconds
  }

  func cleanup() async { await slot.close() }
}
