internal import Base
internal import Bench
internal import Pty

/// Bytes on the terminal for each cell that changed, while a log scrolls by itself and by keys and the header's figures
/// move. Cells are counted on the screen, so that a cell that was sent and did not change makes the figure worse.
final class ConsoleFrameBytes: Workload {
  /// New lines come at the console's own pace, two frames a second.
  private static let dataFrames = 20
  private static let linesInFrame = 3
  private static let keys = 60
  private static let logLines = 1_000

  /// What has been counted so far.
  private struct Count {
    var bytes = 0
    var cells = 0
  }

  let bench: Workbench
  private let slot = ConsoleStageSlot()

  init(bench: Workbench) { self.bench = bench }

  var suite: String { "console" }
  var name: String { "bytes per changed cell" }
  var unit: String { "bytes" }
  var target: Double? { 2.5 }

  func fitted(_ plan: BenchPlan) -> BenchPlan { bench.longPlan(samples: 3) }

  func prepare() async throws(Failure) {
    let stage = try await ConsoleStage(bench, logLines: bench.isQuick ? 50 : Self.logLines)
    slot.set(stage)
    _ = try await stage.console.paintTime(of: "6")
  }

  func measure() async throws(Failure) -> Double? {
    let stage = try slot.get()
    let console = stage.console
    // Follow the newest line.
    console.session.press("G")
    try await console.quiet(.milliseconds(100))
    var count = Count()
    for _ in 0..<(bench.isQuick ? 2 : Self.dataFrames) {
      try await step(console, &count) { () async throws(Failure) in
        for _ in 0..<Self.linesInFrame { try await stage.writeLogLine() }
      }
    }
    for _ in 0..<(bench.isQuick ? 5 : Self.keys) {
      try await step(console, &count) { () async throws(Failure) in console.session.press("PgUp") }
    }
    guard count.cells > 0 else { throw Failure(.internal, "nothing changed on the screen") }
    return Double(count.bytes) / Double(count.cells)
  }

  func cleanup() async { await slot.close() }

  /// One change, and the frame that shows it.
  private func step(
    _ console: BenchConsole, _ count: inout Count, _ change: () async throws(Failure) -> Void
  ) async throws(Failure) {
    let before = console.session.look { screen, bytes, _ in (screen: screen, bytes: bytes) }
    try await change()
    _ = try await console.shown("a change", after: before.bytes) { _ in true }
    try await console.quiet()
    let after = console.session.look { screen, bytes, _ in (screen: screen, bytes: bytes) }
    count.bytes += after.bytes - before.bytes
    count.cells += after.screen.changedCells(since: before.screen)
  }
}
