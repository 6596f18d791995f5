import Base
import Outbound
import TestKit
import Testing

/// When to ask again.
@Suite struct RetryPolicyTests {
  private let policy = RetryPolicy(
    base: .milliseconds(100), cap: .seconds(1), attemptsMax: 5, deadline: .seconds(10))

  private func action(
    _ outcome: RetryPolicy.Outcome, _ attempts: Int, elapsed: Duration = .zero, random: Double = 1
  ) -> RetryPolicy.Action {
    var budget = RetryBudget()
    return policy.action(after: outcome, attempts: attempts, elapsed: elapsed, budget: &budget, random: random)
  }

  @Test func waitsDoubleUpToTheCapAndAreARandomPart() {
    let busy = RetryPolicy.Outcome.status(503, retryAfter: nil)
    #expect(action(busy, 1) == .wait(.milliseconds(100)))
    #expect(action(busy, 2) == .wait(.milliseconds(200)))
    #expect(action(busy, 4) == .wait(.milliseconds(800)))
    #expect(action(busy, 2, random: 0.25) == .wait(.milliseconds(50)))
    #expect(action(busy, 1, random: 0) == .wait(.zero))
    #expect(action(busy, 5) == .giveUp(.attempts))
    let patient = RetryPolicy(base: .seconds(1), cap: .seconds(3), attemptsMax: 100, deadline: .seconds(1_000))
    var budget = RetryBudget()
    #expect(
      patient.action(after: busy, attempts: 70, elapsed: .zero, budget: &budget, random: 1) == .wait(.seconds(3)))
  }

  @Test func whatTheServerAsksForIsTheLeast() {
    for random in [0, 0.5, 1] {
      guard case .wait(let wait) = action(.status(429, retryAfter: .seconds(4)), 1, random: random) else {
        Issue.record("no wait")
        return
      }
      #expect(wait >= .seconds(4) && wait <= .milliseconds(5_100))
    }
    // Longer than there is time.
    #expect(action(.status(429, retryAfter: .seconds(11)), 1) == .giveUp(.deadline))
    #expect(action(.status(429, retryAfter: .seconds(4)), 1, elapsed: .seconds(6)) == .giveUp(.deadline))
  }

  @Test(arguments: [200, 201, 304, 400, 401, 403, 404, 413, 422, 501, 505])
  func someAnswersStand(_ status: Int) {
    #expect(action(.status(status, retryAfter: nil), 1) == .done)
  }

  @Test(arguments: [408, 425, 429, 500, 502, 503, 504, 529])
  func othersAreOfTheMoment(_ status: Int) {
    #expect(action(.status(status, retryAfter: nil), 1) == .wait(.milliseconds(100)))
  }

  @Test func problemsOfTheWayAreTriedAgainAndOthersNot() {
    for problem in [HTTP.Problem.timeout, .unreachable(""), .interrupted("")] {
      #expect(action(.problem(problem), 1) == .wait(.milliseconds(100)))
    }
    for problem in [HTTP.Problem.cancelled, .tooLarge(limit: 1), .invalidRequest(""), .receiver("")] {
      #expect(action(.problem(problem), 1) == .done)
    }
  }

  @Test func aBudgetIsForAllRequestsTogether() {
    var budget = RetryBudget(retries: 2)
    let busy = RetryPolicy.Outcome.status(503, retryAfter: nil)
    func next() -> RetryPolicy.Action {
      policy.action(after: busy, attempts: 1, elapsed: .zero, budget: &budget, random: 1)
    }
    #expect(next() == .wait(.milliseconds(100)) && next() == .wait(.milliseconds(100)))
    #expect(next() == .giveUp(.budget))
    for _ in 0..<10 {
      let done = policy.action(
        after: .status(200, retryAfter: nil), attempts: 1, elapsed: .zero, budget: &budget, random: 1)
      #expect(done == .done)
    }
    #expect(budget.retries == 1 && next() == .wait(.milliseconds(100)) && next() == .giveUp(.budget))
    for _ in 0..<1_000 { budget.succeeded() }
    #expect(budget.retries == 2)
  }

  @Test func retryAfterIsSecondsOrOneOfThreeDates() throws {
    let now = try #require(Timestamp.parse("1994-11-06T08:49:07Z"))
    for (text, seconds) in [
      ("0", 0), ("120", 120), (" 7 ", 7), ("1.5", 1.5), ("Sun, 06 Nov 1994 08:49:37 GMT", 30),
      ("Sunday, 06-Nov-94 08:49:37 GMT", 30), ("Sun Nov  6 08:49:37 1994", 30), ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
      ("99999999999", 86_400), ("Sun, 06 Nov 2094 08:49:37 GMT", 86_400), ("Sunday, 06-Nov-30 08:49:37 GMT", 86_400),
      ("Sunday, 06-Nov-60 08:49:37 GMT", 0),
    ] { #expect(RetryAfter.parse(text, nowMilliseconds: now) == .milliseconds(Int64(seconds * 1_000)), "\(text)") }
    for text in ["", "-1", "soon", "1e9", "nan", "inf", "0x10", "Sun, 31 Feb 1994 08:49:37 GMT", "1994-11-06", "٣"] {
      #expect(RetryAfter.parse(text, nowMilliseconds: now) == nil, "\(text)")
    }
  }

  @Test func anyTextIsReadOrRefused() {
    SeededRandom.run { random in
      for _ in 0..<2_000 {
        let text = String(decoding: random.bytes(Int.random(in: 0...40, using: &random)), as: UTF8.self)
        if let wait = RetryAfter.parse(text, nowMilliseconds: 0) {
          #expect(wait >= .zero && wait <= .seconds(86_400), "\(random)")
        }
      }
    }
  }
}
