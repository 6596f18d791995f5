internal import Base
internal import Bench
internal import ControlPlane
internal import ControlSocket
internal import Synchronization

/// The `memory` suite: broadcasts, cache and search operations mixed for minutes on a node of its own, and what the
/// node holds afterwards that it did not hold after the warm-up.
enum MemoryWorkloads {
  static func all(_ bench: Workbench) -> [any Workload] {
    let soak = MemorySoak(bench)
    return [
      MemoryFigure("growth of resident memory", "MB", target: 16, bench, soak) { $0.growthMegabytes },
      MemoryFigure("growth of open descriptors", "files", target: 0, bench, soak) {
        max(0, Double($0.descriptorsMore))
      },
      MemoryFigure("errors", "errors", target: 0, bench, soak) { Double($0.errors) },
      MemoryFigure("operations", "1/s", target: nil, bench, soak) { $0.perSecond },
    ]
  }
}

/// One figure of the soak, which the first row runs and the others share.
struct MemoryFigure: Workload {
  let name: String
  let unit: String
  let target: Double?
  let bench: Workbench
  let soak: MemorySoak
  let figure: Figure = .mean
  let read: @Sendable (MemorySoak.Record) -> Double

  init(
    _ name: String, _ unit: String, target: Double?, _ bench: Workbench, _ soak: MemorySoak,
    read: @escaping @Sendable (MemorySoak.Record) -> Double
  ) {
    self.name = name
    self.unit = unit
    self.target = target
    self.bench = bench
    self.soak = soak
    self.read = read
  }

  var suite: String { "memory" }
  var isLowerBetter: Bool { target != nil }
  func fitted(_ plan: BenchPlan) -> BenchPlan { bench.longPlan(samples: 1) }
  func measure() async throws(Failure) -> Double? { read(try await soak.record()) }
}

/// A load of mixed operations, and the node's own account of its memory before and after.
final class MemorySoak: Sendable {
  struct Record: Sendable {
    var operations = 0
    var errors = 0
    var seconds = 0.0
    var residentBefore: Int64 = 0
    var residentAfter: Int64 = 0
    var filesBefore = 0
    var filesAfter = 0

    var growthMegabytes: Double { max(0, Double(residentAfter - residentBefore) / 1e6) }
    var descriptorsMore: Int { filesAfter - filesBefore }
    var perSecond: Double { Double(operations) / max(seconds, 1e-9) }
  }

  private static let project = ProjectID(folderName: "soak")
  private static let (workers, viewers) = (4, 20)
  private static let historyBroadcasts = 110_000
  private static let tick = Command.projectEvent(ProjectEvent(projectID: project, event: "tick"))
  /// Keys that the load writes and reads: what the cache holds at most, so that it is full after the warm-up.
  private static let keys = 2_000
  /// Memory is the allocator's as well: it has to come to rest.
  private static let rest = Duration.seconds(2)

  private let bench: Workbench
  private let known = Mutex<Result<Record, Failure>?>(nil)

  init(_ bench: Workbench) { self.bench = bench }

  private var warmUp: Duration { bench.isQuick ? .milliseconds(500) : .seconds(60) }
  private var length: Duration { bench.isQuick ? .milliseconds(500) : .seconds(600) }

  /// Of the one run, for all rows; why it failed is the same for all of them as well.
  func record() async throws(Failure) -> Record {
    if let record = known.withLock({ $0 }) { return try record.get() }
    do throws(Failure) {
      let record = try await run()
      known.withLock { $0 = .success(record) }
      return record
    } catch {
      known.withLock { $0 = .failure(error) }
      throw error
    }
  }

  private func run() async throws(Failure) -> Record {
    let corpus = try await IndexCorpus.make(in: "\(bench.folder)/soak", files: bench.isQuick ? 20 : 500)
    let node = try await bench.startNode()
    var viewers: [BenchViewer] = []
    defer {
      for viewer in viewers { viewer.end() }
      node.child.kill()
    }
    do throws(Failure) { return try await measure(node, corpus: corpus.path, &viewers) } catch {
      throw node.explained(error)
    }
  }

