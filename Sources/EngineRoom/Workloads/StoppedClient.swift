internal import Base
internal import Bench
internal import ControlPlane
internal import ControlSocket
internal import Glibc
internal import Pty
internal import Synchronization

/// What a client that was stopped (SIGSTOP) does to the others: the 99th percentile of status round trips with one, its
/// buffers full and more events coming, divided by that without. Each sample measures both, one right after the other
/// and in turning order, so that what else runs on the machine meets both alike; the result is the median of the
/// ratios.
///
/// Asked of a second node: the events that must flow (each command makes three) have no place in the one of the user.
final class StoppedClient: Workload {
  /// Round trips of one side, and how far apart they begin.
  private static let roundTrips = 600
  private static let interval = Duration.milliseconds(1)
  /// Between two commands, in either side: about 600 events a second.
  private static let eventInterval = Duration.milliseconds(5)
  /// Commands that fill the stopped client's ring, the node's write buffer and the kernel's: 6,000 events, where the
  /// ring has 1,024 and the buffers hold fewer than 2,000.
  private static let fillingCommands = 2_000
  private static let attachDeadline = Duration.seconds(60)

  private struct Stage {
    var node: BenchNode
    /// Asks for the status.
    var asker: ControlClient
    /// Gives the commands that make events.
    var maker: ControlClient
  }

  enum Kind: Sendable {
    /// `signalbox logs --follow`.
    case follower
    /// A console on a terminal, with its whole first frame.
    case console
  }

  let bench: Workbench
  let kind: Kind
  private let stage = Mutex<Stage?>(nil)
  private let samples = Mutex(0)

  init(bench: Workbench, kind: Kind = .follower) {
    self.bench = bench
    self.kind = kind
  }

  var suite: String { kind == .console ? "console" : "control" }
  var name: String { kind == .console ? "stopped console" : "stopped client" }
  var unit: String { "ratio" }
  /// 1 is no influence. The percentile is the seventh largest of 600, which moves by itself when other programs run;
  /// a node that waits for the client even once in a hundred answers is off by orders of magnitude.
  var target: Double? { 1.5 }
  var figure: Figure { .p50 }

  func fitted(_ plan: BenchPlan) -> BenchPlan {
    var plan = bench.longPlan(samples: 5)
    if !bench.isQuick {
      plan.roundSamples = 2
      plan.roundDuration = .seconds(60)
    }
    return plan
  }

  func prepare() async throws(Failure) {
    let node = try await bench.startNode()
    do throws(Failure) {
      let asker = try await ControlClient.connect(path: node.socketPath, hello: BenchNode.hello)
      let maker = try await ControlClient.connect(path: node.socketPath, hello: BenchNode.hello)
      stage.withLock { $0 = Stage(node: node, asker: asker, maker: maker) }
    } catch {
      node.child.kill()
      throw error
    }
  }

  func measure() async throws(Failure) -> Double? {
    guard let stage = stage.withLock({ $0 }) else { throw Failure(.internal, "it was not prepared") }
    let isStoppedFirst = samples.withLock { samples in
      samples += 1
      return samples.isMultiple(of: 2)
    }
    if isStoppedFirst {
      let with = try await withStoppedClient(stage)
      return with / (try await percentile99(stage))
    }
    let without = try await percentile99(stage)
    return try await withStoppedClient(stage) / without
  }

  func cleanup() async {
    guard let stage = stage.withLock({ $0 }) else { return }
    await stage.asker.close()
    await stage.maker.close()
    stage.node.child.kill()
  }

  private func withStoppedClient(_ stage: Stage) async throws(Failure) -> Double {
    switch kind {
    case .follower:
      let client = try await attachedFollower(stage)
      defer { client.kill() }
      client.send(SIGSTOP)
      return try await percentile99WithEvents(stage)
    case .console:
      let console = try await BenchConsole.attached(bench, to: stage.node)
      defer { console.session.close() }
      console.session.signal(SIGSTOP)
      return try await percentile99WithEvents(stage)
    }
  }

  private func percentile99WithEvents(_ stage: Stage) async throws(Failure) -> Double {
    for _ in 0..<(bench.isQuick ? 50 : Self.fillingCommands) { _ = try await stage.maker.perform(Self.command) }
    return try await percentile99(stage)
  }

  private func attachedFollower(_ stage: Stage) async throws(Failure) -> BenchChild {
    let output = "\(bench.folder)/stopped-\(samples.withLock { $0 })"
    let environment = BenchNode.environment(folder: bench.folder, socket: stage.node.socketPath)
    let client = try BenchChild(
      bench.executable,
      .init(arguments: ["logs", "--follow", "--json"], environment: environment, output: output))
    do throws(Failure) {
      try await waitUntilAttached(client, output, stage.maker)
      return client
    } catch {
      client.kill()
      throw error
    }
  }

  /// It follows once it has written something.
  private func waitUntilAttached(_ client: BenchChild, _ output: String, _ maker: ControlClient) async throws(Failure) {
    let end = ContinuousClock.now + Self.attachDeadline
    while ContinuousClock.now < end {
      if let said = try WholeFile.read(output, maxBytes: 16 << 20), !said.isEmpty { return }
      if client.hasEnded { throw Failure(.internal, "'signalbox logs --follow' ended") }
      _ = try await maker.perform(Self.command)
      try await bench.sleep(.milliseconds(5))
    }
    throw Failure(.timeout, "'signalbox logs --follow' showed nothing within \(Self.attachDeadline)")
  }

  /// The cheapest command: nothing but its audit, its log line and their events.
  private static let command = Command.setLogLevel(.info)

  private func percentile99(_ stage: Stage) async throws(Failure) -> Double {
    let result: Result<[Double], Failure> = await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        // A command that fails makes fewer events; the round trips beside it fail too, and say why.
        while !Task.isCancelled {
          _ = try? await stage.maker.perform(Self.command)
          try? await Task.sleep(for: Self.eventInterval)
        }
      }
      defer { tasks.cancelAll() }
      do throws(Failure) { return .success(try await roundTripTimes(stage.asker)) } catch { return .failure(error) }
    }
    let times = try result.get().sorted()
    return max(times[min(times.count - 1, times.count * 99 / 100)], 0.001)
  }

  /// Milliseconds. Counted from when it was due if the one before took longer, and else from when it began:
  /// oversleeping is ours and not the node's.
  private func roundTripTimes(_ asker: ControlClient) async throws(Failure) -> [Double] {
    let count = bench.isQuick ? 50 : Self.roundTrips
    var times: [Double] = []
    times.reserveCapacity(count)
    var due = ContinuousClock.now
    for _ in 0..<count {
      let isLate = ContinuousClock.now > due
      if !isLate { try await bench.sleep(ContinuousClock.now.duration(to: due)) }
      let began = isLate ? due : ContinuousClock.now
      _ = try await asker.snapshot()
      times.append(began.duration(to: .now).milliseconds)
      due = due.advanced(by: Self.interval)
    }
    return times
  }
}
