public import ControlPlane
internal import Histogram
internal import Synchronization

/// Durations in a high dynamic range histogram: 1 µs … 1 h at two significant digits, in memory that never grows
/// (Gil Tene, HdrHistogram). Percentiles are the upper edge of the bucket a sample fell into, at most 1 % too high.
public final class LatencyRecorder: Sendable {
  public static let lowestNanoseconds: UInt64 = 1_000
  public static let highestNanoseconds: UInt64 = 3_600_000_000_000

  private let histogram = Mutex(LatencyRecorder.empty())

  public init() {}

  /// Longer than an hour counts as an hour, less than nothing as nothing.
  public func record(nanoseconds: Int64) {
    let value = min(UInt64(max(0, nanoseconds)), Self.highestNanoseconds)
    histogram.withLock { _ = $0.record(value) }
  }

  public func record(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let isLong = seconds >= 3_600
    record(nanoseconds: isLong ? .max : seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }

  /// The three percentiles of `status`, in milliseconds; zeros when nothing was recorded.
  public func summary() -> LatencySummary {
    histogram.withLock { histogram in
      LatencySummary(
        p50: Self.milliseconds(histogram, 50), p95: Self.milliseconds(histogram, 95),
        p99: Self.milliseconds(histogram, 99))
    }
  }

  /// Any percentile, 0…100, in milliseconds.
  public func milliseconds(atPercentile percentile: Double) -> Double {
    histogram.withLock { Self.milliseconds($0, percentile) }
  }

  public var count: UInt64 { histogram.withLock { $0.totalCount } }

  /// Bytes this recorder takes for life.
  public var footprintBytes: Int { histogram.withLock { $0.estimatedFootprintInBytes } }

  public func reset() { histogram.withLock { $0.reset() } }

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
