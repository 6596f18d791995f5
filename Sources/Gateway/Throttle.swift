internal import DequeModule

/// Limits the deliveries of `agent-thought` and `task-update` to one key: a room before the fan-out, then a receiving
/// user. A pure machine: the caller passes the time (monotonic nanoseconds) and asks again at `nextDue`.
///
/// The rate is that of GCRA (ITU-T I.371, the leaky bucket as a meter): each key has one number, the time at which it
/// would be idle if everything delivered so far had been spread evenly. An event may go when that time is no more
/// than `burst - 1` intervals ahead. Several keys may share one number (`SharedPace`).
///
/// What may not go is held in the stream of its agent or task. A stream is a short queue of events; an event that
/// means the same receivers as the last held one joins it: a thought is appended to its array, an update takes its
/// place. So nothing is reordered within a stream. When a key's next delivery is due, one stream sends its oldest
/// event: that of the highest priority, where every interval of waiting counts as one step of priority, so a
/// waiting stream is passed by at most nine steps' worth of newer ones and never starves; among equals the one that
/// waits longest.
///
///     t/ms      0     20    50    100        150   200
///     offered   A1    A2    B1               A3
///     sent      A1                [A2]             B1   …then [A3]
///
/// Whoever is idle costs nothing: a key without held events is forgotten when its time has passed.
struct Throttle<Key: Hashable & Sendable>: Sendable {
  /// An event and what its receivers are given as recovery offset (the newest of what was merged).
  struct Item: Sendable, Equatable {
    var emission: Emission
    var offset: [UInt8] = []
    var origin: BroadcastOrigin?
  }

  enum Verdict: Sendable, Equatable {
    /// Goes out now.
    case deliver
    /// Is kept and comes out of `release`.
    case held
    /// A bound is reached.
    case dropped
  }

  struct Release: Sendable, Equatable {
    var key: Key
    var item: Item
  }

  private struct Keyed {
    var pace = ThrottlePace()
    /// In the place of `pace`, when others share it.
    var shared: SharedPace?
    var isScheduled = false
    var streams: [Emission.Kind: ThrottleStream] = [:]

    mutating func take(_ ticket: UInt64, now: UInt64, _ policy: ThrottlePolicy, _ interval: UInt64) -> Bool {
      shared?.take(ticket, now: now, policy, interval) ?? pace.take(now: now, policy, interval)
    }
  }

  let policy: ThrottlePolicy
  private(set) var counters = ThrottleCounters()
  private(set) var heldBytes = 0
  private var keys: [Key: Keyed] = [:]
  /// Keys by the time of their next turn. Every key appears at most once.
  private var turns = ThrottleTurns<Key>()

  init(_ policy: ThrottlePolicy = .room) { self.policy = policy }

  /// Keys that have state; the idle ones among them go at their next turn.
  var keyCount: Int { keys.count }
  var heldEvents: Int { keys.values.reduce(0) { $0 + $1.streams.values.reduce(0) { $0 + $1.events.count } } }

  /// When `release` next has something to do.
  var nextDue: UInt64? { turns.first }

  /// Only events of an agent or a task are held, and none with attachments: those cannot be merged. `ticket` and
  /// `shared`: see `SharedPace`.
  mutating func offer(
    _ item: Item, for key: Key, sharing shared: SharedPace? = nil, ticket: UInt64 = 0, now: UInt64
  ) -> Verdict {
    guard let interval = policy.interval, item.emission.kind != .plain, item.emission.attachments.isEmpty else {
      return .deliver
    }
    var keyed = keys.removeValue(forKey: key) ?? Keyed()
    defer { keys[key] = keyed }
    // Whoever holds something keeps to the pace it was held by.
    if keyed.streams.isEmpty { keyed.shared = shared }
    if !keyed.isScheduled {
      keyed.isScheduled = true
      turns.add(key, at: now + interval)
    }
    if keyed.streams.isEmpty, keyed.take(ticket, now: now, policy, interval) { return .deliver }
    return hold(item, in: &keyed, now)
  }

  private mutating func hold(_ item: Item, in keyed: inout Keyed, _ now: UInt64) -> Verdict {
    let kind = item.emission.kind
    let isFull = keyed.streams[kind] == nil && keyed.streams.count >= policy.streamsMax
    guard !isFull, heldBytes + item.emission.arguments.count <= policy.heldBytesMax else {
      counters.dropped += 1
      return .dropped
    }
    var stream = keyed.streams.removeValue(forKey: kind) ?? ThrottleStream()
    let before = stream.bytes
    stream.add(item.emission, offset: item.offset, origin: item.origin, at: now, policy, &counters)
    heldBytes += stream.bytes - before
    if keyed.streams.isEmpty { keyed.shared?.began() }
    keyed.streams[kind] = stream
    counters.held += 1
    return .held
  }

