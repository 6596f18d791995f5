public import Base
public import ControlPlane
public import Logging
internal import Synchronization

/// Where every log record of the node goes: the ring always, an output besides (standard error or a file), and a
/// callback that publishes it as an event. Logging never waits for any of them.
public final class LogSink: Sendable {
  public let ring: LogRing
  private let wallClock: any WallClock
  private let onRecord: (@Sendable (LogRecord) -> Void)?
  private let format: LogFormat?
  private let writer: LogWriter?
  private let levelIndex: Atomic<Int>
  private let written = Mutex<[LogLevel: UInt64]>([:])

  /// `onRecord` runs on the thread that logs and must not log itself.
  public init(
    ring: LogRing = LogRing(), level: LogLevel = .info, output: LogOutput, wallClock: any WallClock = SystemWallClock(),
    onRecord: (@Sendable (LogRecord) -> Void)? = nil
  ) {
    self.ring = ring
    self.wallClock = wallClock
    self.onRecord = onRecord
    levelIndex = Atomic(Self.index(of: level))
    format = output.format
    writer = output.format.map { format in
      LogWriter(output) { lost in
        format.line(
          LogRecord(
            timeMilliseconds: wallClock.nowMilliseconds(), level: .warning, label: "telemetry",
            message: "log lines were lost because the output did not take them", metadata: ["lines": "\(lost)"]))
      }
    }
  }

  /// The lowest level that is kept. Changing it takes effect at once in every logger that has no level of its own.
  public var level: LogLevel {
    get { LogLevel.allCases[levelIndex.load(ordering: .relaxed)] }
    set { levelIndex.store(Self.index(of: newValue), ordering: .relaxed) }
  }

  /// A logger of one room.
  public func logger(_ label: String) -> Logger {
    Logger(label: label) { SignalboxLogHandler(label: $0, sink: self) }
  }

  /// Takes a record whose metadata is already redacted.
  public func append(_ record: LogRecord) {
    written.withLock { $0[record.level, default: 0] += 1 }
    ring.append(record)
    if let writer, let format { writer.write(format.line(record)) }
    onRecord?(record)
  }

  /// Lines the output did not take.
  public var outputLinesLost: UInt64 { writer?.lost ?? 0 }

  /// Writes what is queued and ends the writer. False when the output did not take it all in time. Later records still
  /// reach the ring.
  @discardableResult
  public func close(within limit: Duration = .seconds(1)) -> Bool { writer?.close(within: limit) ?? true }

  /// The figures of the log itself, for `PrometheusRegistry.register`.
  public func metricFamilies() -> [MetricFamily] {
    let counts = written.withLock { $0 }
    return [
      MetricFamily(
        "signalbox_telemetry_log_records_total", help: "Log records by level.", kind: .counter,
        samples: LogLevel.allCases.map { .init(labels: ["level": $0.rawValue], Double(counts[$0] ?? 0)) }),
      MetricFamily(
        "signalbox_telemetry_log_ring_dropped_total", help: "Log records pushed out of the ring.", kind: .counter,
        value: Double(ring.dropped)),
      MetricFamily(
        "signalbox_telemetry_log_output_lost_total", help: "Log lines the output did not take.", kind: .counter,
        value: Double(outputLinesLost)),
    ]
  }

  func nowMilliseconds() -> Int64 { wallClock.nowMilliseconds() }

  private static func index(of level: LogLevel) -> Int {
    switch level {
    case .trace: 0
    case .debug: 1
    case .info: 2
    case .notice: 3
    case .warning: 4
    case .error: 5
    case .critical: 6
    }
  }
}
