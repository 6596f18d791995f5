import ControlPlane
import Glibc
import Logging
import TestKit
import Testing

@testable import Telemetry

@Suite struct LogSinkTests {
  private func read(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  @Test func aRecordReachesRingOutputAndCallback() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let published = Collected<LogRecord>()
    let sink = LogSink(output: .descriptor(ends[1], .text), wallClock: ManualClock()) { published.append($0) }
    sink.logger("gateway").warning("message", metadata: ["key1": "value"])
    #expect(sink.close())
    #expect(read(ends[0]) == "2026-11-20T23:14:05.221Z WARN  gateway  message key1=value\n")
    #expect(sink.ring.query(LogQuery()) == published.values && published.count == 1)
  }

  @Test func theSharedLevelChangesEveryLoggerAtOnceButNotOneWithItsOwn() {
    let sink = LogSink(output: .none)
    let logger = sink.logger("a")
    var own = sink.logger("b")
    own.logLevel = .error
    logger.debug("no")
    sink.level = .debug
    logger.debug("yes")
    own.warning("no")
    sink.level = .critical
    logger.error("no")
    own.error("yes")
    #expect(sink.ring.query(LogQuery()).map(\.message) == ["yes", "yes"])
    #expect(logger.logLevel == .critical && own.logLevel == .error)
  }

  @Test func metadataOfLoggerProviderAndCallAreMergedInThatOrder() {
    let sink = LogSink(output: .none)
    var handler = SignalboxLogHandler(label: "a", sink: sink)
    handler.metadataProvider = .init { ["b": "provider", "c": "provider"] }
    handler.metadata = ["a": "logger", "b": "logger"]
    let logger = Logger(label: "a") { [handler] _ in handler }
    logger.info("m", metadata: ["c": "call"])
    #expect(sink.ring.query(LogQuery())[0].metadata == ["a": "logger", "b": "provider", "c": "call"])
  }

  @Test(arguments: [
    "token", "Authorization", "secret", "PASSWORD", "apiKey", "api_key", "x-api-key", "key", "clientSecret", "jwt",
    "set-cookie", "accessToken", "openaiapikey", "tokens",
  ])
  func valuesUnderASecretNameAreHidden(_ key: String) {
    let sink = LogSink(output: .none)
    let nested: Logger.Metadata = ["deep": .array([.dictionary([key: "hunter2", "fine": "seen"])]), key: "hunter2"]
    sink.logger("a").error("m", metadata: nested)
    let metadata = sink.ring.query(LogQuery())[0].metadata
    #expect(metadata[key] == "[redacted]")
    #expect(!metadata.values.contains { $0.contains("hunter2") })
    #expect(metadata["deep"]?.contains("fine: seen") == true)
  }

  @Test(arguments: ["keysDeleted", "monkey", "keyboard", "author", "count"])
  func otherNamesAreShown(_ name: String) {
    let sink = LogSink(output: .none)
    sink.logger("a").error("m", metadata: [name: "value"])
    #expect(sink.ring.query(LogQuery())[0].metadata == [name: "value"])
  }

  @Test func hugeRecordsAreCutAtACharacter() {
    let sink = LogSink(output: .none)
    let metadata = Logger.Metadata(
      uniqueKeysWithValues: (0..<200).map { ("k\($0)", .string(String(repeating: "é", count: 10_000))) })
    sink.logger("a").error("\(String(repeating: "é", count: 100_000))", metadata: metadata)
    let record = sink.ring.query(LogQuery())[0]
    #expect(record.message.utf8.count < 8_200 && record.message.hasSuffix("é…"))
    #expect(record.metadata.count == 32)
    #expect(record.metadata.values.allSatisfy { $0.utf8.count < 2_100 && $0.hasSuffix("é…") })
  }

  /// The pipe is full and nobody reads: logging goes on, the queue stays bounded, and the loss is said when it flows
  /// again.
  @Test func anOutputThatTakesNothingDelaysNobody() async throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let sink = LogSink(output: .descriptor(ends[1], .text))
    let logger = sink.logger("a")
    for number in 0..<30_000 { logger.info("line \(number)") }
    #expect(sink.outputLinesLost > 0)
    #expect(sink.ring.query(LogQuery(limit: 1))[0].message == "line 29999")
    let text = Collected<String>()
    let flags = fcntl(ends[0], F_GETFL)
    #expect(fcntl(ends[0], F_SETFL, flags | O_NONBLOCK) == 0)
    let isTold = await eventually {
      text.append(self.read(ends[0]))
      return text.values.joined().contains("line 29999\n")
    }
    #expect(isTold)
    let all = text.values.joined()
    #expect(all.contains("telemetry log lines were lost because the output did not take them lines="))
    #expect(all.split(separator: "\n").allSatisfy { $0.hasPrefix("20") })
    #expect(sink.close())
  }

  @Test func closingGivesUpAtItsDeadline() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let sink = LogSink(output: .descriptor(ends[1], .json))
    for number in 0..<5_000 { sink.logger("a").info("line \(number)") }
    #expect(!sink.close(within: .milliseconds(10)))
    sink.logger("a").info("after")
    #expect(sink.ring.query(LogQuery(limit: 1))[0].message == "after")
    // Room in the pipe is not used any more: by now the descriptor could be another file's.
    _ = read(ends[0])
    let flags = fcntl(ends[0], F_GETFL)
    #expect(fcntl(ends[0], F_SETFL, flags | O_NONBLOCK) == 0)
    while !read(ends[0]).isEmpty {}
    #expect(read(ends[0]).isEmpty)
  }

  /// The pipe stays full for ever, and still the thread is not stuck in it.
  @Test func theWriterEndsThoughItsOutputNeverTakesAnything() async throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let writer = LogWriter(.descriptor(ends[1], .text)) { "lost \($0)\n" }
    for _ in 0..<1_000 { writer.write(String(repeating: "x", count: 500) + "\n") }
    #expect(!writer.close(within: .milliseconds(10)))
    #expect(await eventually { writer.hasEnded })
  }

  /// The test process ignores no SIGPIPE: the writer thread must not die of it.
  @Test func aReaderThatWentAwayLosesLinesOnly() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    close(ends[0])
    defer { close(ends[1]) }
    let sink = LogSink(output: .descriptor(ends[1], .text))
    for _ in 0..<3 { sink.logger("a").info("m") }
    #expect(sink.close())
    #expect(sink.outputLinesLost == 3)
  }

  @Test func aFileIsAnOutputToo() throws {
    let folder = try TemporaryFolder()
    let sink = LogSink(output: .file(RotatingFile(path: folder.file("node.log")), .json))
    for number in 0..<100 { sink.logger("a").info("\(number)") }
    #expect(sink.close())
    #expect(folder.read("node.log")?.split(separator: "\n").count == 100)
  }

  @Test func theLogCountsItself() throws {
    let sink = LogSink(ring: LogRing(recordsMax: 1), output: .none)
    sink.logger("a").error("one")
    sink.logger("a").error("two")
    let registry = PrometheusRegistry()
    registry.register { sink.metricFamilies() }
    let page = try PrometheusText(registry.render())
    #expect(page.value("signalbox_telemetry_log_records_total", ["level": "error"]) == 2)
    #expect(page.value("signalbox_telemetry_log_ring_dropped_total") == 1)
  }
}
