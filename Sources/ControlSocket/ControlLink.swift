public import Base
public import ControlPlane
internal import Synchronization

/// A control plane that outlives its node: it reconnects by itself. While there is no node every request fails at once
/// with `unavailable`, and the event streams stay open. For attached consoles; a single command uses `ControlClient`.
public final class ControlLink: ControlPlane {
  private struct Shared {
    var state = LinkState.connecting
    var client: ControlClient?
    var lostSince: Int64?
  }

  /// State changes kept for a slow watcher; older ones no longer matter.
  private static let statesMax = 16

  private let path: String
  private let hello: ControlHello
  private let clock: any WallClock
  private let shared = Mutex(Shared())
  private let changes = EventBus<LinkState>(capacity: statesMax)
  private let listeners = RingTable()

  public init(path: String, hello: ControlHello, clock: any WallClock = SystemWallClock()) {
    self.path = path
    self.hello = hello
    self.clock = clock
  }

  public var state: LinkState { shared.withLock { $0.state } }

  /// The changes from now on. Ends when `run` does.
  public func states() -> AsyncStream<LinkState> { changes.subscribe() }

  /// Keeps the link until the task is cancelled or the node refuses for good (`state` is `.refused`). Run it once.
  public func run() async {
    var backoff = Backoff()
    var random = SystemRandomNumberGenerator()
    while !Task.isCancelled {
      do throws(Failure) {
        let began = ContinuousClock.now
        let reason = try await serve()
        if ContinuousClock.now - began >= Backoff.longest { backoff.reset() }
        await pause(backoff.next(using: &random), reason)
      } catch {
        guard Self.isPassing(error) else {
          set(.refused(error))
          break
        }
        await pause(backoff.next(using: &random), error)
      }
    }
    if case .live = state { close() }
    changes.finish()
    listeners.finish()
  }

  public func snapshot() async throws(Failure) -> Snapshot { try await client().snapshot() }

  public func ask(_ query: Query) async throws(Failure) -> Answer { try await client().ask(query) }

  public func perform(_ command: Command) async throws(Failure) -> Outcome { try await client().perform(command) }

  /// Goes on through restarts of the node; what happens while there is no link is not seen. Ends when `run` does.
  public func events() -> AsyncStream<Event> { listeners.subscribe() }

  /// One connection from greeting to end. Returns why it ended, throws why there was none.
  private func serve() async throws(Failure) -> Failure {
    let client = try await ControlClient.connect(path: path, hello: hello)
    let events = client.events()
    shared.withLock {
      $0.client = client
      $0.lostSince = nil
    }
    set(.live)
    for await event in events { listeners.publish(event) }
    shared.withLock { $0.client = nil }
    await client.close()
    return await client.ended()
  }

  private func pause(_ duration: Duration, _ reason: Failure) async {
    guard !Task.isCancelled else { return }
    let now = clock.nowMilliseconds()
    let since = shared.withLock { shared in
      let since = shared.lostSince ?? now
      shared.lostSince = since
      return since
    }
    let retryAt = now + Int64(duration.milliseconds)
    set(.lost(sinceMilliseconds: since, retryAtMilliseconds: retryAt, reason: reason.message))
    // Cancellation ends the pause early, and the loop sees it.
    try? await Task.sleep(for: duration)
  }

  /// Nobody tries again; a face that still looks must not see `live`.
  private func close() {
    let now = clock.nowMilliseconds()
    set(.lost(sinceMilliseconds: now, retryAtMilliseconds: now, reason: "the link was closed"))
  }

  private func set(_ state: LinkState) {
    shared.withLock { $0.state = state }
    changes.publish(state)
  }

  private func client() throws(Failure) -> ControlClient {
    let (client, state) = shared.withLock { ($0.client, $0.state) }
    if let client { return client }
    switch state {
    case .refused(let failure): throw failure
    case .lost(_, _, let reason): throw Failure(.unavailable, "no link to the node: \(reason)")
    case .connecting, .live: throw Failure(.unavailable, "no link to the node yet")
    }
  }

  /// Whether waiting may help.
  private static func isPassing(_ failure: Failure) -> Bool {
    switch failure.code {
    case .unavailable, .timeout, .limit, .internal: true
    case .invalid, .notFound, .conflict, .denied, .unauthenticated: false
    }
  }
}
