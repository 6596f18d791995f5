internal import Base

/// `--since` and `--limit` of the verbs that read records.
enum TimeArgument {
  /// Milliseconds since 1970 of `2h` (that long ago) or of an ISO time in UTC.
  static func milliseconds(_ text: String, clock: any WallClock = SystemWallClock()) throws(Failure) -> Int64 {
    if let moment = Timestamp.parse(text) { return moment }
    let hasUnit = text.utf8.last.map { !(48...57).contains($0) } ?? false
    if hasUnit, let age = Quantity.milliseconds(text) {
      let (moment, isOverflow) = clock.nowMilliseconds().subtractingReportingOverflow(age)
      return isOverflow ? 0 : moment
    }
    throw Failure(
      .invalid,
      "--since '\(DisplayText(text).truncated(to: 80))' must be an age such as 30m or 2h, "
        + "or a UTC time such as 2026-11-20T23:14")
  }

  static func limit(_ count: Int) throws(Failure) -> Int {
    guard (1...100_000).contains(count) else {
      throw Failure(.invalid, "--limit '\(count)' must be a whole number from 1 to 100000")
    }
    return count
  }
}
