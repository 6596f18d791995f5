import Telemetry
import Testing

@testable import Load

@Suite struct LedgerTests {
  private func ledger(receivers: Int, rooms: Int = 1, publishers: Int = 1) -> Ledger {
    var ledger = Ledger(receivers: receivers, publishers: publishers, rooms: rooms)
    ledger.window = 0..<1_000
    for receiver in 0..<receivers { ledger.joined(room: receiver % rooms) }
    return ledger
  }

  @Test func anEventIsUnderWayUntilItsLastReceiverHasIt() throws {
    var ledger = ledger(receivers: 3)
    let stamp = ledger.publish(publisher: 0, room: 0, at: 10)
    for receiver in 0..<3 {
      #expect(ledger.underWay == 1)
      try ledger.arrived(stamp, receiver: receiver, at: 20)
    }
    #expect(ledger.underWay == 0 && ledger.deliveries == 3 && ledger.lost == 0 && ledger.windowDeliveries == 3)
    #expect(ledger.latency.count == 3)
  }

  @Test func whatComesTwiceOrLateIsNoDelivery() throws {
    var ledger = ledger(receivers: 1)
    let first = ledger.publish(publisher: 0, room: 0, at: 1)
    let second = ledger.publish(publisher: 0, room: 0, at: 2)
    try ledger.arrived(second, receiver: 0, at: 3)
    try ledger.arrived(first, receiver: 0, at: 4)
    try ledger.arrived(second, receiver: 0, at: 5)
    #expect(ledger.deliveries == 1 && ledger.orderViolations == 2 && ledger.lost == 1)
  }

  @Test func publishersAndRoomsAreCountedApart() throws {
    var ledger = ledger(receivers: 2, rooms: 2, publishers: 2)
    let stamps = [(0, 0), (1, 0), (0, 1), (0, 0)].map { ledger.publish(publisher: $0.0, room: $0.1, at: 1) }
    #expect(stamps.map(\.sequence) == [1, 1, 1, 2] && stamps.map(\.number) == [0, 1, 2, 3])
    for (stamp, receiver) in zip([stamps[1], stamps[2], stamps[0], stamps[3]], [0, 1, 0, 0]) {
      try ledger.arrived(stamp, receiver: receiver, at: 2)
    }
    #expect(ledger.orderViolations == 0 && ledger.lost == 0 && ledger.underWay == 0)
  }

  @Test func whoLeavesTakesOnlyWhatItStillLackedAndThatIsLost() throws {
    var ledger = ledger(receivers: 2)
    let first = ledger.publish(publisher: 0, room: 0, at: 1)
    let second = ledger.publish(publisher: 0, room: 0, at: 1)
    try ledger.arrived(first, receiver: 0, at: 2)
    ledger.left(receiver: 0, room: 0)
    #expect(ledger.underWay == 2)
    try ledger.arrived(first, receiver: 1, at: 3)
    #expect(ledger.underWay == 1)
    try ledger.arrived(second, receiver: 1, at: 3)
    #expect(ledger.underWay == 0 && ledger.lost == 1)
    _ = ledger.publish(publisher: 0, room: 0, at: 4)
    #expect(ledger.expected == 5)
  }

  @Test func aRefusedEventIsExpectedByNobody() {
    var ledger = ledger(receivers: 5)
    let stamp = ledger.publish(publisher: 0, room: 0, at: 1)
    ledger.withdraw(stamp.number)
    ledger.withdraw(stamp.number)
    #expect(ledger.underWay == 0 && ledger.expected == 0 && ledger.lost == 0)
  }

  @Test func anEventThatNeverArrivesIsGivenUpAndStaysLost() throws {
    var ledger = ledger(receivers: 1)
    _ = ledger.publish(publisher: 0, room: 0, at: 1)
    let young = ledger.publish(publisher: 0, room: 0, at: 100)
    ledger.forget(sentBefore: 50)
    #expect(ledger.underWay == 1)
    try ledger.arrived(young, receiver: 0, at: 101)
    #expect(ledger.underWay == 0 && ledger.lost == 1)
  }

  @Test func outsideTheWindowNothingIsMeasured() throws {
    var ledger = ledger(receivers: 1)
    ledger.window = 50..<60
    for (sent, seen) in [(40, 45), (45, 55), (55, 65)] {
      let stamp = ledger.publish(publisher: 0, room: 0, at: Int64(sent))
      try ledger.arrived(stamp, receiver: 0, at: Int64(seen))
    }
    #expect(ledger.deliveries == 3 && ledger.windowDeliveries == 1 && ledger.latency.count == 1)
  }

  @Test func aStampOfAnotherRunIsRefused() {
    var ledger = ledger(receivers: 1)
    #expect(throws: LoadError.self) {
      try ledger.arrived(.init(nanoseconds: 1, publisher: 0, sequence: 1, number: 7), receiver: 0, at: 2)
    }
    #expect(throws: LoadError.self) {
      _ = ledger.publish(publisher: 0, room: 0, at: 1)
      try ledger.arrived(.init(nanoseconds: 1, publisher: 4, sequence: 1, number: 0), receiver: 0, at: 2)
    }
  }
}
