public import CoreMetrics
internal import Synchronization

/// The metrics of this node: a swift-metrics factory whose handles are read, together with the registered collectors,
/// into one page in the Prometheus text format 0.0.4.
///
/// The registry's lock is taken when a handle is made and when the page is rendered, never when a handle counts.
/// Nothing a caller passes can break the page or make it grow without a bound: names are made to fit, a family holds at
/// most `seriesMax` series, and a name that is already of another kind gives a handle that counts but is not shown. All
/// of that is itself counted in `signalbox_telemetry_metrics_refused_total`.
public final class PrometheusRegistry: Sendable {
  /// Different label sets one name may have.
  public static let seriesMax = 200
  /// Different names.
  public static let familiesMax = 1_000
  /// Upper bounds of timers, in seconds: 100 µs … 60 s.
  public static let latencyBounds: [Double] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
  ]
  /// Upper bounds of aggregating recorders, whose unit is the caller's: powers of four up to 2^30.
  public static let magnitudeBounds: [Double] = (0...15).map { Double(1 << (2 * $0)) }

  private struct Family {
    let kind: MetricFamily.Kind
    var series: [String: any MetricHandle] = [:]
  }

  private struct State {
    var families: [String: Family] = [:]
    var helps: [String: String] = [:]
    var collectors: [@Sendable () -> [MetricFamily]] = []
    var refused = Refusals()
  }

  private let state = Mutex(State())

  public init() {}

  /// What `# HELP` says of a metric made through swift-metrics, which itself has no place for it.
  public func describe(_ name: String, _ help: String) {
    state.withLock { $0.helps[MetricNames.metric(name)] = help }
  }

  /// Adds a source that is asked at every scrape. It must not wait: it reads a snapshot.
  public func register(_ collector: @escaping @Sendable () -> [MetricFamily]) {
    state.withLock { $0.collectors.append(collector) }
  }

  /// The whole page. Families and series come in one fixed order.
  public func render() -> String {
    let (own, collectors, refused) = state.withLock { state in
      (Self.families(state), state.collectors, state.refused)
    }
    var page = PrometheusPage(refused: refused)
    for family in own { page.add(family) }
    for collector in collectors {
      for family in collector() { page.add(family) }
    }
    return page.text()
  }

  private static func families(_ state: State) -> [PrometheusPage.Entry] {
    state.families.map { name, family in
      PrometheusPage.Entry(
        name: name, help: state.helps[name] ?? "Not described.", kind: family.kind,
        series: family.series.mapValues(\.value))
    }
  }

  private func handle<Handle: MetricHandle>(
    _ label: String, _ dimensions: [(String, String)], _ kind: MetricFamily.Kind, _ make: () -> Handle
  ) -> Handle {
    let name = MetricNames.metric(label)
    let series = MetricNames.series(MetricNames.labels(dimensions))
    return state.withLock { state in
      if name != label { state.refused.names += 1 }
      var family = state.families[name] ?? Family(kind: kind)
      if family.kind == kind, let existing = family.series[series] as? Handle { return existing }
      let handle = make()
      if family.kind != kind || family.series[series] != nil || Self.clashes(name, kind, state) {
        state.refused.kinds += 1
      } else if family.series.count >= Self.seriesMax {
        state.refused.series += 1
      } else if state.families[name] == nil, state.families.count >= Self.familiesMax {
        state.refused.series += 1
      } else {
        family.series[series] = handle
        state.families[name] = family
      }
      return handle
    }
  }

  /// A histogram `x` owns `x_bucket`, `x_sum` and `x_count` too.
  private static func clashes(_ name: String, _ kind: MetricFamily.Kind, _ state: State) -> Bool {
    PrometheusPage.clashes(name, kind) { state.families[$0]?.kind }
  }

  private func forget(_ handler: AnyObject) {
    state.withLock { state in
      for (name, family) in state.families {
        guard let series = family.series.first(where: { $0.value === handler })?.key else { continue }
        state.families[name]?.series[series] = nil
        if state.families[name]?.series.isEmpty == true { state.families[name] = nil }
        return
      }
    }
  }
}

extension PrometheusRegistry: MetricsFactory {
  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    handle(label, dimensions, .counter) { CounterHandle() }
  }

  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    handle(label, dimensions, .counter) { FloatingPointCounterHandle() }
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    handle(label, dimensions, .gauge) { GaugeHandle() }
  }

  public func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    if aggregate {
      return handle(label, dimensions, .histogram) { HistogramHandle(bounds: Self.magnitudeBounds) }
    }
    return handle(label, dimensions, .gauge) { GaugeHandle() }
  }

  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    handle(label, dimensions, .histogram) { HistogramHandle(bounds: Self.latencyBounds) }
  }

  public func destroyCounter(_ handler: any CounterHandler) { forget(handler) }
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { forget(handler) }
  public func destroyMeter(_ handler: any MeterHandler) { forget(handler) }
  public func destroyRecorder(_ handler: any RecorderHandler) { forget(handler) }
  public func destroyTimer(_ handler: any TimerHandler) { forget(handler) }
}