  private func measure(
    _ node: BenchNode, corpus: String, _ viewers: inout [BenchViewer]
  ) async throws(Failure) -> Record {
    try await withControlClient(path: node.socketPath, hello: BenchNode.hello) { client throws(Failure) in
      _ = try await client.perform(.addProject(path: corpus, id: Self.project))
      _ = try await client.perform(.reindex(ReindexRequest(project: Self.project)))
    }
    for _ in 0..<Self.viewers {
      viewers.append(try await BenchViewer.open(port: node.gatewayPort, project: Self.project, keeping: []))
    }
    try await fillHistory(of: node)
    _ = try await load(node, for: warmUp)
    let before = try await process(node)
    let began = ContinuousClock.now
    var record = try await load(node, for: length)
    record.seconds = began.duration(to: .now).milliseconds / 1_000
    let after = try await process(node)
    (record.residentBefore, record.residentAfter) = (before.residentBytes, after.residentBytes)
    (record.filesBefore, record.filesAfter) = (before.openFiles, after.openFiles)
    return record
  }

  /// The gateway keeps its last 100,000 broadcasts for clients that come back. Before they are there the node grows,
  /// as it should, and no leak could be told from it.
  private func fillHistory(of node: BenchNode) async throws(Failure) {
    let share = (bench.isQuick ? 1_000 : Self.historyBroadcasts) / Self.workers
    try await Self.together { _ throws(Failure) in
      try await withControlClient(path: node.socketPath, hello: BenchNode.hello) { client throws(Failure) in
        for _ in 0..<share where !Task.isCancelled { _ = try await client.perform(Self.tick) }
      }
    }
    if Task.isCancelled { throw Failure(.unavailable, "the bench was cancelled") }
  }

  private func process(_ node: BenchNode) async throws(Failure) -> ProcessSnapshot {
    try await bench.sleep(bench.isQuick ? .milliseconds(50) : Self.rest)
    return try await withControlClient(path: node.socketPath, hello: BenchNode.hello) { client throws(Failure) in
      try await client.snapshot().process
    }
  }

  private func load(_ node: BenchNode, for length: Duration) async throws(Failure) -> Record {
    let end = ContinuousClock.now + length
    let parts = try await Self.together { worker throws(Failure) in
      try await Self.work(worker, on: node, until: end)
    }
    var whole = Record()
    for part in parts {
      whole.operations += part.operations
      whole.errors += part.errors
    }
    if Task.isCancelled { throw Failure(.unavailable, "the bench was cancelled") }
    return whole
  }

  /// What each worker came to; the first failure when one failed.
  @discardableResult
  private static func together<Value: Sendable>(
    _ work: @escaping @Sendable (Int) async throws(Failure) -> Value
  ) async throws(Failure) -> [Value] {
    let results = await withTaskGroup(of: Result<Value, Failure>.self) { group in
      for worker in 0..<workers {
        group.addTask {
          do throws(Failure) { return .success(try await work(worker)) } catch { return .failure(error) }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    var values: [Value] = []
    for result in results { values.append(try result.get()) }
    return values
  }

  private static func work(
    _ worker: Int, on node: BenchNode, until end: ContinuousClock.Instant
  ) async throws(Failure) -> Record {
    try await withControlClient(path: node.socketPath, hello: BenchNode.hello) { client throws(Failure) in
      var record = Record()
      var number = worker
      while ContinuousClock.now < end, !Task.isCancelled {
        do throws(Failure) { try await operate(number, client) } catch { record.errors += 1 }
        record.operations += 1
        number += workers
      }
      return record
    }
  }

  /// Of ten: four reads, two writes, two broadcasts, one search, one invalidation.
  private static func operate(_ number: Int, _ client: ControlClient) async throws(Failure) {
    let key = "k\(number &* 7_919 % keys)"
    switch number % 10 {
    case 0...3: _ = try await client.ask(.cacheGet(namespace: "agents", keys: [key]))
    case 4, 5: _ = try await client.perform(.cacheSet(PipelineStage.write(key, "task-\(number % 100)")))
    case 6, 7: _ = try await client.perform(tick)
    case 8: _ = try await client.ask(.search(SearchQuery(IndexStage.questions[number / 10 % 10])))
    default:
      let selection = CacheSelection(namespace: "agents", .tags(["task-\(number / 10 % 100)"]))
      _ = try await client.perform(.cacheInvalidate(selection))
    }
  }
}
