internal import Base
internal import Bench
internal import Pty
internal import Synchronization

/// What a console costs and how it answers while its node is under load.
final class ConsoleUnderLoad: Workload {
  enum Aim: Sendable, CaseIterable {
    case firstFrame, keyMedian, keyWorst, bytes, bytesOfCell, scrolling, cpu, slowLink
  }

  private struct Stage {
    let load: ConsoleLoad
    let console: BenchConsole
  }

  private static let window = Duration.seconds(10)
  /// As often down as up: the log is short, and a key at its top changes nothing that could be painted.
  private static let keys = ["k", "k", "j", "j", "?", "Esc", "Tab", "BTab"]
  /// A poor line of a train.
  private static let slowBytesPerSecond = 8_000

  let bench: Workbench
  let aim: Aim
  private let stage = Mutex<Stage?>(nil)
  private let pressed = Mutex(0)

  init(bench: Workbench, aim: Aim) {
    self.bench = bench
    self.aim = aim
  }

  var suite: String { "console" }

  var name: String {
    switch aim {
    case .firstFrame: "loaded first frame attached"
    case .keyMedian: "loaded key to paint p50"
    case .keyWorst: "loaded key to paint p99"
    case .bytes: "loaded bytes"
    case .bytesOfCell: "loaded bytes per changed cell"
    case .scrolling: "loaded scrolling bytes"
    case .cpu: "loaded cpu"
    case .slowLink: "loaded key over 8 kB/s"
    }
  }

  var unit: String {
    switch aim {
    case .firstFrame, .keyMedian, .keyWorst, .slowLink: "ms"
    case .bytes, .scrolling: "bytes/s"
    case .bytesOfCell: "bytes"
    case .cpu: "%"
    }
  }

  var target: Double? {
    switch aim {
    case .firstFrame: 60
    case .keyMedian: 3
    case .keyWorst: 25
    case .bytes: 3_000
    case .bytesOfCell: 2.5
    case .scrolling: 8_000
    case .cpu: 2
    case .slowLink: 300
    }
  }

  var figure: Figure {
    switch aim {
    case .firstFrame, .slowLink: .p95
    case .keyWorst: .p99
    default: .p50
    }
  }

  func fitted(_ plan: BenchPlan) -> BenchPlan {
    guard !bench.isQuick else { return bench.longPlan(samples: 1) }
    switch aim {
    case .firstFrame: return BenchPlan(warmUpSamples: 1, rounds: 1, roundDuration: .seconds(20), roundSamples: 10)
    case .keyMedian, .keyWorst:
      return BenchPlan(
        warmUpSamples: Self.keys.count, rounds: 1, roundDuration: .seconds(60), roundSamples: Self.keys.count * 20)
    case .slowLink: return BenchPlan(warmUpSamples: 1, rounds: 1, roundDuration: .seconds(60), roundSamples: 40)
    default: return bench.longPlan(samples: 2)
    }
  }

  func prepare() async throws(Failure) {
    let load = try await ConsoleLoad(bench)
    do throws(Failure) {
      let console = try await load.console(bench)
      stage.withLock { $0 = Stage(load: load, console: console) }
      try await bench.sleep(bench.settling)
      switch aim {
      case .keyMedian, .keyWorst: _ = try await console.paintTime(of: "6")
      case .scrolling:
        console.session.press("6", "6")
        try await bench.sleep(bench.settling)
      case .slowLink: console.session.setPace(bytesPerSecond: Self.slowBytesPerSecond)
      default: break
      }
    } catch {
      if stage.withLock({ $0 }) == nil { await load.close() }
      throw error
    }
  }

  func measure() async throws(Failure) -> Double? {
    guard let stage = stage.withLock({ $0 }) else { throw Failure(.internal, "it was not prepared") }
    let session = stage.console.session
    switch aim {
    case .firstFrame:
      let environment = BenchNode.environment(folder: bench.folder, socket: stage.load.node.socketPath)
      let console = try BenchConsole(bench, ["attach"], environment: environment)
      defer { console.session.close() }
      return try await console.firstFrame().milliseconds
    case .keyMedian, .keyWorst:
      return try await stage.console.paintTime(of: nextKey(Self.keys)).milliseconds
    // What opens and closes tells the answer to the key from the node's own changes. A line, not a popup: how long
    // that takes is a matter of the link alone.
    case .slowLink: return try await promptTime(stage.console)
    case .bytes: return try await perSecond { Double(session.bytes) }
    case .cpu:
      let processID = session.processID
      return try await perSecond { () throws(Failure) in 100 * (try ProcessCost.cpuSeconds(processID)) }
    case .scrolling: return try await perSecond({ Double(session.bytes) }, each: { session.press("PgUp") })
    case .bytesOfCell: return try await bytesOfCell(session)
    }
  }

  func cleanup() async {
    guard let stage = stage.withLock({ $0 }) else { return }
    stage.console.session.close()
    await stage.load.close()
  }

  private func nextKey(_ keys: [String]) -> String {
    pressed.withLock { count in
      count += 1
      return keys[(count - 1) % keys.count]
    }
  }

  private func promptTime(_ console: BenchConsole) async throws(Failure) -> Double {
    let key = nextKey(["/", "Esc"])
    let began = ContinuousClock.now
    console.session.press(key)
    let shown = try await console.shown("the filter's prompt") {
      $0.line($0.height - 1).contains("re:REGEX") == (key == "/")
    }
    return began.duration(to: shown).milliseconds
  }

  /// How much of something a second takes, while a key is pressed ten times a second if there is one.
  private func perSecond(
    _ amount: () throws(Failure) -> Double, each press: (() -> Void)? = nil
  ) async throws(Failure) -> Double {
    let began = ContinuousClock.now
    let before = try amount()
    let end = began + (bench.isQuick ? .milliseconds(300) : Self.window)
    while ContinuousClock.now < end {
      press?()
      try await bench.sleep(.milliseconds(100))
    }
    return 1_000 * (try amount() - before) / began.duration(to: .now).milliseconds
  }

  /// Frames come at most twice a second, so that none is missed.
  private func bytesOfCell(_ session: PtySession) async throws(Failure) -> Double {
    var cells = 0
    var last = session.look { screen, bytes, _ in (screen: screen, bytes: bytes) }
    let first = last.bytes
    let end = ContinuousClock.now + (bench.isQuick ? .seconds(3) : Self.window)
    while ContinuousClock.now < end {
      try await bench.sleep(.milliseconds(50))
      let next = session.look { screen, bytes, _ in (screen: screen, bytes: bytes) }
      guard !next.screen.isSynchronizing else { continue }
      cells += next.screen.changedCells(since: last.screen)
      last = next
    }
    guard cells > 0 else { throw Failure(.internal, "nothing changed on the screen") }
    return Double(last.bytes - first) / Double(cells)
  }
}