  /// What is due, at most one event a key and turn, and no more than `limit`.
  mutating func release(now: UInt64, limit: Int = 1_024) -> [Release] {
    guard let interval = policy.interval else { return [] }
    var released: [Release] = []
    while released.count < limit, let key = turns.pop(dueBy: now) {
      guard var keyed = keys[key] else { continue }
      if keyed.streams.isEmpty {
        if keyed.shared != nil || keyed.pace.idleAt <= now {
          keys[key] = nil
        } else {
          turns.add(key, at: max(keyed.pace.idleAt, now + 1))
        }
        continue
      }
      var isServed = false
      if keyed.take(0, now: now, policy, interval) {
        if let item = next(from: &keyed, now, interval) { released.append(Release(key: key, item: item)) }
        if keyed.streams.isEmpty { keyed.shared?.ended() }
        isServed = true
      }
      turns.add(key, at: turn(of: keyed, isServed: isServed, now, interval))
      keys[key] = keyed
    }
    return released
  }

  /// Those who share a pace take turns: whoever was just served lets the others go first.
  private func turn(of keyed: Keyed, isServed: Bool, _ now: UInt64, _ interval: UInt64) -> UInt64 {
    let standing = keyed.shared?.standing ?? (idleAt: keyed.pace.idleAt, others: 0)
    let allowance = UInt64(policy.burst - 1) * interval
    let idleAt = standing.idleAt + (isServed ? UInt64(standing.others) * interval : 0)
    return max(idleAt > allowance ? idleAt - allowance : 0, now + 1)
  }

  private mutating func next(from keyed: inout Keyed, _ now: UInt64, _ interval: UInt64) -> Item? {
    let choice = keyed.streams.max { left, right in
      let (one, other) = (left.value.rank(now, interval), right.value.rank(now, interval))
      return one != other ? one < other : left.value.waitsSince > right.value.waitsSince
    }
    guard let kind = choice?.key, var stream = keyed.streams.removeValue(forKey: kind) else { return nil }
    let before = stream.bytes
    let event = stream.pop()
    heldBytes -= before - stream.bytes
    if !stream.events.isEmpty { keyed.streams[kind] = stream }
    return event.map { Item(emission: $0.emission, offset: $0.offset) }
  }

  /// The oldest event of every stream that a key holds: nothing of the stream was delivered from there on.
  func oldestHeld(_ key: Key) -> [Item] {
    guard let keyed = keys[key] else { return [] }
    return keyed.streams.values.compactMap { stream in
      stream.events.first.map { Item(emission: $0.emission, offset: $0.begins.offset, origin: $0.begins.origin) }
    }
  }

  /// Forgets a key and what it holds: the user left, the room is empty. Returns how many events went with it.
  mutating func forget(_ key: Key) -> Int {
    guard let keyed = keys.removeValue(forKey: key) else { return 0 }
    turns.remove(key)
    if !keyed.streams.isEmpty { keyed.shared?.ended() }
    heldBytes -= keyed.streams.values.reduce(0) { $0 + $1.bytes }
    return keyed.streams.values.reduce(0) { $0 + $1.events.count }
  }
}

/// Keys in the order of their turns: a binary heap whose entries know their place by a number, so that a key can be
/// taken out by leaving its entry behind.
struct ThrottleTurns<Key: Hashable & Sendable>: Sendable {
  private struct Turn {
    var time: UInt64
    var number: UInt64
    var key: Key
    func precedes(_ other: Turn) -> Bool { (time, number) < (other.time, other.number) }
  }

  private var heap: [Turn] = []
  private var current: [Key: UInt64] = [:]
  private var number: UInt64 = 0

  var first: UInt64? { heap.first?.time }

  mutating func add(_ key: Key, at time: UInt64) {
    number += 1
    current[key] = number
    heap.append(Turn(time: time, number: number, key: key))
    var child = heap.count - 1
    while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func remove(_ key: Key) { current[key] = nil }

  /// The key whose turn came first, if that was by `time`.
  mutating func pop(dueBy time: UInt64) -> Key? {
    while let first = heap.first, first.time <= time {
      removeFirst()
      guard current[first.key] == first.number else { continue }
      current[first.key] = nil
      return first.key
    }
    return nil
  }

  private mutating func removeFirst() {
    let last = heap.removeLast()
    guard !heap.isEmpty else { return }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].precedes(heap[least]) {
        least = child
      }
      if least == parent { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
