import Base
import SocketProtocol
import TestKit
import Testing

@testable import Gateway

@Suite struct RecoveryTests {
  /// A node's sequencer in small: numbers, stamps and keeps.
  struct Node {
    let name: String
    var log: BroadcastLog
    var next: UInt64 = 0

    init(_ name: String, _ limits: BroadcastLog.Limits = .init()) {
      self.name = name
      log = BroadcastLog(limits)
    }

    @discardableResult
    mutating func take(_ emission: Emission, origin: BroadcastOrigin? = nil, at time: UInt64 = 0) -> Broadcast {
      next += 1
      let origin = origin ?? BroadcastOrigin(id: name, sequence: next)
      let offset = log.stamp(origin: origin)
      let broadcast = Broadcast(
        emission: emission, origin: origin, sequence: next, sequencedAt: time, offset: offset)
      log.append(broadcast)
      return broadcast
    }

    func missed(_ rooms: [String], since offset: [UInt8]) -> [String]? {
      log.missed(namespace: "/", rooms: rooms, since: String(decoding: offset, as: UTF8.self))?.map(\.emission.event)
    }
  }

  static func emission(_ event: String, _ rooms: [String] = ["r"], except: [String] = []) -> Emission {
    Emission(rooms: rooms, except: except, event: event, arguments: Array("[\"\(event)\"]".utf8))
  }

  @Test func aClientMissesWhatWasSentToItsRoomsAfterItsOffset() {
    var node = Node("a")
    let start = node.log.currentOffset
    node.take(Self.emission("1"))
    let seen = node.take(Self.emission("2"))
    node.take(Self.emission("3"))
    node.take(Self.emission("other", ["q"]))
    node.take(Self.emission("not you", except: ["sid"]))
    node.take(Self.emission("all", []))
    #expect(node.missed(["r", "sid"], since: seen.offset) == ["3", "all"])
    #expect(node.missed(["r", "sid"], since: start) == ["1", "2", "3", "all"])
    #expect(node.missed(["r"], since: Array("rubbish".utf8)) == nil)
  }

  /// Two nodes see two origins in different interleavings. Wherever a client drops and wherever it returns, it gets
  /// every event once and each origin's events in order.
  @Test func anOffsetOfOneNodeIsRightOnTheOther() {
    SeededRandom.run { random in
      for _ in 0..<200 {
        var (one, other) = (Node("a"), Node("b"))
        var (toOther, toOne): ([Broadcast], [Broadcast]) = ([], [])
        var seenByClient: [(offset: [UInt8], events: [String])] = [(one.log.currentOffset, [])]
        for number in 0..<60 {
          switch Int.random(in: 0..<4, using: &random) {
          case 0:
            toOther.append(one.take(Self.emission("a\(number)")))
            note(toOther.last, &seenByClient)
          case 1: toOne.append(other.take(Self.emission("b\(number)")))
          case 2 where !toOther.isEmpty:
            let broadcast = toOther.removeFirst()
            other.take(broadcast.emission, origin: broadcast.origin)
          case 3 where !toOne.isEmpty:
            let broadcast = toOne.removeFirst()
            note(one.take(broadcast.emission, origin: broadcast.origin), &seenByClient)
          default: break
          }
        }
        for broadcast in toOther { other.take(broadcast.emission, origin: broadcast.origin) }
        let all = other.missed(["r"], since: []) ?? []
        for (offset, events) in seenByClient {
          let whole = events + (other.missed(["r"], since: offset) ?? ["nil"])
          #expect(whole.sorted() == all.sorted(), "\(random)")
          for origin in ["a", "b"] {
            #expect(whole.filter { $0.hasPrefix(origin) } == all.filter { $0.hasPrefix(origin) }, "\(random)")
          }
        }
      }
    }
  }

  private func note(_ broadcast: Broadcast?, _ seen: inout [(offset: [UInt8], events: [String])]) {
    guard let broadcast, let last = seen.last else { return }
    seen.append((broadcast.offset, last.events + [broadcast.emission.event]))
  }

  @Test func whatTheRingNoLongerHasIsNotPretended() {
    var limits = BroadcastLog.Limits()
    limits.broadcasts = 10
    var node = Node("a", limits)
    let first = node.take(Self.emission("0"))
    var offsets: [[UInt8]] = []
    for number in 1...20 { offsets.append(node.take(Self.emission("\(number)")).offset) }
    #expect(node.missed(["r"], since: first.offset) == nil)
    #expect(node.missed(["r"], since: offsets[8]) == nil)
    #expect(node.missed(["r"], since: offsets[9])?.count == 10)
    limits.ageNanoseconds = 1_000
    var aged = Node("a", limits)
    let old = aged.take(Self.emission("old"), at: 0)
    aged.take(Self.emission("new"), at: 5_000)
    aged.take(Self.emission("newer"), at: 5_500)
    #expect(aged.missed(["r"], since: old.offset)?.count == 2 && aged.missed(["r"], since: []) == nil)
    limits.bytes = 4_000
    var heavy = Node("a", limits)
    for number in 0..<100 { heavy.take(Self.emission("\(number)")) }
    #expect(heavy.log.bytes <= 4_000 && heavy.log.count < 10)
  }

