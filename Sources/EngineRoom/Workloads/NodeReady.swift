internal import Base
internal import Bench

/// A second node, from before the start of its process until it answers `ready` on its control socket.
struct NodeReady: Workload {
  let bench: Workbench

  var suite: String { "control" }
  var name: String { "node ready" }
  var unit: String { "ms" }
  var target: Double? { 200 }
  var figure: Figure { .p95 }

  /// Each sample starts and ends a process.
  func fitted(_ plan: BenchPlan) -> BenchPlan {
    var plan = plan
    plan.warmUpSamples = min(plan.warmUpSamples, 3)
    return plan
  }

  func measure() async throws(Failure) -> Double? {
    let node = try await bench.startNode()
    node.child.kill()
    return node.readyDuration.milliseconds
  }
}
