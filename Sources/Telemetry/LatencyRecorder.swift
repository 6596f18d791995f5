public import ControlPlane
internal import Histogram
internal import Synchronization

/// Durations in a high dynamic range histogram: 1 µs … 1 h at two significant digits, in memory that never grows
/// (Gil Tene, HdrHistogram). Percentiles are the upper edge of the bucket a sample fell into, at most 1 % too high.
public final class LatencyRecorder: Sendable {
  public static let lowestNanoseconds: UInt64 = 1_000
  public static let highestNanoseconds: UInt64 = 3_600_000_000_000

  private struct Recorded {
    var histogram = LatencyRecorder.empty()
    /// By `LatencySummary.range`: a picture needs few ranges, and to add up the histogram's thousands for each is dear.
    var counts = [UInt64](repeating: 0, count: LatencySummary.countsMax)
  }

  private let recorded = Mutex(Recorded())

  public init() {}

  /// Longer than an hour counts as an hour, less than nothing as nothing.
  public func record(nanoseconds: Int64) {
    let value = min(UInt64(max(0, nanoseconds)), Self.highestNanoseconds)
    recorded.withLock { recorded in
      _ = recorded.histogram.record(value)
      recorded.counts[LatencySummary.range(nanoseconds: value)] &+= 1
    }
  }

  public func record(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let isLong = seconds >= 3_600
    record(nanoseconds: isLong ? .max : seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }

  /// The percentiles of `status`, in milliseconds, and how they are spread; zeros when nothing was recorded.
  public func summary() -> LatencySummary {
    recorded.withLock { recorded in
      LatencySummary(
        p50: Self.milliseconds(recorded.histogram, 50), p95: Self.milliseconds(recorded.histogram, 95),
        p99: Self.milliseconds(recorded.histogram, 99), counts: Self.trimmed(recorded.counts))
    }
  }

  /// See `LatencySummary.counts`.
  public var counts: [UInt64]? { recorded.withLock { Self.trimmed($0.counts) } }

  private static func trimmed(_ counts: [UInt64]) -> [UInt64]? {
    counts.lastIndex { $0 > 0 }.map { Array(counts[...$0]) }
  }

  /// Any percentile, 0…100, in milliseconds.
  public func milliseconds(atPercentile percentile: Double) -> Double {
    recorded.withLock { Self.milliseconds($0.histogram, percentile) }
  }

  public var count: UInt64 { recorded.withLock { $0.histogram.totalCount } }

  /// Bytes this recorder takes for life.
  public var footprintBytes: Int { recorded.withLock { $0.histogram.estimatedFootprintInBytes } }

  public func reset() {
    recorded.withLock { recorded in
      recorded.histogram.reset()
      for range in recorded.counts.indices { recorded.counts[range] = 0 }
    }
  }

  private static func milliseconds(_ histogram: Histogram<UInt64>, _ percentile: Double) -> Double {
    guard histogram.totalCount > 0 else { return 0 }
    return Double(histogram.valueAtPercentile(min(max(percentile, 0), 100))) / 1e6
  }

  /// 64-bit counts: the library's addition traps when a bucket overflows, which 2^64 samples cannot reach.
  private static func empty() -> Histogram<UInt64> {
    Histogram(
      lowestDiscernibleValue: lowestNanoseconds, highestTrackableValue: highestNanoseconds,
      numberOfSignificantValueDigits: .two)
  }
}
