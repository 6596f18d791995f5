internal import Base
internal import Bench
internal import Pty

/// What an attached console costs that nobody touches and whose node has nothing to do, asked of the kernel and counted
/// on the terminal.
final class ConsoleIdleCost: Workload {
  enum Cost: Sendable {
    /// Percent of one core.
    case cpu
    /// Voluntary context switches of all threads, a second.
    case wakeups
    /// On the terminal, a second.
    case bytes
  }

  private static let window = Duration.seconds(10)

  let bench: Workbench
  let cost: Cost
  private let slot = ConsoleStageSlot()

  init(bench: Workbench, cost: Cost) {
    self.bench = bench
    self.cost = cost
  }

  var suite: String { "console" }
  var figure: Figure { .largest }

  var name: String {
    switch cost {
    case .cpu: "idle cpu"
    case .wakeups: "idle wakeups"
    case .bytes: "idle bytes"
    }
  }

  var unit: String {
    switch cost {
    case .cpu: "%"
    case .wakeups: "1/s"
    case .bytes: "bytes/s"
    }
  }

  var target: Double? {
    switch cost {
    case .cpu: 0.2
    case .wakeups: 5
    case .bytes: 100
    }
  }

  func fitted(_ plan: BenchPlan) -> BenchPlan { bench.longPlan(samples: 2) }

  func prepare() async throws(Failure) {
    slot.set(try await ConsoleStage(bench))
    try await bench.sleep(bench.settling)
  }

  func measure() async throws(Failure) -> Double? {
    let session = try slot.get().console.session
    let began = ContinuousClock.now
    let before = try self.used(session.processID, bytes: session.bytes)
    try await bench.sleep(bench.isQuick ? .milliseconds(50) : Self.window)
    let used = try self.used(session.processID, bytes: session.bytes) - before
    return 1_000 * used / began.duration(to: .now).milliseconds
  }

  func cleanup() async { await slot.close() }

  private func used(_ processID: Int32, bytes: Int) throws(Failure) -> Double {
    switch cost {
    case .cpu: 100 * (try ProcessCost.cpuSeconds(processID))
    case .wakeups: Double(try ProcessCost.voluntarySwitches(processID))
    case .bytes: Double(bytes)
    }
  }
}
