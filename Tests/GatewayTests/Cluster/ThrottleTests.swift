import TestKit
import Testing

@testable import Gateway

@Suite struct ThrottleTests {
  private static let millisecond: UInt64 = 1_000_000

  private func thought(_ agent: String, _ number: Int, priority: UInt8 = 5, except: [String] = []) -> Emission {
    Emission(
      rooms: ["r"], except: except, event: "agent-thought",
      arguments: Array(#"["agent-thought",{"n":\#(number)}]"#.utf8),
      kind: .agentThought(agent: agent), priority: priority)
  }

  private func update(_ task: String, _ number: Int, priority: UInt8 = 5) -> Emission {
    Emission(
      rooms: ["r"], event: "task-update", arguments: Array(#"["task-update",{"n":\#(number)}]"#.utf8),
      kind: .taskUpdate(task: task), priority: priority)
  }

  private func text(_ item: Throttle<String>.Item) -> String {
    String(decoding: item.emission.arguments, as: UTF8.self)
  }

  @Test func theFirstGoesAtOnceAndTheRestOfTheIntervalIsMerged() {
    var throttle = Throttle<String>()
    #expect(throttle.offer(.init(emission: thought("a", 1)), for: "r", now: 0) == .deliver)
    for number in 2...4 {
      let time = UInt64(number) * 10 * Self.millisecond
      #expect(
        throttle.offer(.init(emission: thought("a", number), offset: [UInt8(number)]), for: "r", now: time) == .held)
    }
    #expect(throttle.nextDue == 100 * Self.millisecond)
    #expect(throttle.release(now: 99 * Self.millisecond).isEmpty)
    let released = throttle.release(now: 100 * Self.millisecond)
    #expect(released.map { text($0.item) } == [#"["agent-thought",[{"n":2},{"n":3},{"n":4}]]"#])
    #expect(released.first?.item.offset == [4] && throttle.heldBytes == 0)
    // Forgotten when it has been idle.
    #expect(throttle.release(now: 300 * Self.millisecond).isEmpty && throttle.keyCount == 0 && throttle.nextDue == nil)
  }

  @Test func anUpdateIsReplacedByTheNewestOfItsTask() {
    var throttle = Throttle<String>()
    for number in 1...5 { _ = throttle.offer(.init(emission: update("t", number)), for: "r", now: 0) }
    #expect(throttle.release(now: 100 * Self.millisecond).map { text($0.item) } == [#"["task-update",{"n":5}]"#])
    #expect(throttle.counters.replaced == 3 && throttle.counters.held == 4)
  }

  @Test func mergedThoughtsAreMergedAgainIntoOneArray() {
    var throttle = Throttle<String>()
    _ = throttle.offer(.init(emission: thought("a", 0)), for: "u", now: 0)
    var merged = thought("a", 1)
    merged.arguments = Array(#"["agent-thought", [ {"n":"a]\",["} , {"n":2} ] ]"#.utf8)
    _ = throttle.offer(.init(emission: merged), for: "u", now: 1)
    _ = throttle.offer(.init(emission: thought("a", 3)), for: "u", now: 2)
    #expect(
      throttle.release(now: 100 * Self.millisecond).map { text($0.item) }
        == [#"["agent-thought",[{"n":"a]\",["},{"n":2},{"n":3}]]"#])
  }

  @Test func eventsForOtherReceiversAreNotMergedAndKeepTheirOrder() {
    var throttle = Throttle<String>()
    _ = throttle.offer(.init(emission: thought("a", 0)), for: "r", now: 0)
    for (number, except) in [(1, []), (2, ["x"]), (3, ["x"]), (4, [])] {
      _ = throttle.offer(.init(emission: thought("a", number, except: except)), for: "r", now: 1)
    }
    let texts = (1...3).flatMap { throttle.release(now: UInt64($0) * 100 * Self.millisecond) }.map { text($0.item) }
    #expect(
      texts == [
        #"["agent-thought",{"n":1}]"#, #"["agent-thought",[{"n":2},{"n":3}]]"#, #"["agent-thought",{"n":4}]"#,
      ])
  }

  @Test func plainEventsAndAttachmentsPass() {
    var throttle = Throttle<String>()
    var plain = thought("a", 1)
    plain.kind = .plain
    var binary = thought("a", 1)
    binary.attachments = [[1]]
    for _ in 0..<50 {
      #expect(throttle.offer(.init(emission: plain), for: "r", now: 0) == .deliver)
      #expect(throttle.offer(.init(emission: binary), for: "r", now: 0) == .deliver)
    }
    #expect(throttle.keyCount == 0)
  }

  @Test func theHigherPriorityGoesFirstAndTheLowerDoesNotStarve() {
    var throttle = Throttle<String>()
    var sent: [String] = []
    for step in 0..<40 {
      let now = UInt64(step) * 100 * Self.millisecond
      sent += throttle.release(now: now).map { text($0.item) }
      if step == 0 {
        _ = throttle.offer(.init(emission: thought("first", 0)), for: "r", now: now)
        _ = throttle.offer(.init(emission: update("low", 1, priority: 0)), for: "r", now: now)
      }
      _ = throttle.offer(.init(emission: thought("high", step, priority: 9)), for: "r", now: now)
    }
    let place = sent.firstIndex { $0.contains("task-update") }
    #expect(place.map { (1...12).contains($0) } == true, "\(sent)")
  }

  @Test func boundsHoldAndWhatTheyCostIsCounted() {
    var policy = ThrottlePolicy()
    (policy.streamsMax, policy.thoughtsMax) = (3, 4)
    var throttle = Throttle<String>(policy)
    _ = throttle.offer(.init(emission: thought("a", 0)), for: "r", now: 0)
    for number in 1...10 { #expect(throttle.offer(.init(emission: thought("a", number)), for: "r", now: 0) == .held) }
    for agent in ["b", "c"] { _ = throttle.offer(.init(emission: thought(agent, 1)), for: "r", now: 1) }
    #expect(throttle.offer(.init(emission: thought("d", 1)), for: "r", now: 0) == .dropped)
    #expect(throttle.counters.dropped == 7)
    #expect(
      throttle.release(now: 100 * Self.millisecond).map { text($0.item) }
        == [#"["agent-thought",[{"n":7},{"n":8},{"n":9},{"n":10}]]"#])
    #expect(throttle.forget("r") == 2 && throttle.heldBytes == 0 && throttle.nextDue != nil)
    #expect(throttle.release(now: .max / 2).isEmpty && throttle.nextDue == nil)
  }

  /// Three connections of one user, each with rooms of its own: together they are told ten a second, and take turns.
  @Test func connectionsOfAUserShareItsRate() {
    var throttle = Throttle<String>(.user)
    let pace = SharedPace()
    var told: [String: Int] = [:]
    var total = 0
    for step in 0..<1_000 as Range<UInt64> {
      let now = step * 10 * Self.millisecond
      for release in throttle.release(now: now) {
        told[release.key, default: 0] += 1
        total += 1
      }
      for (place, key) in ["a", "b", "c"].enumerated() {
        let item = Throttle<String>.Item(emission: update("\(key)\(step % 7)", Int(step)))
        if throttle.offer(item, for: key, sharing: pace, ticket: step * 3 + UInt64(place) + 1, now: now) == .deliver {
          told[key, default: 0] += 1
          total += 1
        }
      }
    }
    #expect(total <= 5 + 100 && total >= 95, "ten seconds: \(total)")
    #expect(told.values.allSatisfy { $0 >= 25 } && told.count == 3, "\(told)")
  }

  @Test func whatGoesToSeveralConnectionsCountsOnce() {
    let pace = SharedPace()
    var loops = [Throttle<String>(.user), Throttle<String>(.user)]
    for number in 1...5 {
      for loop in loops.indices {
        let item = Throttle<String>.Item(emission: update("t", number))
        #expect(loops[loop].offer(item, for: "u", sharing: pace, ticket: UInt64(number), now: 0) == .deliver)
      }
    }
    let item = Throttle<String>.Item(emission: update("t", 6))
    #expect(loops[0].offer(item, for: "u", sharing: pace, ticket: 6, now: 0) == .held)
    #expect(loops[1].offer(item, for: "u", sharing: pace, ticket: 6, now: 0) == .held)
    #expect(loops[0].release(now: 100 * Self.millisecond).count == 1)
    #expect(loops[1].release(now: 100 * Self.millisecond).isEmpty, "the other one's turn comes next")
    #expect(loops[1].release(now: 200 * Self.millisecond).count == 1)
    #expect(pace.standing.others == 0)
  }

  @Test func whatIsHeldSaysFromWhereOn() throws {
    var throttle = Throttle<ReceiverKey>(ThrottlePolicy(deliveriesPerSecond: 1))
    let key = ReceiverKey(slot: 1, generation: 1)
    for sequence in 4...7 as ClosedRange<UInt64> {
      let item = Throttle<ReceiverKey>.Item(
        emission: update("t", Int(sequence)), offset: Array("other.9~node.\(sequence)".utf8),
        origin: BroadcastOrigin(id: "node", sequence: sequence))
      _ = throttle.offer(item, for: key, now: 0)
    }
    let held = throttle.oldestHeld(key).compactMap { HeldStream($0) }
    #expect(held == [HeldStream(kind: .taskUpdate(task: "t"), rooms: held.first?.rooms ?? [], after: "other.9~node.4")])
    var session = RecoveryTests.session("p")
    session.held = held
    #expect(try RecoverySession(decoding: session.encoded) == session)
  }

  @Test func withoutARateEverythingPasses() {
    var throttle = Throttle<String>(ThrottlePolicy(deliveriesPerSecond: nil))
    for number in 0..<100 {
      #expect(throttle.offer(.init(emission: thought("a", number)), for: "r", now: 0) == .deliver)
    }
  }

  /// A random load on a few rooms, under both stages' policies: every thought comes out once and in its agent's
  /// order, every task ends with its newest update, updates never go back, and no window of time has more than the
  /// rate allows.
  @Test(arguments: [ThrottlePolicy.room, .user])
  func nothingIsLostReorderedOrTooFast(policy: ThrottlePolicy) {
    SeededRandom.run { random in
      for _ in 0..<20 {
        var load = Load(policy)
        for _ in 0..<2_000 { load.step(&random) }
        load.finish()
        #expect(load.findings.isEmpty, "\(load.findings.prefix(3)) \(random)")
      }
    }
  }

  private struct Load {
    var throttle: Throttle<String>
    var now: UInt64 = 1_000_000_000
    var counter = 0
    var thoughts: [String: [Int]] = [:]
    var heard: [String: [Int]] = [:]
    var newest: [String: Int] = [:]
    var seen: [String: Int] = [:]
    var deliveries: [String: [UInt64]] = [:]
    var findings: [String] = []

    init(_ policy: ThrottlePolicy) { throttle = Throttle(policy) }

    mutating func step(_ random: inout SeededRandom) {
      now += UInt64.random(in: 0...30_000_000, using: &random)
      release()
      counter += 1
      let room = "r\(Int.random(in: 0..<3, using: &random))"
      let name = "\(room)/\(Int.random(in: 0..<4, using: &random))"
      let isThought = Bool.random(using: &random)
      if isThought { thoughts[name, default: []].append(counter) } else { newest[name] = counter }
      let event = isThought ? "agent-thought" : "task-update"
      let emission = Emission(
        rooms: [room], event: event, arguments: Array("[\"\(event)\",\(counter)]".utf8),
        kind: isThought ? .agentThought(agent: name) : .taskUpdate(task: name),
        priority: UInt8.random(in: 0...9, using: &random))
      switch throttle.offer(.init(emission: emission), for: room, now: now) {
      case .deliver: deliver(emission, room)
      case .held: break
      case .dropped: findings.append("dropped \(counter)")
      }
    }

    mutating func release() {
      for release in throttle.release(now: now) { deliver(release.item.emission, release.key) }
    }

    mutating func deliver(_ emission: Emission, _ room: String) {
      deliveries[room, default: []].append(now)
      let numbers = EventArguments.elements(emission.arguments).compactMap { Int(String(decoding: $0, as: UTF8.self)) }
      switch emission.kind {
      case .agentThought(let agent): heard[agent, default: []] += numbers
      case .taskUpdate(let task):
        let number = numbers.first ?? 0
        if number <= seen[task] ?? 0 { findings.append("\(task) went back to \(number)") }
        seen[task] = number
      case .plain: findings.append("plain")
      }
    }

    mutating func finish() {
      while let due = throttle.nextDue {
        now = max(now, due)
        release()
      }
      if heard != thoughts { findings.append("thoughts differ") }
      if seen != newest { findings.append("updates differ") }
      if throttle.heldBytes != 0 || throttle.keyCount != 0 { findings.append("something is left") }
      for (room, times) in deliveries {
        for (place, start) in times.enumerated() {
          let inWindow = times[place...].prefix { $0 < start + 1_000_000_000 }.count
          if inWindow > 10 + throttle.policy.burst { findings.append("\(room): \(inWindow) in a second") }
        }
      }
    }
  }
}
