internal import Base
internal import Outbound
internal import Synchronization

/// Exchanges that are repeated as a policy says. Only for requests that may be sent twice.
final class PatientExchange: Sendable {
  private let transport: any HTTPExchange
  private let limits: HTTP.Limits
  private let policy: RetryPolicy
  private let wallClock: any WallClock
  private let budget = Mutex(RetryBudget())
  let timer: PacedTimer

  init(
    _ transport: any HTTPExchange, limits: HTTP.Limits, policy: RetryPolicy, clock: any Clock<Duration>,
    wallClock: any WallClock
  ) {
    self.transport = transport
    self.limits = limits
    self.policy = policy
    self.wallClock = wallClock
    timer = PacedTimer(clock)
  }

  /// The last answer or problem there was.
  func exchange(_ request: HTTP.Request) async -> Result<HTTP.Response, HTTP.Problem> {
    let started = timer.now
    var attempts = 0
    while true {
      attempts += 1
      let answer = await once(request)
      let (outcome, elapsed, random) = (outcome(answer), timer.now - started, Double.random(in: 0..<1))
      let action = budget.withLock { budget in
        policy.action(after: outcome, attempts: attempts, elapsed: elapsed, budget: &budget, random: random)
      }
      guard case .wait(let wait) = action else { return answer }
      do {
        try await timer.sleep(wait)
      } catch {
        return .failure(.cancelled)
      }
    }
  }

  private func once(_ request: HTTP.Request) async -> Result<HTTP.Response, HTTP.Problem> {
    do {
      return .success(try await transport.exchange(request, limits: limits))
    } catch {
      return .failure(error)
    }
  }

  private func outcome(_ answer: Result<HTTP.Response, HTTP.Problem>) -> RetryPolicy.Outcome {
    switch answer {
    case .success(let response):
      let after = response.headers["Retry-After"].flatMap {
        RetryAfter.parse($0, nowMilliseconds: wallClock.nowMilliseconds())
      }
      return .status(response.status, retryAfter: after)
    case .failure(let problem): return .problem(problem)
    }
  }
}
