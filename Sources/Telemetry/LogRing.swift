public import ControlPlane
internal import DequeModule
internal import Synchronization

/// The newest log records, for `signalbox logs`, the console and `/v1/events`. Bounded by count and by bytes:
/// whichever is reached first pushes out the oldest, and `dropped` counts them.
public final class LogRing: Sendable {
  private struct State {
    var records: Deque<(record: LogRecord, bytes: Int)> = []
    var bytes = 0
    var dropped: UInt64 = 0
  }

  public let recordsMax: Int
  public let bytesMax: Int
  private let state = Mutex(State())

  public init(recordsMax: Int = 10_000, bytesMax: Int = 4 << 20) {
    precondition(recordsMax > 0 && bytesMax > 0, "a log ring holds at least one record")
    self.recordsMax = recordsMax
    self.bytesMax = bytesMax
  }

  public func append(_ record: LogRecord) {
    let bytes = Self.footprint(record)
    state.withLock { state in
      guard bytes <= bytesMax else {
        state.dropped += 1
        return
      }
      while state.records.count >= recordsMax || state.bytes + bytes > bytesMax {
        guard let oldest = state.records.popFirst() else { break }
        state.bytes -= oldest.bytes
        state.dropped += 1
      }
      state.records.append((record, bytes))
      state.bytes += bytes
    }
  }

  /// The newest `limit` records that match, oldest of them first.
  public func query(_ query: LogQuery) -> [LogRecord] {
    let limit = min(max(query.limit, 1), 100_000)
    var newestFirst: [LogRecord] = []
    state.withLock { state in
      for entry in state.records.reversed() where query.matches(entry.record) {
        newestFirst.append(entry.record)
        if newestFirst.count == limit { break }
      }
    }
    return newestFirst.reversed()
  }

  public var count: Int { state.withLock { $0.records.count } }
  public var bytes: Int { state.withLock { $0.bytes } }
  /// Records pushed out since the start, and those too large to be kept at all.
  public var dropped: UInt64 { state.withLock { $0.dropped } }

  /// What a record counts for: its text, and a flat sum for the structures around it.
  static func footprint(_ record: LogRecord) -> Int {
    let text = record.message.utf8.count + record.label.utf8.count
    return record.metadata.reduce(96 + text) { $0 + 32 + $1.key.utf8.count + $1.value.utf8.count }
  }
}
