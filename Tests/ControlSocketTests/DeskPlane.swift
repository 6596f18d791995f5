import Base
import ControlPlane
import Synchronization

/// A small but whole control plane: enough of a node for its socket.
final class Desk: Doorkeeper {
  let bus = EventBus<Event>()
  private let state = Mutex((callers: [Caller](), cancelled: 0, performing: 0, isReleased: false))

  var callers: [Caller] { state.withLock { $0.callers } }
  var cancelled: Int { state.withLock { $0.cancelled } }
  var performing: Int { state.withLock { $0.performing } }

  func door(for caller: Caller) -> any ControlPlane {
    state.withLock { $0.callers.append(caller) }
    return Plane(desk: self, caller: caller)
  }

  var isReleased: Bool { state.withLock { $0.isReleased } }
  func release() { state.withLock { $0.isReleased = true } }

  func publish(_ message: String) {
    bus.publish(
      Event(timeMilliseconds: 1, body: .log(.init(timeMilliseconds: 1, level: .info, label: "t", message: message))))
  }

  fileprivate func began() { state.withLock { $0.performing += 1 } }

  fileprivate func ended(isCancelled: Bool) {
    state.withLock {
      $0.performing -= 1
      if isCancelled { $0.cancelled += 1 }
    }
  }

  static let snapshot = Snapshot(
    node: "0badcafe", version: "1.2.3", uptimeSeconds: 4.5, health: Health(components: []), phase: .ready,
    process: .init(
      processID: 1, cpuSeconds: 0, cpuPercent: 0, residentBytes: 1, openFiles: 1, openFilesMax: 2, threads: 1),
    control: .init(), bench: .init())
}

private struct Plane: ControlPlane {
  let desk: Desk
  let caller: Caller

  func snapshot() async throws(Failure) -> Snapshot { Desk.snapshot }

  func events() -> AsyncStream<Event> { desk.bus.subscribe() }

  func ask(_ query: Query) async throws(Failure) -> Answer {
    switch query {
    case .projects: return .projects([])
    case .logs(let query):
      // As many lines as asked for: a way to ask for large answers.
      let line = LogRecord(timeMilliseconds: 0, level: .info, label: "t", message: String(repeating: "x", count: 1_000))
      return .logs(Array(repeating: line, count: query.limit))
    default: throw Failure(.notFound, "the desk knows nothing of \(query.name)", hint: "ask for projects")
    }
  }

  func perform(_ command: Command) async throws(Failure) -> Outcome {
    guard caller.grants.role == .operator else { throw Failure(.denied, "viewers only look") }
    if case .setLogLevel = command {
      // Ends when the test says so.
      desk.began()
      while !desk.isReleased, !Task.isCancelled { await Task.yield() }
      desk.ended(isCancelled: Task.isCancelled)
    }
    guard case .drain = command else { return Outcome(auditID: "a1", result: .done) }
    desk.began()
    // Runs until it is cancelled: a stand-in for a bench.
    var isCancelled = false
    do { try await Task.sleep(for: .seconds(600)) } catch { isCancelled = true }
    desk.ended(isCancelled: isCancelled)
    throw Failure(.unavailable, "the desk was told to stop")
  }
}
