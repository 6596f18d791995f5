/// One shard's entries: an open-addressing index over a slab of nodes, and the queues of S3-FIFO (Yang et al., "FIFO
/// Queues are All You Need for Cache Eviction", SOSP 2023), weighed in bytes.
///
/// A new entry goes to the small queue. When it reaches the end without having been asked for again it leaves, and
/// only its hash is remembered, in the ghost queue; asked for once, it moves to the main queue. A hash that is still
/// among the ghosts when its key returns goes to the main queue directly. In the main queue an entry that was asked for
/// goes round again, each round costing one of its up to three credits. A hit writes one byte and moves nothing, which
/// is what makes it cheap under a lock.
///
/// The small queue's share adapts, since a fixed tenth is too short for work that returns to what it touched lately. A
/// key that returns soon after it left a queue would have been a hit, had that queue been a little longer: each such
/// return moves the border by the entry's weight. Soon is the same number of bytes for both queues, so that the border
/// comes to rest where either side would gain as much from the next byte.
///
/// The index holds the whole 64-bit hash beside the slab position, so that a probe touches one cache line; deletion
/// shifts followers back and leaves no tombstones (Knuth, TAOCP 3, 6.4, algorithm R).
struct ShardTable {
  struct Node {
    var item: CacheItem?
    var hash: UInt64
    /// The version of the rule book up to which the entry is known to be valid.
    var checked: UInt64
    /// When it may no longer be served: its expiry, or earlier.
    var deadline: Int64
    var weight: Int
    var previous: Int32 = -1
    var next: Int32 = -1
    var namespace: UInt16
    var credits: UInt8 = 0
    var isMain = false
  }

  private struct Bucket {
    var hash: UInt64 = 0
    var node: Int32 = -1
  }

  private struct Queue {
    var head: Int32 = -1
    var tail: Int32 = -1
    var bytes = 0
  }

  let bytesMax: Int
  private(set) var nodes: [Node] = []
  private(set) var count = 0
  private var buckets: [Bucket] = Array(repeating: Bucket(), count: 16)
  private var free: [Int32] = []
  private var small = Queue()
  private var main = Queue()
  /// What the small queue may hold before it has to give.
  private(set) var smallBytesMax: Int
  private let smallBytesRange: ClosedRange<Int>
  /// What left the small queue, for as long as it may still go to the main queue at once.
  private var ghosts: GhostQueue
  /// What left the main queue, for as long as its return counts.
  private var mainGhosts: GhostQueue

  init(bytesMax: Int) {
    self.bytesMax = bytesMax
    smallBytesMax = bytesMax / 10
    smallBytesRange = bytesMax / 20...bytesMax - bytesMax / 10
    ghosts = GhostQueue(weightMax: bytesMax - bytesMax / 10)
    mainGhosts = GhostQueue(weightMax: bytesMax / 10)
  }

  var bytes: Int { small.bytes + main.bytes }

  // MARK: Index

  /// The slab position of a key; -1 when it is not there.
  func find(_ key: CacheKey) -> Int32 {
    let mask = buckets.count - 1
    var slot = Int(truncatingIfNeeded: key.hash >> 8) & mask
    while buckets[slot].node >= 0 {
      if buckets[slot].hash == key.hash, let item = nodes[Int(buckets[slot].node)].item, item.key == key {
        return buckets[slot].node
      }
      slot = (slot + 1) & mask
    }
    return -1
  }

  mutating func credit(_ position: Int32) {
    if nodes[Int(position)].credits < 3 { nodes[Int(position)].credits += 1 }
  }

  mutating func markChecked(_ position: Int32, _ version: UInt64) { nodes[Int(position)].checked = version }

  private mutating func index(_ hash: UInt64, _ position: Int32) {
    if (count + 1) * 4 > buckets.count * 3 { grow() }
    let mask = buckets.count - 1
    var slot = Int(truncatingIfNeeded: hash >> 8) & mask
    while buckets[slot].node >= 0 { slot = (slot + 1) & mask }
    buckets[slot] = Bucket(hash: hash, node: position)
  }

  private mutating func grow() {
    let old = buckets
    buckets = Array(repeating: Bucket(), count: old.count * 2)
    let mask = buckets.count - 1
    for bucket in old where bucket.node >= 0 {
      var slot = Int(truncatingIfNeeded: bucket.hash >> 8) & mask
      while buckets[slot].node >= 0 { slot = (slot + 1) & mask }
      buckets[slot] = bucket
    }
  }

