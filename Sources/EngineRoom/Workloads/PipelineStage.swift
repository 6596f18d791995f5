internal import Base
internal import ControlPlane
internal import ControlSocket
internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// What the `pipeline` suite is measured on: one node for the whole run, a repository that it watches, and a viewer of
/// the project. Commits are made beside it, in a repository whose objects the watched one shares; what is measured
/// begins when the watched branch is moved, by a rename, as git moves it.
final class PipelineStage: Sendable {
  /// One commit's way.
  struct Trip: Sendable {
    var milliseconds: Double
    var journey: PipelineJourney
  }

  static let project = ProjectID(folderName: "pipeline")
  private static let readyDeadline = Duration.seconds(60)

  private struct Parts {
    var node: BenchNode
    var viewer: BenchViewer
    var corpus: IndexCorpus
    var watched: String
  }

  private struct State {
    var parts: Parts?
    var changes = 0
    /// Of commits with a thousand files, which the rows of the stages share.
    var large: [Trip] = []
    var taken: [String: Int] = [:]
  }

  private let bench: Workbench
  private let state = Mutex(State())

  init(_ bench: Workbench) { self.bench = bench }

  deinit {
    let parts = state.withLock { $0.parts }
    parts?.viewer.end()
    parts?.node.child.kill()
  }

  var filesMost: Int { bench.isQuick ? 20 : 1_000 }

  private func parts() async throws(Failure) -> Parts {
    if let parts = state.withLock({ $0.parts }) { return parts }
    let folder = "\(bench.folder)/pipeline"
    guard mkdir(folder, 0o700) == 0 else { throw Failure(.unavailable, "the bench cannot make its folder") }
    let corpus = try await IndexCorpus.make(in: folder, files: bench.isQuick ? 60 : 5_000)
    let watched = "\(folder)/watched"
    _ = try await corpus.git("clone", "--quiet", "--shared", "--no-checkout", corpus.path, watched)
    let node = try await bench.startNode()
    do throws(Failure) {
      try await index(watched, on: node)
      let viewer = try await BenchViewer.open(
        port: node.gatewayPort, project: Self.project,
        keeping: ["vectors-updated", "cache-updated", "cache-invalidated"])
      let parts = Parts(node: node, viewer: viewer, corpus: corpus, watched: watched)
      state.withLock { $0.parts = parts }
      return parts
    } catch {
      node.child.kill()
      throw error
    }
  }

  private func index(_ path: String, on node: BenchNode) async throws(Failure) {
    try await withControlClient(path: node.socketPath, hello: BenchNode.hello) { client throws(Failure) in
      _ = try await client.perform(.addProject(path: path, id: Self.project))
      _ = try await client.perform(.reindex(ReindexRequest(project: Self.project)))
    }
  }

  // MARK: Commits

  /// Commits so many changed files and waits until the viewer has heard of it.
  func trip(_ files: Int) async throws(Failure) -> Trip {
    let parts = try await parts()
    let number = state.withLock { state in
      state.changes += 1
      return state.changes
    }
    try await parts.corpus.change(min(files, filesMost), mark: number, packs: false)
    let commit = try Self.read("\(parts.corpus.path)/.git/refs/heads/main")
    let branch = "\(parts.watched)/.git/refs/heads/main"
    try IndexCorpus.write(Array("\(commit)\n".utf8), to: "\(branch).lock")
    let began = ContinuousClock.now
    guard rename("\(branch).lock", branch) == 0 else { throw Failure(.unavailable, "the bench cannot move a branch") }
    let heard = try await parts.viewer.arrival { $0.contains("vectors-updated") && $0.contains(commit) }
    let trip = Trip(
      milliseconds: (heard - began).milliseconds, journey: try await journey(of: commit, on: parts.node))
    if files == 1_000 { state.withLock { $0.large.append(trip) } }
    return trip
  }

  /// How long a stage took in the next of the large commits that were measured; one is made when there is none.
  func milliseconds(of stage: String) async throws(Failure) -> Double {
    guard let found = try await large(for: stage).journey.stages.first(where: { $0.name == stage }) else {
      throw Failure(.internal, "the journey has no stage '\(stage)'")
    }
    return found.milliseconds
  }

  /// All of it, from the branch that moves to the viewer that hears.
  func wholeMilliseconds() async throws(Failure) -> Double { try await large(for: "whole").milliseconds }

  private func large(for row: String) async throws(Failure) -> Trip {
    let next = state.withLock { state in
      let index = state.taken[row, default: 0]
      state.taken[row] = index + 1
      return index < state.large.count ? state.large[index] : nil
    }
    if let next { return next }
    return try await trip(1_000)
  }

  private func journey(of commit: String, on node: BenchNode) async throws(Failure) -> PipelineJourney {
    let end = ContinuousClock.now + Self.readyDeadline
    return try await withControlClient(path: node.socketPath, hello: BenchNode.hello) { client throws(Failure) in
      while ContinuousClock.now < end {
        let journeys = try await client.snapshot().index?.journeys ?? []
        if let journey = journeys.first(where: { $0.commit == commit && $0.isComplete }) { return journey }
        try await self.bench.sleep(.milliseconds(20))
      }
      throw Failure(.timeout, "the node does not tell of the journey")
    }
  }

  private static func read(_ path: String) throws(Failure) -> String {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Failure(.unavailable, "the bench cannot read its repository")
    }
    return String(String(decoding: data, as: UTF8.self).prefix { !$0.isWhitespace })
  }

  // MARK: Agents

  /// One plans, another reads the plan and answers, a third makes all of it void; each acts when it has heard of the
  /// one before.
  func coordination() async throws(Failure) -> Double {
    let parts = try await parts()
    let tag = "project:\(Self.project)"
    let began = ContinuousClock.now
    let heard = try await withControlClient(path: parts.node.socketPath, hello: BenchNode.hello) {
      client throws(Failure) in
      _ = try await client.perform(.cacheSet(Self.write("plan", tag)))
      _ = try await parts.viewer.arrival { $0.contains("cache-updated") && $0.contains("\"plan\"") }
      _ = try await client.ask(.cacheGet(namespace: "agents", keys: ["plan"]))
      _ = try await client.perform(.cacheSet(Self.write("answer", tag)))
      _ = try await parts.viewer.arrival { $0.contains("cache-updated") && $0.contains("\"answer\"") }
      _ = try await client.perform(.cacheInvalidate(CacheSelection(namespace: "agents", .tags([tag]))))
      return try await parts.viewer.arrival { $0.contains("cache-invalidated") && $0.contains("\"tags\"") }
    }
    return (heard - began).milliseconds
  }

  static func write(_ key: String, _ tag: String) -> CacheWrite {
    CacheWrite(
      namespace: "agents",
      entries: [CacheWrite.Entry(key: key, value: Blob([UInt8](repeating: 7, count: 1_024)), tags: [tag])])
  }
}
