public import Base
internal import Synchronization

/// What a fake does at each call, in order: `[.ok, .fail(…), .delay(.seconds(1))]`. After the last step everything is
/// ok, unless the script repeats.
public final class ScriptedFailures: Sendable {
  public enum Step: Sendable, Equatable {
    case ok
    case fail(Failure)
    /// Waits on the clock given to `perform`, then succeeds.
    case delay(Duration)
  }

  private struct State {
    var position = 0
    var calls = 0
  }

  private let steps: [Step]
  private let repeats: Bool
  private let state = Mutex(State())

  public init(_ steps: [Step], repeats: Bool = false) {
    precondition(!repeats || !steps.isEmpty, "an empty script cannot repeat")
    self.steps = steps
    self.repeats = repeats
  }

  /// How often it was consulted.
  public var calls: Int { state.withLock { $0.calls } }

  /// Whether every step was taken at least once.
  public var isDone: Bool { state.withLock { $0.calls >= steps.count } }

  /// Takes the next step.
  public func next() -> Step {
    state.withLock { state in
      state.calls += 1
      guard state.position < steps.count else { return .ok }
      let step = steps[state.position]
      state.position = repeats ? (state.position + 1) % steps.count : state.position + 1
      return step
    }
  }

  /// Takes the next step and does it.
  public func perform<C: Clock<Duration>>(on clock: C) async throws(Failure) {
    switch next() {
    case .ok: return
    case .fail(let failure): throw failure
    case .delay(let duration):
      do {
        try await clock.sleep(for: duration)
      } catch {
        throw Failure(.timeout, "cancelled while a scripted delay ran")
      }
    }
  }
}
