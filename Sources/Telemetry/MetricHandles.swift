internal import CoreMetrics
internal import Synchronization

/// What every handle can say of itself at scrape time.
protocol MetricHandle: AnyObject, Sendable {
  var value: MetricFamily.Value { get }
}

/// A counter of whole things: one atomic addition.
final class CounterHandle: MetricHandle, CounterHandler {
  private let total = Atomic<UInt64>(0)

  func increment(by amount: Int64) {
    guard amount > 0 else { return }
    total.wrappingAdd(UInt64(amount), ordering: .relaxed)
  }

  func reset() { total.store(0, ordering: .relaxed) }

  var value: MetricFamily.Value { .number(Double(total.load(ordering: .relaxed))) }
}

/// A double that many threads add to: its bits in one atomic word.
final class AtomicDouble: Sendable {
  private let bits = Atomic<UInt64>(0)

  func load() -> Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  func store(_ number: Double) { bits.store(number.bitPattern, ordering: .relaxed) }

  func add(_ amount: Double) {
    var old = bits.load(ordering: .relaxed)
    while true {
      let new = (Double(bitPattern: old) + amount).bitPattern
      let (exchanged, original) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
      if exchanged { return }
      old = original
    }
  }
}

final class FloatingPointCounterHandle: MetricHandle, FloatingPointCounterHandler {
  private let total = AtomicDouble()

  func increment(by amount: Double) {
    guard amount > 0, amount.isFinite else { return }
    total.add(amount)
  }

  func reset() { total.store(0) }

  var value: MetricFamily.Value { .number(total.load()) }
}

/// The newest value: swift-metrics calls it a gauge, a meter, or a recorder that does not aggregate.
final class GaugeHandle: MetricHandle, MeterHandler, RecorderHandler {
  private let current = AtomicDouble()

  func set(_ value: Int64) { current.store(Double(value)) }
  func set(_ value: Double) { current.store(value) }
  func increment(by amount: Double) { current.add(amount) }
  func decrement(by amount: Double) { current.add(-amount) }
  func record(_ value: Int64) { current.store(Double(value)) }
  func record(_ value: Double) { current.store(value) }

  var value: MetricFamily.Value { .number(current.load()) }
}

/// Counts in fixed buckets. A mutex of its own keeps buckets, count and sum of one scrape consistent with each other.
final class HistogramHandle: MetricHandle, TimerHandler, RecorderHandler {
  private struct State {
    var counts: [UInt64]
    var sum = 0.0
  }

  private let bounds: [Double]
  private let state: Mutex<State>

  init(bounds: [Double]) {
    self.bounds = bounds
    state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
  func preferDisplayUnit(_ unit: TimeUnit) {}  // Prometheus has one unit of time: seconds
  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    guard value.isFinite else { return }
    let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
    state.withLock { state in
      state.counts[bucket] += 1
      state.sum += value
    }
  }

  var value: MetricFamily.Value {
    let copy = state.withLock { $0 }
    return .histogram(bounds: bounds, counts: copy.counts, sum: copy.sum)
  }
}
