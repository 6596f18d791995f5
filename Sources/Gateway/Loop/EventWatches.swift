internal import ControlPlane

/// The last events of the few sockets that somebody is looking at. Asking for a socket starts or prolongs its watch;
/// all others cost their loop one comparison an event.
struct EventWatches {
  typealias Activity = SocketDetail.Activity

  private struct Watch {
    var generation: UInt32
    /// Monotonic nanoseconds.
    var until: UInt64
    /// Oldest first.
    var recent: [Activity] = []
  }

  /// How long a look lasts, in nanoseconds.
  static let duration: UInt64 = 10_000_000_000
  static let recentMax = 20
  /// Sockets of one loop that are watched at once; whoever asks for another one sees no events of it.
  static let watchesMax = 256

  /// By slot.
  private var watches: [Int32: Watch] = [:]

  var isEmpty: Bool { watches.isEmpty }

  /// What was seen so far, newest first. From now on it is watched, for a while.
  mutating func look(_ slot: Int32, generation: UInt32, now: UInt64) -> [Activity] {
    prune(now: now)
    if watches[slot]?.generation != generation {
      watches[slot] = nil
      guard watches.count < Self.watchesMax else { return [] }
    }
    watches[slot, default: Watch(generation: generation, until: 0)].until = now + Self.duration
    return watches[slot]?.recent.reversed() ?? []
  }

  func isWatched(_ slot: Int32, generation: UInt32) -> Bool { watches[slot]?.generation == generation }

  mutating func record(_ slot: Int32, _ activity: Activity) {
    guard let count = watches[slot]?.recent.count else { return }
    if count >= Self.recentMax { watches[slot]?.recent.removeFirst(count - Self.recentMax + 1) }
    watches[slot]?.recent.append(activity)
  }

  /// Nobody looks any more.
  mutating func prune(now: UInt64) {
    if !watches.isEmpty { watches = watches.filter { $0.value.until > now } }
  }
}
