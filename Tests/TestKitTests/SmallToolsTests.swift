import Base
import TestKit
import Testing

@Suite struct SeededRandomTests {
  @Test func theSameSeedGivesTheSameNumbersAndAnotherSeedOthers() {
    func numbers(_ seed: UInt64) -> [UInt64] {
      var random = SeededRandom(seed: seed)
      return (0..<8).map { _ in random.next() }
    }
    #expect(numbers(7) == numbers(7))
    #expect(numbers(7) != numbers(8))
    #expect(Set(numbers(0)).count == 8)
  }

  /// The first outputs of the authors' own xoshiro256** after SplitMix64 of seed 0 (also those of the `rand_xoshiro`
  /// crate).
  @Test func theNumbersAreThoseOfTheReference() {
    var random = SeededRandom(seed: 0)
    #expect(
      (0..<3).map { _ in random.next() } == [0x99ec_5f36_cb75_f2b4, 0xbf6e_1f78_4956_452a, 0x1a5f_849d_4933_e6e0])
  }

  @Test func theDescriptionSaysHowToReplay() {
    #expect("\(SeededRandom(seed: 42))" == "SIGNALBOX_SEED=42")
  }

  @Test func bytesHaveTheLengthAskedFor() {
    var random = SeededRandom(seed: 1)
    #expect(random.bytes(0).isEmpty)
    #expect(random.bytes(100).count == 100)
  }
}

@Suite struct ScriptedFailuresTests {
  @Test func stepsAreTakenInOrderAndThenAllIsWell() {
    let failure = Failure(.unavailable, "away")
    let script = ScriptedFailures([.fail(failure), .ok])
    #expect(script.next() == .fail(failure))
    #expect(!script.isDone)
    #expect([script.next(), script.next()] == [.ok, .ok])
    #expect(script.isDone && script.calls == 3)
  }

  @Test func aRepeatingScriptStartsAgain() {
    let script = ScriptedFailures([.ok, .delay(.seconds(1))], repeats: true)
    #expect((0..<4).map { _ in script.next() } == [.ok, .delay(.seconds(1)), .ok, .delay(.seconds(1))])
  }

  @Test func performThrowsWhatTheScriptSaysAndDelaysOnTheGivenClock() async throws {
    let clock = ManualClock()
    let script = ScriptedFailures([.fail(Failure(.limit, "full")), .delay(.seconds(2))])
    await #expect(throws: Failure(.limit, "full")) { try await script.perform(on: clock) }
    let delayed = Task { try await script.perform(on: clock) }
    #expect(await eventually { clock.sleeperCount == 1 })
    clock.advance(by: .seconds(2))
    try await delayed.value
  }
}

@Suite struct EventuallyTests {
  @Test func aConditionThatComesTrueIsSeen() async {
    let script = ScriptedFailures([.delay(.zero), .delay(.zero)])
    #expect(await eventually { script.next() == .ok })
    #expect(script.calls == 3)
  }

  @Test func aConditionThatNeverHoldsEndsWithTheLimit() async {
    #expect(await eventually(within: .milliseconds(5)) { false } == false)
  }
}

@Suite struct FreePortTests {
  @Test func noPortIsHandedOutTwice() throws {
    let ports = try (0..<20).map { _ in try FreePort.next() }
    #expect(Set(ports).count == 20)
    #expect(!ports.contains(0))
  }
}
