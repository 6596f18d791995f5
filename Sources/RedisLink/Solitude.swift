/// Whether a command that finds the connection quiet may serve itself: write, wait a moment for the reply and read it,
/// on the thread of its own task. That saves both thread switches of a lone request. But while many tasks ask at once
/// it would only keep their commands from going out together, and at a distant Redis a moment is never enough. So it is
/// allowed after a time without company, and after each vain wait less often.
///
/// It holds a thread of the tasks' pool for as long as a small read from a file may, one at a time for a connection,
/// and never waits for another task.
struct Solitude {
  /// Commands that must have been alone in a row before one serves itself.
  static let aloneMin = 8
  /// How long one waits for its reply, in nanoseconds: several times what a Redis on the same machine needs.
  static let patience: UInt64 = 200_000
  /// Commands that do not try after a vain wait, at most.
  static let penaltyMax = 1_024

  private var alone = Self.aloneMin
  private var penalty = 0
  private var skips = 0
  /// Served so far.
  private(set) var served = 0

  /// So many wait for replies after new ones were accepted.
  mutating func saw(_ waiting: Int) { alone = waiting == 1 ? min(alone + 1, Self.aloneMin) : 0 }

  /// Whether the next one may; counts it when not.
  mutating func permits() -> Bool {
    guard alone == Self.aloneMin else { return false }
    guard skips == 0 else {
      skips -= 1
      return false
    }
    return true
  }

  mutating func ended(inTime: Bool) {
    served += 1
    penalty = inTime ? 0 : min(penalty * 2 + 1, Self.penaltyMax)
    skips = penalty
  }
}
