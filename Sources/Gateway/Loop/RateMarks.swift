/// Events a second of each session, over the last second or two.
///
/// Sessions count their events and nothing else. Who asks for rates leaves a copy of all counters, a *mark*, and is
/// told the difference to an older one; a new mark is taken at most once a second, and the two newest are kept:
///
///     looks   0   .5   1.0  1.5   2.0   2.5
///     marks   A        B          C
///     since       A    A    A→B   B     B→C       the newest mark that is nearly a second old, else the oldest
///
/// So a rate covers one to two seconds however often it is asked for. Nothing is kept for nobody: a mark of which
/// `ageMax` has passed since the last one is of no use to the next look and goes.
struct RateMarks {
  /// A session's counters, and which session of its slot they belong to.
  struct Count {
    var generation: UInt32
    var input: UInt32
    var output: UInt32
  }

  private struct Mark {
    var at: UInt64
    var counts: [Count]
  }

  // Nanoseconds.
  static let interval: UInt64 = 1_000_000_000
  /// A difference over less says nothing of a second.
  static let ageMin: UInt64 = 400_000_000
  static let ageMax: UInt64 = 5_000_000_000
  private static let goodAge: UInt64 = 900_000_000

  /// Oldest first, at most two.
  private var marks: [Mark] = []

  /// Whether a look at `now` finds a mark that is old enough; `look` with the same `now` leaves one if not.
  func isReady(now: UInt64) -> Bool {
    guard let first = marks.first, !isStale(now: now) else { return false }
    return now &- first.at >= Self.ageMin
  }

  func isStale(now: UInt64) -> Bool { marks.last.map { now &- $0.at > Self.ageMax } ?? false }

  mutating func forget() { marks = [] }

  /// Takes a mark when the last one is a second old. `counts`: by slot.
  mutating func look(now: UInt64, counts: () -> [Count]) {
    if isStale(now: now) { forget() }
    if let last = marks.last, now &- last.at < Self.interval { return }
    if marks.count == 2 { marks.removeFirst() }
    marks.append(Mark(at: now, counts: counts()))
  }

  /// Events a second from and to the session in `slot`, which began at `connectedAt`.
  func rates(_ slot: Int, _ count: Count, connectedAt: UInt64, now: UInt64) -> (input: Double, output: Double) {
    let mark = marks.last { now &- $0.at >= Self.goodAge } ?? marks.first
    guard let mark, slot < mark.counts.count, mark.counts[slot].generation == count.generation else {
      // It is younger than the mark: all it did counts, over a time that is not made too short.
      let seconds = Double(max(now &- connectedAt, Self.interval)) / 1e9
      return (Double(count.input) / seconds, Double(count.output) / seconds)
    }
    let seconds = Double(max(now &- mark.at, Self.ageMin)) / 1e9
    let old = mark.counts[slot]
    return (Double(count.input &- old.input) / seconds, Double(count.output &- old.output) / seconds)
  }
}
