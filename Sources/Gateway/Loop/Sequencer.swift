internal import Synchronization

/// Gives every broadcast of this node its place in one order.
///
/// Under one lock a broadcast gets its number, its recovery offset, a place in the history and in the mailbox of every
/// loop that has members of its rooms. So all loops see one order, one sender's events to one room keep theirs, and
/// what the history says was sent before a number was in every mailbox before that number. Nothing here waits, encodes
/// or sends: a broadcast costs some hundred nanoseconds of the lock.
final class Sequencer: Sendable {
  private struct State {
    var next: UInt64 = 1
    var history: any BroadcastHistory
    /// Members on each loop. What has none is not there.
    var members: [RoomKey: [Int32]] = [:]
    /// Numbers for foreign servers, which have none; those that are not there have at most `foreignFloor`.
    var foreign: [String: UInt64] = [:]
    var foreignFloor: UInt64 = 0
  }

  static let foreignMax = 256

  let node: String
  private let state: Mutex<State>
  private let mailboxes: [Mailbox]
  private let adapter: any ClusterAdapter

  init(node: String, mailboxes: [Mailbox], adapter: any ClusterAdapter, history: any BroadcastHistory) {
    self.node = node
    self.mailboxes = mailboxes
    self.adapter = adapter
    state = Mutex(State(history: history))
  }

  /// `remote`: it came from another node and is not published again.
  @discardableResult
  func emit(_ emission: Emission, remote: RemoteBroadcast? = nil) -> EmissionReceipt {
    state.withLock { state in
      let sequence = state.next
      state.next += 1
      let origin = BroadcastOrigin(
        id: remote?.originID ?? node,
        sequence: remote.map { $0.originSequence ?? nextForeign($0.originID, &state) } ?? sequence)
      let isKept = !emission.isVolatile && emission.attachments.isEmpty
      let offset = isKept ? state.history.stamp(origin: origin) : []
      let broadcast = Broadcast(
        emission: emission, origin: origin, sequence: sequence, sequencedAt: MonotonicTime.now(), offset: offset)
      if !offset.isEmpty { state.history.append(broadcast) }
      let (targets, members) = audience(emission, state)
      var isWhole = true
      for (loop, isTarget) in targets.enumerated() where isTarget {
        isWhole = mailboxes[loop].post(.broadcast(broadcast), isDroppable: true) && isWhole
      }
      if remote == nil, !emission.isLocal { adapter.publish(broadcast) }
      return EmissionReceipt(outcome: isWhole ? .sent(sequence: sequence) : .dropped, localMembers: members)
    }
  }

  private func nextForeign(_ origin: String, _ state: inout State) -> UInt64 {
    // Numbers never go back: what is below those a client has seen would not be told to it when it comes back.
    if state.foreign[origin] == nil, state.foreign.count >= Self.foreignMax {
      state.foreignFloor = state.foreign.values.max() ?? state.foreignFloor
      state.foreign.removeAll()
    }
    let number = (state.foreign[origin] ?? state.foreignFloor) + 1
    state.foreign[origin] = number
    return number
  }

  private func audience(_ emission: Emission, _ state: borrowing State) -> ([Bool], Int) {
    var targets = [Bool](repeating: false, count: mailboxes.count)
    var count = 0
    for room in emission.rooms.isEmpty ? [""] : emission.rooms {
      if let members = state.members[RoomKey(namespace: emission.namespace, room: room)] {
        for (loop, number) in members.enumerated() where number > 0 {
          targets[loop] = true
          count += Int(number)
        }
      } else if let socket = SessionID(room), Int(socket.loop) < targets.count {
        targets[Int(socket.loop)] = true
        count += 1
      }
    }
    return (targets, count)
  }

  // MARK: Members

  func joined(_ key: RoomKey, loop: Int) {
    state.withLock { state in
      let isFirst = state.members[key] == nil
      state.members[key, default: Array(repeating: 0, count: mailboxes.count)][loop] += 1
      if isFirst { adapter.roomBecameLocal(namespace: key.namespace, room: key.room) }
    }
  }

  func left(_ key: RoomKey, loop: Int) {
    state.withLock { state in
      guard let members = state.members[key] else { return }
      if members.reduce(0, +) <= 1 {
        state.members[key] = nil
        adapter.roomLeft(namespace: key.namespace, room: key.room)
      } else {
        state.members[key]?[loop] -= 1
      }
    }
  }

  /// Members on this node.
  func members(_ key: RoomKey) -> Int {
    state.withLock { $0.members[key].map { $0.reduce(0) { $0 + Int($1) } } ?? 0 }
  }

  /// Rooms of a namespace with members here.
  func rooms(_ namespace: String) -> [String] {
    state.withLock { state in
      state.members.keys.filter { $0.namespace == namespace && !$0.room.isEmpty }.map(\.room)
    }
  }

  var roomCount: Int { state.withLock { $0.members.keys.count { !$0.room.isEmpty } } }

  // MARK: Coming back

  var currentOffset: [UInt8] { state.withLock { $0.history.currentOffset } }

  /// What a client missed; with it, under the same lock, the broadcasts that wait in `loop`'s mailbox are known to be
  /// exactly those numbered before. `frozen` runs while nothing can be sequenced.
  func missed<Result>(
    namespace: String, rooms: [String], since offset: String, held: [HeldStream] = [], covered: [String: UInt64],
    frozen: ([Broadcast]?) -> Result
  ) -> Result {
    state.withLock { state in
      let covered = covered.isEmpty ? nil : covered
      guard
        var missed = state.history.missed(namespace: namespace, rooms: rooms, since: offset, covered: covered)
      else { return frozen(nil) }
      guard !held.isEmpty else { return frozen(missed) }
      var known = Set(missed.map(\.sequence))
      for stream in held {
        // What its offset says it has seen and this connection held back.
        let rest = state.history.missed(
          namespace: namespace, rooms: stream.rooms, since: stream.after, covered: covered)
        guard let rest else { return frozen(nil) }
        missed += rest.filter { stream.kind == $0.emission.kind && known.insert($0.sequence).inserted }
      }
      return frozen(missed.sorted { $0.sequence < $1.sequence })
    }
  }

  func advance(origin: String, to sequence: UInt64) {
    state.withLock { $0.history.advance(origin: origin, to: sequence) }
  }

  func cut(origin: String, through sequence: UInt64) {
    state.withLock { $0.history.cut(origin: origin, through: sequence) }
  }
}
