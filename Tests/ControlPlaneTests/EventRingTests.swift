import ControlPlane
import Synchronization
import Testing

@Suite struct EventRingTests {
  private func event(_ time: Int64) -> Event { Event(timeMilliseconds: time, body: .draining) }

  @Test func theNewestAreKeptAndTheLossIsSaidFirst() async {
    let ring = EventRing(capacity: 3)
    for time in 1...5 as ClosedRange<Int64> { ring.append(event(time)) }
    ring.finish()
    var seen: [Event] = []
    for await event in ring.stream() { seen.append(event) }
    #expect(seen == [Event(timeMilliseconds: 3, body: .dropped(count: 2)), event(3), event(4), event(5)])
  }

  @Test func aLossIsSaidOnce() async {
    let ring = EventRing(capacity: 1)
    ring.append(event(1))
    ring.append(event(2))
    #expect(await ring.next()?.body == .dropped(count: 1))
    #expect(await ring.next() == event(2))
    ring.append(event(3))
    #expect(await ring.next() == event(3))
  }

  @Test func aWaitingListenerGetsTheNextEvent() async {
    let ring = EventRing()
    async let next = ring.next()
    ring.append(event(1))
    #expect(await next == event(1))
  }

  @Test func aCancelledListenerIsLetGo() async {
    let ring = EventRing()
    let listener = Task { await ring.next() }
    listener.cancel()
    #expect(await listener.value == nil)
  }

  @Test func lettingGoOfTheStreamIsNoticed() async {
    let ended = Mutex(0)
    let ring = EventRing()
    ring.append(event(1))
    do {
      let stream = ring.stream { ended.withLock { $0 += 1 } }
      for await _ in stream { break }
    }
    #expect(ended.withLock { $0 } == 1)
    ring.append(event(2))
    #expect(await ring.next() == nil)
  }
}
