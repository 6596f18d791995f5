internal import Base
internal import Bench
internal import Glibc
internal import Pty
internal import Synchronization

/// From before the start of the program until its whole first frame is on the terminal.
final class ConsoleFirstFrame: Workload {
  private static let stopDeadline = Duration.seconds(20)

  let bench: Workbench
  /// With a node in its process, or on one that runs.
  let isEmbedded: Bool
  private let node = Mutex<BenchNode?>(nil)

  init(bench: Workbench, isEmbedded: Bool) {
    self.bench = bench
    self.isEmbedded = isEmbedded
  }

  var suite: String { "console" }
  var name: String { isEmbedded ? "first frame embedded" : "first frame attached" }
  var unit: String { "ms" }
  var target: Double? { isEmbedded ? 150 : 60 }
  var figure: Figure { .p95 }

  func fitted(_ plan: BenchPlan) -> BenchPlan {
    bench.isQuick
      ? bench.longPlan(samples: 1)
      : BenchPlan(warmUpSamples: 2, rounds: 3, roundDuration: .seconds(10), roundSamples: 10)
  }

  func prepare() async throws(Failure) {
    guard !isEmbedded else { return }
    let started = try await bench.startNode()
    node.withLock { $0 = started }
  }

  func measure() async throws(Failure) -> Double? {
    guard isEmbedded else { return try await attached() }
    let folder = "\(bench.folder)/embedded"
    guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
      throw Failure(.unavailable, "cannot make \(folder): \(String(cString: strerror(errno)))")
    }
    var environment = BenchNode.environment(folder: folder, socket: "\(folder)/socket")
    environment["SIGNALBOX_API_PORT"] = "\(try BenchNode.freePort())"
    let console = try BenchConsole(bench, [], environment: environment)
    defer { console.session.close() }
    let time = try await console.firstFrame()
    // Its node stops as it should, so that the next one finds nothing to clear away.
    console.session.signal(SIGTERM)
    _ = try await console.session.end(within: Self.stopDeadline)
    return time.milliseconds
  }

  func cleanup() async { node.withLock { $0 }?.child.kill() }

  private func attached() async throws(Failure) -> Double {
    guard let node = node.withLock({ $0 }) else { throw Failure(.internal, "it was not prepared") }
    let environment = BenchNode.environment(folder: bench.folder, socket: node.socketPath)
    let console = try BenchConsole(bench, ["attach"], environment: environment)
    defer { console.session.close() }
    return try await console.firstFrame().milliseconds
  }
}
