public import Base

/// Whether and when a request that failed is worth another try. A pure machine: no clock, no socket, no dice.
///
/// The wait before attempt n + 1 is a random part of base · 2^(n-1), at most `cap` ("full jitter", Marc Brooker,
/// "Exponential Backoff And Jitter"), so that many clients that were turned away together do not return together.
/// A server that says when (`Retry-After`, RFC 9110 section 10.2.3) is asked no earlier, and a little later than it
/// said, for the same reason. What would end after the deadline is not begun: an answer that comes too late is none.
public struct RetryPolicy: Sendable, Equatable {
  /// Longest wait before the second attempt; it doubles with every further one.
  public var base: Duration
  /// Longest wait that is chosen here; a server may ask for a longer one.
  public var cap: Duration
  /// Attempts in all, the first included.
  public var attemptsMax: Int
  /// From the first attempt on, waits included.
  public var deadline: Duration

  public init(
    base: Duration = .milliseconds(500), cap: Duration = .seconds(20), attemptsMax: Int = 6,
    deadline: Duration = .seconds(120)
  ) {
    self.base = base
    self.cap = cap
    self.attemptsMax = attemptsMax
    self.deadline = deadline
  }

  /// What came of an attempt.
  public enum Outcome: Sendable, Equatable {
    /// `retryAfter` is what the server asked for, as `RetryAfter.parse` reads it.
    case status(Int, retryAfter: Duration?)
    case problem(HTTP.Problem)
  }

  public enum Action: Sendable, Equatable {
    /// The answer stands: a success, or an error that the same request would meet again.
    case done
    case wait(Duration)
    case giveUp(Reason)
  }

  public enum Reason: Sendable, Equatable {
    case attempts
    case deadline
    /// Too many requests of this client have failed lately: one more would only add to the load.
    case budget
  }

  /// What to do after attempt number `attempts` (from 1), `elapsed` after the first began. `random` is in 0..<1.
  public func action(
    after outcome: Outcome, attempts: Int, elapsed: Duration, budget: inout RetryBudget, random: Double
  ) -> Action {
    guard Self.isTransient(outcome) else {
      budget.succeeded()
      return .done
    }
    guard attempts < attemptsMax else { return .giveUp(.attempts) }
    let dice = min(max(random, 0), 1)
    var wait = min(cap, base * (1 << min(max(attempts - 1, 0), 20))) * dice
    if case .status(_, let retryAfter?) = outcome { wait = retryAfter + min(wait, retryAfter / 4 + base) }
    guard elapsed + wait < deadline else { return .giveUp(.deadline) }
    guard budget.withdraw() else { return .giveUp(.budget) }
    return .wait(wait)
  }

  /// Whether the same request may be answered differently later. Only for requests that may be sent twice.
  public static func isTransient(_ outcome: Outcome) -> Bool {
    switch outcome {
    case .status(let status, _):
      // 501 and 505 speak of the request, all other 5xx of the moment.
      status == 408 || status == 425 || status == 429 || (500...599).contains(status) && status != 501 && status != 505
    case .problem(.unreachable), .problem(.interrupted), .problem(.timeout): true
    case .problem: false
    }
  }
}

/// Bounds the retries of all requests of one client together: each costs a token, each answer that stands brings back a
/// tenth of one. When a server is down, its load is then one attempt a request and not `attemptsMax`.
public struct RetryBudget: Sendable, Equatable {
  /// In tenths of a retry.
  private let capacity: Int
  private var tenths: Int

  public init(retries: Int = 50) {
    precondition(retries > 0, "a budget of nothing is no retry policy")
    capacity = retries * 10
    tenths = capacity
  }

  /// Whole retries that are left.
  public var retries: Int { tenths / 10 }

  public mutating func withdraw() -> Bool {
    guard tenths >= 10 else { return false }
    tenths -= 10
    return true
  }

  public mutating func succeeded() { tenths = min(capacity, tenths + 1) }
}

/// The `Retry-After` header: seconds, or a date in one of the three forms of RFC 9110 section 5.6.7.
public enum RetryAfter {
  /// Nobody means more.
  private static let secondsMax = 86_400.0
  private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

  /// How long to wait from `nowMilliseconds` (since 1970) on; nil for what is neither form. A date that has passed is
  /// no wait at all.
  public static func parse(_ text: String, nowMilliseconds now: Int64) -> Duration? {
    let text = text.filter { $0 != "\t" }.split(separator: " ").joined(separator: " ")
    if let seconds = Double(text), text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }) {
      return .milliseconds(Int64(min(seconds, secondsMax) * 1_000))
    }
    guard let date = date(text, nowMilliseconds: now) else { return nil }
    return .milliseconds(min(max(0, date - now), Int64(secondsMax) * 1_000))
  }

  /// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
  private static func date(_ text: String, nowMilliseconds now: Int64) -> Int64? {
    let words = text.split { $0 == " " || $0 == "-" || $0 == "," }.map { $0.lowercased() }
    let (day, month, year, clock): (String, String, String, String)
    switch words.count {
    case 6 where words[5] == "gmt": (day, month, year, clock) = (words[1], words[2], words[3], words[4])
    case 5: (day, month, year, clock) = (words[2], words[1], words[4], words[3])
    default: return nil
    }
    guard let number = months.firstIndex(of: month), var fullYear = Int(year), let dayNumber = Int(day) else {
      return nil
    }
    if year.count == 2 {
      // A year of two digits is the one that is at most fifty years ahead.
      let current = Int(Timestamp.iso8601(now).prefix(4)) ?? 2000
      fullYear += current / 100 * 100
      if fullYear > current + 50 { fullYear -= 100 }
      if fullYear <= current - 50 { fullYear += 100 }
    }
    func padded(_ value: Int, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return Timestamp.parse("\(padded(fullYear, 4))-\(padded(number + 1, 2))-\(padded(dayNumber, 2))T\(clock)Z")
  }
}
