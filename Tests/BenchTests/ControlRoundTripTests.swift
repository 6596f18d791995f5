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

  @Test func aNodeThatIsGoneIsAFailedRow() async throws {
    let report = try await BenchRunner(clock: SteppedClock()).run([ControlRoundTrip(plane: Silent())], commit: "c")
    #expect(report.results.isEmpty)
    #expect(report.failures == [.init(suite: "control", name: "status round trip", reason: "the node has gone")])
  }
}
