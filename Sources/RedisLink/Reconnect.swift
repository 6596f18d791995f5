/// When to try again: 50 ms x 2^n, at most a second, and of that a random part ("full jitter", Marc Brooker,
/// "Exponential Backoff And Jitter"), so that many nodes do not return in step. A pure machine: no clock, no socket.
public struct Reconnect: Sendable {
  public enum Action: Equatable, Sendable {
    case connectNow
    /// Sleep so long, then call `waited`.
    case wait(Duration)
    /// An attempt is under way, or the connection stands.
    case none
  }

  private enum State: Equatable {
    case idle, connecting, connected, waiting
  }

  public let base: Duration
  public let cap: Duration
  /// A connection that ended within this time counts as a failed attempt: a server that accepts and hangs up must
  /// not be asked in a loop.
  public let minimumLife: Duration
  /// Attempts that failed since the last connection that lived.
  public private(set) var failures = 0
  private var state = State.idle

  public init(
    base: Duration = .milliseconds(50), cap: Duration = .seconds(1), minimumLife: Duration = .seconds(1)
  ) {
    self.base = base
    self.cap = cap
    self.minimumLife = minimumLife
  }

  public mutating func start() -> Action {
    guard state == .idle else { return .none }
    state = .connecting
    return .connectNow
  }

  public mutating func succeeded() -> Action {
    if state == .connecting { state = .connected }
    return .none
  }

  /// An attempt failed. `random` is in 0..<1.
  public mutating func failed(random: Double) -> Action {
    guard state == .connecting else { return .none }
    return back(random)
  }

  /// The connection ended after `life`.
  public mutating func ended(after life: Duration, random: Double) -> Action {
    guard state == .connected else { return .none }
    if life >= minimumLife { failures = 0 }
    return back(random)
  }

  public mutating func waited() -> Action {
    guard state == .waiting else { return .none }
    state = .connecting
    return .connectNow
  }

  private mutating func back(_ random: Double) -> Action {
    state = .waiting
    let ceiling = min(cap, base * (1 << min(failures, 20)))
    failures += 1
    return .wait(ceiling * min(max(random, 0), 1))
  }
}

extension Reconnect {
  /// Lives one life after another until the task is cancelled, with the waits of this machine between them. `life`
  /// connects, calls its argument once it stands, and returns or throws when it is over. One at a time, always.
  public static func run(
    _ machine: Reconnect = .init(), clock: any Clock<Duration> = ContinuousClock(),
    life: (_ stands: () -> Void) async -> Void
  ) async {
    var machine = machine
    var action = machine.start()
    while !Task.isCancelled {
      switch action {
      case .connectNow:
        var hasStood = false
        let lived = await clock.measure { await life { hasStood = true } }
        if hasStood {
          _ = machine.succeeded()
          action = machine.ended(after: lived, random: .random(in: 0..<1))
        } else {
          action = machine.failed(random: .random(in: 0..<1))
        }
      case .wait(let duration):
        do {
          try await clock.sleep(for: duration)
        } catch {
          return
        }
        action = machine.waited()
      case .none:
        return
      }
    }
  }
}
