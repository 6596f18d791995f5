internal import Base
public import CoreMetrics
internal import Synchronization

/// Counts requests, refusals and event streams, for the snapshot and for `/metrics`. Labels are bounded: route
/// templates, known methods, status classes and the closed list of reasons.
public final class APIStatistics: Sendable {
  private struct Key: Hashable {
    var route: String
    var method: String
    var status: String
  }

  private struct State {
    var requests: UInt64 = 0
    var refused: UInt64 = 0
    var streams = 0
    var counters: [Key: Counter] = [:]
    var timers: [String: Timer] = [:]
  }

  private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]

  private let state = Mutex(State())
  private let factory: any MetricsFactory
  private let refusals: [ProblemDetails.Reason: Counter]
  private let streamGauge: Gauge
  private let recordLatency: @Sendable (Duration) -> Void

  /// `recordLatency` gets the time from a request's head to its answer, event streams excepted.
  public init(
    factory: any MetricsFactory = MetricsSystem.factory,
    recordLatency: @escaping @Sendable (Duration) -> Void = { _ in }
  ) {
    self.factory = factory
    self.recordLatency = recordLatency
    var counters: [ProblemDetails.Reason: Counter] = [:]
    for reason in ProblemDetails.Reason.allCases {
      counters[reason] = Counter(
        label: "signalbox_api_refused_total", dimensions: [("reason", reason.rawValue)], factory: factory)
    }
    refusals = counters
    streamGauge = Gauge(label: "signalbox_api_event_streams", factory: factory)
  }

  /// Requests answered, refusals included.
  public var requests: UInt64 { state.withLock { $0.requests } }
  /// Requests refused or cut, whatever the reason.
  public var refused: UInt64 { state.withLock { $0.refused } }
  /// Event streams that are open now.
  public var eventStreams: Int { state.withLock { $0.streams } }

  func answered(route: String, method: String, status: Int, duration: Duration) {
    let method = Self.methods.contains(method) ? method : "other"
    let key = Key(route: route, method: method, status: "\(status / 100)xx")
    let handles: (counter: Counter, timer: Timer) = state.withLock { state in
      state.requests += 1
      return (counter(key, &state), timer(route, &state))
    }
    handles.counter.increment()
    handles.timer.recordNanoseconds(duration.nanoseconds)
    recordLatency(duration)
  }

  func refused(_ reason: ProblemDetails.Reason) {
    state.withLock { $0.refused += 1 }
    refusals[reason]?.increment()
  }

  /// False when `max` streams are open already.
  func openStream(max: Int) -> Bool {
    let count: Int? = state.withLock { state in
      guard state.streams < max else { return nil }
      state.streams += 1
      return state.streams
    }
    guard let count else { return false }
    streamGauge.record(count)
    return true
  }

  func closeStream() {
    let count = state.withLock { state in
      state.streams -= 1
      return state.streams
    }
    streamGauge.record(count)
  }

  private func counter(_ key: Key, _ state: inout State) -> Counter {
    if let known = state.counters[key] { return known }
    let dimensions = [("route", key.route), ("method", key.method), ("status", key.status)]
    let fresh = Counter(label: "signalbox_api_requests_total", dimensions: dimensions, factory: factory)
    state.counters[key] = fresh
    return fresh
  }

  private func timer(_ route: String, _ state: inout State) -> Timer {
    if let known = state.timers[route] { return known }
    let fresh = Timer(label: "signalbox_api_latency_seconds", dimensions: [("route", route)], factory: factory)
    state.timers[route] = fresh
    return fresh
  }
}
