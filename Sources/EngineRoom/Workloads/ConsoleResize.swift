internal import Base
internal import Bench
internal import Pty

/// A window that is drawn small and large again, in steps as a hand makes them: from the last size until the whole
/// picture is there again.
final class ConsoleResize: Workload {
  private static let large = (width: 200, height: 60)
  private static let small = (width: 20, height: 5)
  private static let steps = 20
  private static let stepInterval = Duration.milliseconds(5)

  let bench: Workbench
  private let slot = ConsoleStageSlot()

  init(bench: Workbench) { self.bench = bench }

  var suite: String { "console" }
  var name: String { "resize storm" }
  var unit: String { "ms" }
  var target: Double? { 100 }
  var figure: Figure { .p95 }

  func fitted(_ plan: BenchPlan) -> BenchPlan {
    bench.isQuick
      ? bench.longPlan(samples: 1)
      : BenchPlan(warmUpSamples: 1, rounds: 3, roundDuration: .seconds(10), roundSamples: 7)
  }

  func prepare() async throws(Failure) {
    slot.set(try await ConsoleStage(bench, width: Self.large.width, height: Self.large.height))
  }

  func measure() async throws(Failure) -> Double? {
    let console = try slot.get().console
    try await console.quiet(.milliseconds(100))
    let before = console.session.screen
    for step in (0..<Self.steps).reversed() { try await resize(console, step) }
    for step in 1..<Self.steps { try await resize(console, step) }
    let began = ContinuousClock.now
    console.session.resize(width: Self.large.width, height: Self.large.height)
    let shown = try await console.shown("the large picture again") { Self.isAgain($0, before) }
    return began.duration(to: shown).milliseconds
  }

  func cleanup() async { await slot.close() }

  /// `step`: 0 is the small size, `steps` the large one.
  private func resize(_ console: BenchConsole, _ step: Int) async throws(Failure) {
    func between(_ small: Int, _ large: Int) -> Int { small + (large - small) * step / Self.steps }
    console.session.resize(
      width: between(Self.small.width, Self.large.width), height: between(Self.small.height, Self.large.height))
    try await bench.sleep(Self.stepInterval)
  }

  /// The frame is where it was, from the first line to the last. What stands in it may have moved meanwhile: engines
  /// that wait for work still say how warm they are and how much disk they have.
  private static func isAgain(_ screen: VirtualScreen, _ before: VirtualScreen) -> Bool {
    guard BenchConsole.isWhole(screen), screen.width == before.width, screen.height == before.height else {
      return false
    }
    return zip(screen.cells, before.cells).allSatisfy { new, old in
      zip(new, old).allSatisfy { $1.text != "│" || $0.looksLike($1) }
    }
  }
}
