internal import Base
internal import Bench
internal import Pty

/// A paste of a megabyte by mistake, made of keys that do something: from its first byte until the console hears the
/// next key. None of it may have been taken for a key.
final class ConsolePaste: Workload {
  private static let bytes = 1_000_000
  private static let text = "D\nq\ny\n:quit\nK\ni\r6\u{3}"

  let bench: Workbench
  private let slot = ConsoleStageSlot()

  init(bench: Workbench) { self.bench = bench }

  var suite: String { "console" }
  var name: String { "paste" }
  var unit: String { "s" }
  var target: Double? { 2 }
  var figure: Figure { .largest }

  func fitted(_ plan: BenchPlan) -> BenchPlan { bench.longPlan(samples: 3) }

  func prepare() async throws(Failure) {
    let stage = try await ConsoleStage(bench)
    slot.set(stage)
    _ = try await stage.console.shown("that it takes pastes") { $0.modes.contains(2004) }
  }

  func measure() async throws(Failure) -> Double? {
    let console = try slot.get().console
    let before = console.session.look { screen, _, _ in Self.frame(of: screen) }
    let count = (bench.isQuick ? 10_000 : Self.bytes) / Self.text.utf8.count
    let began = ContinuousClock.now
    console.session.paste(String(repeating: Self.text, count: count))
    console.session.press("?")
    let shown = try await console.shown("its help") { $0.text.contains(" Help ") }
    console.session.press("Esc")
    _ = try await console.shown("the frame that it showed before") { Self.frame(of: $0) == before }
    return began.duration(to: shown).milliseconds / 1_000
  }

  /// Where panes stand: a popup, a zoom or a form would show in it; figures and log lines, which move by themselves,
  /// do not.
  private static func frame(of screen: VirtualScreen) -> [[Int]] {
    screen.lines.map { line in line.enumerated().filter { $0.element == "│" }.map(\.offset) }
  }

  func cleanup() async { await slot.close() }
}
