internal import Glibc

/// Time of day, passed in wherever a record carries one, so that tests decide it. Durations and deadlines use the
/// standard library's `Clock` instead: the time of day jumps.
public protocol WallClock: Sendable {
  /// Milliseconds since 1970-01-01T00:00:00Z.
  func nowMilliseconds() -> Int64
}

/// The machine's own clock.
public struct SystemWallClock: WallClock {
  public init() {}

  public func nowMilliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }
}

extension Duration {
  /// Whole and fractional milliseconds, as JSON documents carry them.
  public var milliseconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) * 1e3 + Double(attoseconds) / 1e15
  }

  /// Whole nanoseconds; what is too long for 64 bits (292 years) is the longest there is.
  public var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return overflow || carry ? (seconds < 0 ? .min : .max) : sum
  }
}
