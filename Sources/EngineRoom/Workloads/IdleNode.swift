internal import Base
internal import Bench
internal import Glibc
internal import Synchronization

/// What a node that nobody uses costs: a second node, left alone, and asked of the kernel and not of the node.
final class IdleNode: Workload {
  enum Cost: Sendable {
    /// Percent of one core over `cpuWindow`.
    case cpu
    /// Resident MiB, with the pages of the program that are in memory.
    case memory
  }

  private static let cpuWindow = Duration.seconds(10)

  let bench: Workbench
  let cost: Cost
  private let node = Mutex<BenchNode?>(nil)

  init(bench: Workbench, cost: Cost) {
    self.bench = bench
    self.cost = cost
  }

  var suite: String { "control" }
  var name: String { cost == .cpu ? "idle cpu" : "idle memory" }
  var unit: String { cost == .cpu ? "%" : "MiB" }
  var target: Double? { cost == .cpu ? 0.2 : 40 }
  var figure: Figure { .largest }

  func fitted(_ plan: BenchPlan) -> BenchPlan { bench.longPlan(samples: 3) }

  func prepare() async throws(Failure) {
    let started = try await bench.startNode()
    node.withLock { $0 = started }
    try await bench.sleep(bench.settling)
  }

  func measure() async throws(Failure) -> Double? {
    guard let processID = node.withLock({ $0?.processID }) else { throw Self.gone }
    switch cost {
    case .cpu: return try await cpuPercent(processID)
    case .memory:
      if !bench.isQuick { try await bench.sleep(.seconds(1)) }
      return try Self.residentMiB(processID)
    }
  }

  func cleanup() async { node.withLock { $0 }?.child.kill() }

  private func cpuPercent(_ processID: Int32) async throws(Failure) -> Double {
    let began = ContinuousClock.now
    let before = try ProcessCost.cpuSeconds(processID)
    try await bench.sleep(bench.isQuick ? .milliseconds(50) : Self.cpuWindow)
    let used = try ProcessCost.cpuSeconds(processID) - before
    return 100_000 * used / began.duration(to: .now).milliseconds
  }

  /// The second number of `/proc/PID/statm` is the resident pages (proc(5)).
  private static func residentMiB(_ processID: Int32) throws(Failure) -> Double {
    guard let bytes = try WholeFile.read("/proc/\(processID)/statm", maxBytes: 4_096) else { throw gone }
    let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]), pages > 0 else { throw gone }
    return Double(pages * Int(getpagesize())) / 1_048_576
  }

  private static let gone = Failure(.internal, "the idle node has ended")
}
