public import Base
public import ControlPlane

/// A control plane bound to one caller: every command, query, snapshot and event passes the policy first.
public struct GuardedPlane: ControlPlane {
  private let inner: any ControlPlane
  private let caller: Caller
  private let policy: AccessPolicy
  private let refused: @Sendable (Command, Failure) -> Void

  /// `refused` is told of every command that the policy does not let through: an audit wants those too.
  public init(
    _ inner: any ControlPlane, caller: Caller, policy: AccessPolicy = AccessPolicy(),
    refused: @escaping @Sendable (Command, Failure) -> Void = { _, _ in }
  ) {
    self.inner = inner
    self.caller = caller
    self.policy = policy
    self.refused = refused
  }

  public func snapshot() async throws(Failure) -> Snapshot {
    policy.filter(try await inner.snapshot(), for: caller)
  }

  public func events() -> AsyncStream<Event> {
    let all = inner.events()
    guard !policy.seesEverything(caller) else { return all }
    // Pulled, not pumped: no task and no second buffer stand between the bus and the listener.
    let source = EventSource(all, caller: caller, policy: policy)
    return AsyncStream { await source.next() }
  }

  public func ask(_ query: Query) async throws(Failure) -> Answer {
    try policy.check(query, by: caller)
    return policy.filter(try await inner.ask(query), for: caller)
  }

  public func perform(_ command: Command) async throws(Failure) -> Outcome {
    do { try policy.check(command, by: caller) } catch {
      refused(command, error)
      throw error
    }
    return try await inner.perform(command)
  }
}

/// Owns the iterator of the inner stream, whose copies share one buffer.
private actor EventSource {
  private let iterator: AsyncStream<Event>.Iterator
  private let caller: Caller
  private let policy: AccessPolicy

  init(_ events: AsyncStream<Event>, caller: Caller, policy: AccessPolicy) {
    iterator = events.makeAsyncIterator()
    self.caller = caller
    self.policy = policy
  }

  func next() async -> Event? {
    var copy = iterator
    while let event = await copy.next(isolation: self) {
      if policy.shows(event, to: caller) { return event }
    }
    return nil
  }
}