  @Test func whatCameBeforeThisNodeIsCutOffUnlessTheClusterCoversIt() {
    var node = Node("b")
    node.log.cut(origin: "a", through: 50)
    node.take(Self.emission("51"), origin: BroadcastOrigin(id: "a", sequence: 51))
    node.take(Self.emission("60"), origin: BroadcastOrigin(id: "a", sequence: 60))
    #expect(node.missed(["r"], since: Array("a.14".utf8)) == nil)  // 40 in base 36
    #expect(node.missed(["r"], since: Array("a.1e".utf8)) == ["51", "60"])
    let covered = node.log.missed(namespace: "/", rooms: ["r"], since: "a.14", covered: ["a": 55])
    #expect(covered?.map(\.emission.event) == ["60"])
    // An origin that neither the client nor the cluster knows is older than anybody's absence.
    #expect(node.log.missed(namespace: "/", rooms: ["r"], since: "c.1", covered: [:])?.count == 2)
  }

  @Test func originsThatNoOffsetCanNameAreNotRecoverable() {
    var node = Node("a")
    #expect(node.take(Self.emission("x"), origin: BroadcastOrigin(id: "we~ird", sequence: 1)).offset.isEmpty)
    #expect(node.missed(["r"], since: node.log.currentOffset) == [])
  }

  @Test func aSessionComesBackOnceAndInTime() {
    var limits = RecoveryStore.Limits()
    (limits.lifeNanoseconds, limits.sessions) = (1_000, 3)
    var store = RecoveryStore(limits)
    for number in 0..<4 { store.keep(Self.session("p\(number)"), now: UInt64(number)) }
    #expect(store.count == 3 && store.dropped == 1 && store.take("p0", now: 5) == nil)
    #expect(store.take("p1", now: 5)?.pid == "p1" && store.take("p1", now: 5) == nil)
    #expect(store.take("p2", now: 1_002) == nil && store.take("p3", now: 1_002)?.pid == "p3")
    #expect(store.bytes == 0 && store.count == 0)
    for number in 0..<10_000 {
      store.keep(Self.session("q"), now: 2_000 + UInt64(number))
      if number.isMultiple(of: 3) { store.forget("q") }
    }
    #expect(store.count <= 1)
  }

  /// Nobody came back: memory returns to where it was, and the cluster is told, without another client's doing.
  @Test func whoDoesNotComeBackIsForgottenEverywhere() async {
    let clock = ManualClock()
    let adapter = ForgettingAdapter()
    let desk = RecoveryDesk(adapter: adapter, isCluster: true, limits: .init(), clock: clock) {
      UInt64(clock.now.offset.nanoseconds)
    }
    let sweep = Task { await desk.sweep(on: clock) }
    for number in 0..<1_000 { desk.dropped(Self.session("p\(number)")) }
    #expect(desk.standing.count == 1_000 && desk.standing.bytes > 0)
    var passed = Duration.zero
    while passed < .seconds(640) {
      #expect(await eventually { clock.sleeperCount == 1 })
      clock.advance(by: .seconds(20))
      passed += .seconds(20)
    }
    #expect(desk.standing.count == 1_000, "ten minutes are promised")
    for _ in 0..<3 {
      #expect(await eventually { clock.sleeperCount == 1 })
      clock.advance(by: .seconds(20))
    }
    #expect(await eventually { desk.standing.count == 0 && adapter.forgotten.count == 1_000 })
    #expect(desk.standing.bytes == 0)
    sweep.cancel()
    await sweep.value
  }

  private struct ForgettingAdapter: ClusterAdapter {
    let forgotten = Collected<String>()
    private let local = LocalAdapter()

    func publish(_ broadcast: Broadcast) {}
    func roomBecameLocal(namespace: String, room: String) {}
    func roomLeft(namespace: String, room: String) {}
    func saveSession(_ record: RecoverySession) {}
    func forgetSession(pid: String) { forgotten.append(pid) }
    func recover(pid: String, offset: String) async -> RecoveredSession? { nil }
    func ask(
      _ emission: Emission, within deadline: Duration, heard: @escaping @Sendable (ClusterAnswer) -> Void
    ) async -> ClusterQuestion? { nil }
    func audience(namespace: String, rooms: [String], within deadline: Duration) async -> ClusterAudience { .init() }
    var state: ClusterState { local.state }
  }

