internal import Base
internal import ControlPlane

/// Somebody who looks for code in both repositories.
struct DemoSearches: DemoActor {
  let name = "reviewer-1"
  let pause = 500...1_500
  var chance = SeededGenerator(seed: 21)
  private var turns = 0

  /// Searches between two that are told.
  private static let toldEvery = 8

  mutating func turn(_ node: any ControlPlane, _ stage: DemoStage) async throws(Failure) {
    turns += 1
    let question = DemoSources.question(&chance)
    guard case .search(let reply) = try await node.ask(.search(SearchQuery(question, limit: 5))) else { return }
    guard turns % Self.toldEvery == 1, let first = reply.hits.first else { return }
    stage.tell("search: '\(question)' found \(first.path):\(first.startLine)")
  }
}

/// How the node is, in a line now and then.
struct DemoTidings: DemoActor {
  let name = "demo"
  let pause = 5_000...5_000
  var chance = SeededGenerator(seed: 0)

  mutating func turn(_ node: any ControlPlane, _ stage: DemoStage) async throws(Failure) {
    let snapshot = try await node.snapshot()
    var parts: [String] = []
    if let gateway = snapshot.gateway {
      parts.append("\(gateway.connections) sockets, \(Int(gateway.outPerSecond)) events/s")
    }
    if let index = snapshot.index {
      parts.append("\(index.projects.reduce(0) { $0 + $1.files }) files, \(index.queries) searches")
    }
    if let sandbox = snapshot.sandbox { parts.append("\(sandbox.total) runs, \(sandbox.blocked) blocked") }
    if let cache = snapshot.cache { parts.append("cache hits \(Int(cache.hitRate * 100)) %") }
    stage.tell("node \(snapshot.health.rawValue): \(parts.joined(separator: "; "))")
  }
}

/// A short bench after a while, so that there is something to compare the next one with.
struct DemoBench: DemoActor {
  let name = "profiler-1"
  let pause = 8_000...8_000
  var chance = SeededGenerator(seed: 0)
  private var isDone = false

  mutating func turn(_ node: any ControlPlane, _ stage: DemoStage) async throws(Failure) {
    guard !isDone else { return }
    isDone = true
    let options = BenchOptions(suites: ["index"], isLiveConfirmed: true, isQuick: true)
    guard case .bench(let report) = try await node.perform(.runBench(options)).result else { return }
    stage.tell("bench: \(report.results.count) figures of the index, each from a few samples only")
  }
}
