/// A room's name within a namespace. The empty name is everybody in the namespace.
struct RoomKey: Hashable, Sendable {
  var namespace: String
  var room: String
}

/// The rooms that have members on one loop. A room is a slot; its members are slots of sessions in an array without
/// order, from which one is removed by moving the last into its place.
struct RoomTable {
  struct Room {
    var key: RoomKey
    var namespace: Int32
    var members: [Int32] = []
    /// The tick's broadcasts to this room, joined, as frames for all members that keep up.
    var buffer: [UInt8] = []
    var isDirty = false
    var frames: Int32 = 0
    /// Some of the tick's broadcasts are thoughts or updates, which a receiver's own limit counts.
    var isThrottled = false
    /// Some of them are worth compressing.
    var hasLong = false
  }

  private(set) var rooms: [Room] = []
  private var slots: [RoomKey: Int32] = [:]
  private var free: [Int32] = []

  var count: Int { slots.count }

  func find(_ key: RoomKey) -> Int32? { slots[key] }

  subscript(slot: Int32) -> Room {
    _read { yield rooms[Int(slot)] }
    _modify { yield &rooms[Int(slot)] }
  }

  mutating func make(_ key: RoomKey, namespace: Int32) -> Int32 {
    if let known = slots[key] { return known }
    let room = Room(key: key, namespace: namespace)
    let slot: Int32
    if let reused = free.popLast() {
      slot = reused
      rooms[Int(reused)] = room
    } else {
      slot = Int32(rooms.count)
      rooms.append(room)
    }
    slots[key] = slot
    return slot
  }

  /// Forgets a room without members. One that is dirty is forgotten after its flush.
  mutating func removeIfEmpty(_ slot: Int32) {
    let room = rooms[Int(slot)]
    guard room.members.isEmpty, !room.isDirty, slots[room.key] == slot else { return }
    slots[room.key] = nil
    rooms[Int(slot)] = Room(key: RoomKey(namespace: "", room: ""), namespace: -1)
    free.append(slot)
  }
}