  @Test func sessionsComeBackFromTheirRecord() throws {
    let session = Self.session("p")
    #expect(try RecoverySession(decoding: session.encoded) == session)
    var connected = session
    connected.droppedAtMilliseconds = nil
    #expect(try RecoverySession(decoding: connected.encoded) == connected)
    for count in 0..<session.encoded.count {
      #expect(throws: MessagePackError.self) { try RecoverySession(decoding: Array(session.encoded.prefix(count))) }
    }
  }

  static func session(_ pid: String) -> RecoverySession {
    RecoverySession(
      pid: pid, sid: "sid-\(pid)", namespace: "/", user: "u", rooms: ["r", "ä"], droppedAtMilliseconds: 1_000)
  }
}

@Suite struct ClusterOutboxTests {
  private func broadcast(_ sequence: UInt64, isVolatile: Bool = false, bytes: Int = 10) -> Broadcast {
    Broadcast(
      emission: Emission(
        rooms: ["r"], event: "e", arguments: [UInt8](repeating: 0x20, count: bytes), isVolatile: isVolatile),
      origin: BroadcastOrigin(id: "n", sequence: sequence), sequence: sequence, sequencedAt: 0, offset: [])
  }

  private func sequences(_ outbox: ClusterOutbox) -> [UInt64] {
    outbox.next(countMax: 100, bytesMax: .max).map(\.sequence)
  }

  @Test func whatWasUnderWayIsContinuedBehindTheLog() {
    var outbox = ClusterOutbox()
    for sequence in 1...5 as ClosedRange<UInt64> { outbox.append(broadcast(sequence), isConnected: true) }
    outbox.acknowledge(outbox.next(countMax: 2, bytesMax: .max), now: 0)
    outbox.resume(after: 4, now: 0)
    #expect(sequences(outbox) == [5] && outbox.acknowledged == 4 && outbox.lost == 0 && outbox.published == 4)
    #expect(outbox.next(countMax: 9, bytesMax: .max).first?.previous == 4)
  }

  @Test func aRedisThatForgotIsToldAgain() {
    var outbox = ClusterOutbox()
    for sequence in 1...5 as ClosedRange<UInt64> { outbox.append(broadcast(sequence), isConnected: true) }
    outbox.acknowledge(outbox.next(countMax: 4, bytesMax: .max), now: 0)
    outbox.resume(after: 2, now: 0)
    #expect(sequences(outbox) == [3, 4, 5] && outbox.lost == 0)
    outbox.acknowledge(outbox.next(countMax: 9, bytesMax: .max), now: 0)
    outbox.resume(after: nil, now: 120_000_000_000)
    #expect(sequences(outbox) == [] && outbox.lost == 5)
  }

  @Test func theOldestGoWhenTheQueueIsFullAndThatIsSaid() {
    var limits = ClusterOutbox.Limits()
    limits.pendingMax = 3
    var outbox = ClusterOutbox(limits)
    for sequence in 1...5 as ClosedRange<UInt64> { outbox.append(broadcast(sequence), isConnected: false) }
    outbox.append(broadcast(6, isVolatile: true), isConnected: false)
    #expect(sequences(outbox) == [3, 4, 5] && outbox.dropped == 3 && outbox.lost == 2)
    #expect(outbox.next(countMax: 9, bytesMax: .max).first?.previous == 2)
    #expect(outbox.next(countMax: 9, bytesMax: 1).count == 1)
  }

  @Test func theLogsFloorFollowsNumberBytesAndAge() {
    var limits = ClusterOutbox.Limits()
    (limits.logMax, limits.logBytesMax, limits.logAgeNanoseconds) = (128, 1 << 20, 10_000_000_000)
    var outbox = ClusterOutbox(limits)
    func publish(_ sequence: UInt64, _ bytes: Int, _ now: UInt64) {
      outbox.append(broadcast(sequence, bytes: bytes), isConnected: true)
      outbox.acknowledge(outbox.next(countMax: 9, bytesMax: .max), now: now)
    }
    for sequence in 1...1_000 as ClosedRange<UInt64> { publish(sequence, 10, 0) }
    #expect((860...880).contains(outbox.logFloor))
    for sequence in 1_001...1_020 as ClosedRange<UInt64> { publish(sequence, 200_000, 0) }
    #expect(outbox.logFloor >= 1_014)
    publish(1_021, 10, 20_000_000_000)
    #expect(outbox.logFloor == 1_020)
  }
}