  private mutating func unindex(_ hash: UInt64, _ position: Int32) {
    let mask = buckets.count - 1
    var hole = Int(truncatingIfNeeded: hash >> 8) & mask
    while buckets[hole].node != position { hole = (hole + 1) & mask }
    var slot = (hole + 1) & mask
    while buckets[slot].node >= 0 {
      let home = Int(truncatingIfNeeded: buckets[slot].hash >> 8) & mask
      if (slot - home) & mask >= (slot - hole) & mask {
        buckets[hole] = buckets[slot]
        hole = slot
      }
      slot = (slot + 1) & mask
    }
    buckets[hole] = Bucket()
  }

  // MARK: Entries

  /// Puts a new entry in place of any old one of its key, and says what had to leave for want of room.
  mutating func insert(_ node: Node, key: CacheKey, evicted: (Node) -> Void) {
    let old = find(key)
    var credits: UInt8 = 0
    var wasMain = false
    if old >= 0 {
      credits = nodes[Int(old)].credits
      wasMain = nodes[Int(old)].isMain
      remove(old)
    }
    var node = node
    node.credits = credits
    node.isMain = wasMain || returnsToMain(node)
    let position = place(node)
    index(node.hash, position)
    count += 1
    push(position)
    while bytes > bytesMax, count > 1 { evict(sparing: position, evicted) }
  }

  mutating func remove(_ position: Int32) {
    unindex(nodes[Int(position)].hash, position)
    unlink(position)
    nodes[Int(position)].item = nil
    free.append(position)
    count -= 1
  }

  mutating func removeAll() {
    nodes = []
    free = []
    buckets = Array(repeating: Bucket(), count: 16)
    small = Queue()
    main = Queue()
    ghosts.removeAll()
    mainGhosts.removeAll()
    count = 0
  }

  private mutating func place(_ node: Node) -> Int32 {
    guard let position = free.popLast() else {
      nodes.append(node)
      return Int32(nodes.count - 1)
    }
    nodes[Int(position)] = node
    return position
  }

  // MARK: Queues

  private mutating func push(_ position: Int32) {
    let isMain = nodes[Int(position)].isMain
    var queue = isMain ? main : small
    nodes[Int(position)].previous = -1
    nodes[Int(position)].next = queue.head
    if queue.head >= 0 { nodes[Int(queue.head)].previous = position } else { queue.tail = position }
    queue.head = position
    queue.bytes += nodes[Int(position)].weight
    if isMain { main = queue } else { small = queue }
  }

  private mutating func unlink(_ position: Int32) {
    let node = nodes[Int(position)]
    var queue = node.isMain ? main : small
    if node.previous >= 0 { nodes[Int(node.previous)].next = node.next } else { queue.head = node.next }
    if node.next >= 0 { nodes[Int(node.next)].previous = node.previous } else { queue.tail = node.previous }
    queue.bytes -= node.weight
    if node.isMain { main = queue } else { small = queue }
  }

  /// Whether an entry that comes was sent away too early, and what follows from it for the share of the small queue.
  private mutating func returnsToMain(_ node: Node) -> Bool {
    // One heavy entry is one observation, and no reason to move everything.
    let step = min(node.weight, max(1, bytesMax / 100))
    if mainGhosts.remove(node.hash) != nil { moveBorder(by: -step) }
    guard let distance = ghosts.remove(node.hash) else { return false }
    if distance <= mainGhosts.weightMax { moveBorder(by: step) }
    return true
  }

  private mutating func moveBorder(by bytes: Int) {
    smallBytesMax = min(max(smallBytesMax + bytes, smallBytesRange.lowerBound), smallBytesRange.upperBound)
  }

  /// One step: something leaves, or moves to another queue. `newest` has just come and is not sent away at once.
  private mutating func evict(sparing newest: Int32, _ evicted: (Node) -> Void) {
    let isSmallFull = small.bytes > smallBytesMax || main.tail < 0
    if isSmallFull, small.tail >= 0, small.tail != newest {
      let position = small.tail
      let node = nodes[Int(position)]
      if node.credits > 0 {
        unlink(position)
        nodes[Int(position)].credits = 0
        nodes[Int(position)].isMain = true
        push(position)
      } else {
        ghosts.insert(node.hash, weight: node.weight)
        evicted(node)
        remove(position)
      }
    } else {
      let position = main.tail >= 0 ? main.tail : small.tail
      let node = nodes[Int(position)]
      if node.credits > 0 || position == newest {
        unlink(position)
        if node.credits > 0 { nodes[Int(position)].credits -= 1 }
        push(position)
      } else {
        mainGhosts.insert(node.hash, weight: node.weight)
        evicted(node)
        remove(position)
      }
    }
  }
}
