/// The broadcasts of the last minutes, for clients that come back. Owned by the sequencer and called under its lock, so
/// nothing here may wait. The offset is a vector (`origin.sequence~origin.sequence`): two nodes see different
/// interleavings of the same origins, so one number could not say what a client has seen.
protocol BroadcastHistory: Sendable {
  /// Notes that this place of an origin was reached, and returns the offset that receivers are given with it.
  mutating func stamp(origin: BroadcastOrigin) -> [UInt8]
  /// Keeps a broadcast that may be recovered (`offset` not empty). Bounded in number, bytes and age.
  mutating func append(_ broadcast: Broadcast)
  /// What members of `rooms` missed since `offset`, in this node's order. Nil: some of it is gone, or the offset is
  /// malformed.
  func missed(namespace: String, rooms: [String], since offset: String) -> [Broadcast]?
  /// The same after the cluster has answered: `covered` is that of `RecoveredSession`, whose `older` come first.
  func missed(namespace: String, rooms: [String], since offset: String, covered: [String: UInt64]?) -> [Broadcast]?
  /// An origin is known to have reached this place; nothing that this node should have seen was missed.
  mutating func advance(origin: String, to sequence: UInt64)
  /// What an origin sent up to this place cannot be recovered here.
  mutating func cut(origin: String, through sequence: UInt64)
  /// The offset of a client that connects now.
  var currentOffset: [UInt8] { get }
}

/// A node that keeps nothing: every client that comes back is a new one.
struct NoHistory: BroadcastHistory {
  mutating func stamp(origin: BroadcastOrigin) -> [UInt8] { [] }
  mutating func append(_ broadcast: Broadcast) {}
  func missed(namespace: String, rooms: [String], since offset: String) -> [Broadcast]? { nil }
  func missed(namespace: String, rooms: [String], since offset: String, covered: [String: UInt64]?) -> [Broadcast]? {
    nil
  }
  mutating func advance(origin: String, to sequence: UInt64) {}
  mutating func cut(origin: String, through sequence: UInt64) {}
  var currentOffset: [UInt8] { [] }
}
