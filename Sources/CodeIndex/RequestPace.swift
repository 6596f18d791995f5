/// So many requests a minute, evenly: the generic cell rate algorithm (ITU-T I.371), which needs one number. A pure
/// machine: time is what the caller says, counted from any beginning.
struct RequestPace: Sendable {
  private let interval: Duration
  private let tolerance: Duration
  /// When the next request would be due if all came evenly.
  private var due: Duration = .zero

  /// `burst` requests may come at once when it was quiet before.
  init(perMinute: Int, burst: Int) {
    precondition(perMinute > 0 && burst > 0, "a pace of nothing never goes on")
    interval = .seconds(60) / perMinute
    tolerance = interval * (burst - 1)
  }

  /// Books a request and says how long it has to wait.
  mutating func next(now: Duration) -> Duration {
    let start = max(due, now)
    due = start + interval
    return max(.zero, start - now - tolerance)
  }

  /// The server asked for quiet: nothing is due before then.
  mutating func pause(until: Duration) { due = max(due, until + tolerance) }
}
