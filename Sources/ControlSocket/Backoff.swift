internal import Base

/// How long to wait before the next attempt: doubling from 50 ms to 2 s, each time between half and all of it, so that
/// many clients of one node do not return at the same moment. Owns no timer.
struct Backoff {
  static let first = Duration.milliseconds(50)
  static let longest = Duration.seconds(2)

  private var ceiling = Backoff.first

  mutating func next(using random: inout some RandomNumberGenerator) -> Duration {
    defer { ceiling = min(ceiling * 2, Self.longest) }
    return ceiling * Double.random(in: 0.5...1, using: &random)
  }

  mutating func reset() { ceiling = Self.first }
}
