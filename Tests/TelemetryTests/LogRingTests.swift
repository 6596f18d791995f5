import ControlPlane
import Telemetry
import TestKit
import Testing

@Suite struct LogRingTests {
  private func record(
    _ number: Int, _ level: LogLevel = .info, label: String = "base", message: String? = nil
  ) -> LogRecord {
    LogRecord(timeMilliseconds: Int64(number), level: level, label: label, message: message ?? "m\(number)")
  }

  @Test func theNewestAreKeptAndTheRestIsCounted() {
    let ring = LogRing(recordsMax: 3)
    for number in 0..<5 { ring.append(record(number)) }
    #expect(ring.query(LogQuery()).map(\.message) == ["m2", "m3", "m4"])
    #expect(ring.dropped == 2 && ring.count == 3)
  }

  @Test func bytesBoundTheRingToo() {
    let ring = LogRing(recordsMax: 1_000, bytesMax: 1_000)
    for number in 0..<50 { ring.append(record(number, message: String(repeating: "x", count: 100))) }
    #expect(ring.bytes <= 1_000 && ring.count == 5 && ring.dropped == 45)
    ring.append(record(50, message: String(repeating: "y", count: 2_000)))
    #expect(ring.count == 5 && ring.dropped == 46)
    #expect(ring.query(LogQuery(limit: 1)).first?.timeMilliseconds == 49)
  }

  @Test func queriesFilterByLevelTimeAndRoomAndTakeTheNewest() {
    let ring = LogRing()
    for number in 0..<10 {
      ring.append(record(number, number.isMultiple(of: 2) ? .debug : .error, label: number < 5 ? "api" : "cache"))
    }
    #expect(ring.query(LogQuery(level: .warning)).map(\.timeMilliseconds) == [1, 3, 5, 7, 9])
    #expect(ring.query(LogQuery(sinceMilliseconds: 8)).map(\.timeMilliseconds) == [8, 9])
    #expect(ring.query(LogQuery(level: .error, engine: "api")).map(\.timeMilliseconds) == [1, 3])
    #expect(ring.query(LogQuery(limit: 2)).map(\.timeMilliseconds) == [8, 9])
    #expect(ring.query(LogQuery(limit: -5)).map(\.timeMilliseconds) == [9])
    #expect(ring.query(LogQuery(engine: "none")).isEmpty)
  }
}
