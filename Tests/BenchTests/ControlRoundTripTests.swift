import Base
import Bench
import ControlPlane
import Testing

@Suite struct ControlRoundTripTests {
  private struct Silent: ControlPlane {
    func snapshot() async throws(Failure) -> Snapshot { throw Failure(.unavailable, "the node has gone") }
    func events() -> AsyncStream<Event> { AsyncStream { $0.finish() } }
    func ask(_ query: Query) async throws(Failure) -> Answer { throw Failure(.unavailable, "the node has gone") }
    func perform(_ command: Command) async throws(Failure) -> Outcome {
      throw Failure(.unavailable, "the node has gone")
    }
  }

  @Test func aNodeThatIsGoneFailsTheBenchWithItsName() async {
    var seen: Failure?
    do throws(Failure) {
      _ = try await BenchRunner(clock: SteppedClock()).run([ControlRoundTrip(plane: Silent())], commit: "c")
    } catch {
      seen = error
    }
    #expect(seen == Failure(.unavailable, "control/status round trip: the node has gone"))
  }
}
