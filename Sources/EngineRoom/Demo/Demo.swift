public import Base
internal import ControlPlane
internal import ControlSocket

/// A node with a life of its own, for a first look: a process with its own state folder, namespace and ports, two
/// repositories that get commits, and clients that speak to it through the doors that any user has. Nothing in it is
/// simulated; what is played is who uses it.
///
/// `open`, `play` until cancelled, `close`; then neither a process nor a folder is left.
public final class Demo: Sendable {
  /// One line of what happens.
  public typealias Tell = @Sendable (String) -> Void

  public let socketPath: String
  private let executable: String
  private let folder: ScratchFolder
  private let node: BenchNode
  private let repositories: [DemoRepository]

  private init(executable: String, folder: ScratchFolder, node: BenchNode, repositories: [DemoRepository]) {
    self.executable = executable
    self.folder = folder
    self.node = node
    self.repositories = repositories
    socketPath = node.socketPath
  }

  /// `executable`: this program. Throws when there is no git, or when the node does not start; nothing is left then.
  public static func open(executable: String) async throws(Failure) -> Demo {
    let folder = try ScratchFolder(for: "demo")
    do throws(Failure) {
      var repositories: [DemoRepository] = []
      for (seed, plan) in DemoRepository.plans.enumerated() {
        repositories.append(try await DemoRepository(plan, in: folder.path, seed: UInt64(seed + 1)))
      }
      // A session of its own: Ctrl-C in the terminal reaches us alone, and we stop it.
      let node = try await BenchNode.start(
        executable: executable, folder: folder.path, hasOwnSession: true, settings: settings)
      return Demo(executable: executable, folder: folder, node: node, repositories: repositories)
    } catch {
      await folder.remove()
      throw error
    }
  }

  private static let settings = [
    "SIGNALBOX_NAMESPACE": "signalbox-demo", "SIGNALBOX_SOCKETIO_KEY": "signalbox-demo", "SIGNALBOX_OPERATOR": "demo",
    // Small enough that somebody behind a slow link is seen to fall behind, and that the cache is seen to evict.
    "SIGNALBOX_QUEUE_BYTES": "131072", "CACHE_L1_MAX": "2M",
    // The round trips of everybody are there after some seconds.
    "SIGNALBOX_PING_INTERVAL_MS": "5000",
  ]

  /// Everybody does what they do, at a pace one can follow, until the task is cancelled.
  public func play(tell: @escaping Tell) async {
    let stage = DemoStage(executable: executable, folder: folder.path, node: node, tell: tell)
    let projects = repositories.map(\.plan.name)
    await withTaskGroup(of: Void.self) { group in
      for repository in repositories { group.addTask { await stage.play(repository) } }
      group.addTask { await DemoClients(projects: projects).run(stage) }
      group.addTask { await stage.play(DemoCache()) }
      group.addTask { await stage.play(DemoSearches()) }
      group.addTask { await stage.play(DemoRuns("coder-1", seed: 5)) }
      group.addTask { await stage.play(DemoRuns("tester-1", seed: 6)) }
      group.addTask { await stage.play(DemoBench()) }
      group.addTask { await stage.play(DemoTidings()) }
    }
  }

  /// Stops the node and removes everything. Also in a task that is cancelled.
  public func close() async {
    await Task { await node.stop() }.value
    await folder.remove()
  }
}

/// Somebody who does one thing again and again.
protocol DemoActor: Sendable {
  /// How the node knows them.
  var name: String { get }
  /// Milliseconds between two turns.
  var pause: ClosedRange<Int> { get }
  /// Where the pauses and choices come from.
  var chance: SeededGenerator { get set }

  /// Once, on a connection of its own.
  mutating func begin(_ node: any ControlPlane, _ stage: DemoStage) async throws(Failure)
  mutating func turn(_ node: any ControlPlane, _ stage: DemoStage) async throws(Failure)
}

extension DemoActor {
  mutating func begin(_ node: any ControlPlane, _ stage: DemoStage) async throws(Failure) {}
}

/// What the actors share.
struct DemoStage: Sendable {
  /// Before a lost connection is made again, or somebody who failed goes on.
  static let patience = Duration.seconds(2)

  let executable: String
  let folder: String
  let node: BenchNode
  let tell: Demo.Tell

  /// Until cancelled. A turn that fails is told, and the next one comes later.
  func play(_ actor: some DemoActor) async {
    var actor = actor
    while !Task.isCancelled {
      do throws(Failure) { try await perform(&actor) } catch {
        guard !Task.isCancelled else { return }
        tell("\(actor.name): \(error.line)")
        await rest(Self.patience)
      }
    }
  }

  private func perform(_ actor: inout some DemoActor) async throws(Failure) {
    let hello = ControlHello(version: Version.current, operatorLabel: actor.name, origin: .commandLine)
    let client = try await ControlClient.connect(path: node.socketPath, hello: hello)
    do throws(Failure) {
      try await actor.begin(client, self)
      while !Task.isCancelled {
        await rest(.milliseconds(Int.random(in: actor.pause, using: &actor.chance)))
        guard !Task.isCancelled else { break }
        try await actor.turn(client, self)
      }
    } catch {
      await client.close()
      throw error
    }
    await client.close()
  }

  func rest(_ duration: Duration) async {
    // Cancelled: whoever asked looks at that.
    try? await Task.sleep(for: duration)
  }
}
