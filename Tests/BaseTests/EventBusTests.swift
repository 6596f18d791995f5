import Base
import TestKit
import Testing

@Suite struct EventBusTests {
  @Test func everyListenerGetsEverythingInOrder() async {
    let bus = EventBus<Int>(capacity: 100)
    let streams = [bus.subscribe(), bus.subscribe()]
    for number in 0..<50 { bus.publish(number) }
    bus.finish()
    for stream in streams {
      var seen: [Int] = []
      for await value in stream { seen.append(value) }
      #expect(seen == Array(0..<50))
    }
    #expect(bus.dropped == 0)
  }

  @Test func aSlowListenerLosesTheOldestAndTheLossIsCounted() async {
    let bus = EventBus<Int>(capacity: 3)
    let stream = bus.subscribe()
    for number in 0..<10 { bus.publish(number) }
    bus.finish()
    var seen: [Int] = []
    for await value in stream { seen.append(value) }
    #expect(seen == [7, 8, 9] && bus.dropped == 7)
  }

  @Test func aListenerThatLeavesIsForgotten() async {
    let bus = EventBus<Int>()
    let reader = Task { for await _ in bus.subscribe() {} }
    #expect(await eventually { bus.listenerCount == 1 })
    reader.cancel()
    await reader.value
    #expect(await eventually { bus.listenerCount == 0 })
    do {
      let unused = bus.subscribe()
      #expect(bus.listenerCount == 1)
      _ = consume unused
    }
    #expect(await eventually { bus.listenerCount == 0 })
  }

  @Test func afterTheEndSubscriptionsEndAtOnceAndPublishingIsHarmless() async {
    let bus = EventBus<Int>()
    bus.finish()
    bus.publish(1)
    for await _ in bus.subscribe() { Issue.record("a finished bus has nothing to say") }
    bus.finish()
    #expect(bus.listenerCount == 0 && bus.dropped == 0)
  }

  @Test(.timeLimit(.minutes(1))) func listenersEndWhenTheBusIsGone() async {
    func subscribe() -> AsyncStream<Int> { EventBus<Int>().subscribe() }
    for await _ in subscribe() { Issue.record("nobody published") }
  }

  @Test func publishersAtOnceLoseNothingThatFits() async {
    let bus = EventBus<Int>(capacity: 10_000)
    let stream = bus.subscribe()
    await withTaskGroup { group in
      for publisher in 0..<8 { group.addTask { for number in 0..<500 { bus.publish(publisher * 1_000 + number) } } }
    }
    bus.finish()
    var seen: [Int: [Int]] = [:]
    for await value in stream { seen[value / 1_000, default: []].append(value % 1_000) }
    #expect(seen.count == 8 && seen.values.allSatisfy { $0 == Array(0..<500) })
  }
}
