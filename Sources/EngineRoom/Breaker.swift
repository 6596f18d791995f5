/// Whether a server that failed is asked again: a circuit breaker (Michael Nygard, "Release It!", chapter 5). A pure
/// machine: no clock and no dice of its own.
///
/// Closed, everybody asks. A failure opens it: for a while nobody waits for a server that does not answer. After that
/// one asks on trial, and the others go on without until it has the answer: a success closes the breaker, another
/// failure opens it for twice as long. A random part of the pause is left out, so that nodes that lost a server
/// together do not return to it together.
struct Breaker: Sendable, Equatable {
  /// After the first failure; it doubles with every further one.
  static let pause = Duration.seconds(1)
  static let pauseMax = Duration.seconds(60)

  private var failures = 0
  private var opensAgain: ContinuousClock.Instant?

  /// Whether to ask at `now`. On trial, the next one may ask after `patience`, when the answer is overdue.
  mutating func mayAsk(at now: ContinuousClock.Instant, patience: Duration) -> Bool {
    guard let until = opensAgain else { return true }
    guard now >= until else { return false }
    opensAgain = now + patience
    return true
  }

  mutating func succeeded() { self = Breaker() }

  /// `random` is in 0..<1.
  mutating func failed(at now: ContinuousClock.Instant, random: Double) {
    let pause = min(Self.pauseMax, Self.pause * (1 << min(failures, 10)))
    failures += 1
    opensAgain = now + pause * (1 - min(max(random, 0), 1) / 2)
  }
}
