/// Decides when the next picture is due. Rules: nothing is painted unless the model's version changed; what a key
/// changed is painted at once; what data changed waits for its turn, so that a busy node costs no more than `interval`
/// allows; and while a bench of this machine runs, data is painted once in two seconds, because the picture would be
/// part of what is measured.
struct FrameClock: Sendable, Equatable {
  /// Choices of `+` and `-`: milliseconds between two pictures of changed data.
  static let intervals: [Int64] = [250, 500, 1_000, 2_000, 5_000, 10_000]
  /// Two pictures a second unless asked otherwise.
  static let defaultInterval: Int64 = 500
  /// Never more than ten pictures a second of data, whatever is asked.
  static let minimumInterval: Int64 = 100
  /// Half a picture a second while a bench runs here.
  static let benchInterval: Int64 = 2_000

  private(set) var interval = FrameClock.defaultInterval
  private(set) var isFrozenForBench = false
  private var paintedVersion: UInt64?
  private var paintedAt: Int64 = .min / 2

  /// Milliseconds between two pictures of data in effect now.
  var effectiveInterval: Int64 {
    isFrozenForBench ? max(interval, Self.benchInterval) : max(interval, Self.minimumInterval)
  }

  /// `milliseconds` outside of what is allowed is brought into it.
  mutating func setInterval(_ milliseconds: Int64) {
    interval = min(max(milliseconds, Self.minimumInterval), Self.intervals.last ?? Self.defaultInterval)
  }

  mutating func setBenchRunning(_ isRunning: Bool) { isFrozenForBench = isRunning }

  /// Whether to paint `version` at `now`. `isUrgent`: a key, a click or a resize is behind the change.
  func isDue(version: UInt64, isUrgent: Bool, now: Int64) -> Bool {
    guard version != paintedVersion else { return false }
    return isUrgent || now - paintedAt >= effectiveInterval
  }

  mutating func painted(version: UInt64, now: Int64) {
    paintedVersion = version
    paintedAt = now
  }

  /// Milliseconds until a changed picture may be painted; nil when nothing has changed.
  func wait(version: UInt64, now: Int64) -> Int64? {
    guard version != paintedVersion else { return nil }
    return max(0, paintedAt + effectiveInterval - now)
  }
}
