internal import Base
internal import Histogram

/// Samples of one workload, kept as an HDR histogram of three significant digits over thousandths of the unit: any
/// number of samples in bounded memory, percentiles within 0.1 %.
struct Samples {
  /// Samples are recorded in this fraction of their unit.
  private static let scale = 1_000.0
  private static let largest = 9.0e15

  private var histogram = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
  private var sum = 0.0

  var count: Int { Int(clamping: histogram.totalCount) }

  /// Negative and undefined samples count as zero, too large ones as the largest that can be kept.
  mutating func record(_ value: Double) {
    let scaled = value.isFinite ? min(max(0, value * Self.scale), Self.largest) : 0
    sum += scaled
    histogram.record(UInt64(scaled.rounded()))
  }

  mutating func add(_ other: Samples) {
    histogram.add(other.histogram)
    sum += other.sum
  }

  var mean: Double { count == 0 ? 0 : sum / Double(count) / Self.scale }

  /// 0…100.
  func percentile(_ percent: Double) -> Double {
    guard count > 0 else { return 0 }
    return Double(min(histogram.valueAtPercentile(percent), histogram.max)) / Self.scale
  }

  func value(_ figure: Figure) -> Double {
    switch figure {
    case .mean: mean
    case .p50: percentile(50)
    case .p95: percentile(95)
    case .p99: percentile(99)
    case .largest: percentile(100)
    }
  }
}
