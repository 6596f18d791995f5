import CoreMetrics
import Telemetry
import TestKit
import Testing

@Suite struct PrometheusRegistryTests {
  private func page(_ registry: PrometheusRegistry) throws -> PrometheusText { try PrometheusText(registry.render()) }

  private func refused(_ registry: PrometheusRegistry, _ reason: String) throws -> Double? {
    try page(registry).value("signalbox_telemetry_metrics_refused_total", ["reason": reason])
  }

  @Test func anEmptyRegistryStillGivesAReadablePage() throws {
    #expect(try refused(PrometheusRegistry(), "kind") == 0)
  }

  @Test func everyKindOfHandleIsShownWithItsValue() throws {
    let registry = PrometheusRegistry()
    Counter(label: "a_total", dimensions: [("route", "/x")], factory: registry).increment(by: 3)
    FloatingPointCounter(label: "b_seconds_total", factory: registry).increment(by: 0.25)
    Gauge(label: "c_bytes", factory: registry).record(-1.5)
    Meter(label: "d_bytes", factory: registry).increment(by: 7)
    Meter(label: "d_bytes", factory: registry).decrement(by: 2)
    Recorder(label: "e_items", factory: registry).record(100)
    Timer(label: "f_seconds", factory: registry).recordMilliseconds(30)
    let page = try page(registry)
    #expect(page.value("a_total", ["route": "/x"]) == 3)
    #expect(page.value("b_seconds_total") == 0.25)
    #expect(page.value("c_bytes") == -1.5)
    #expect(page.value("d_bytes") == 5)
    #expect(page.value("e_items_bucket", ["le": "64"]) == 0)
    #expect(page.value("e_items_bucket", ["le": "256"]) == 1)
    #expect(page.value("f_seconds_bucket", ["le": "0.025"]) == 0)
    #expect(page.value("f_seconds_bucket", ["le": "0.05"]) == 1)
    #expect(page.value("f_seconds_sum") == 0.03)
    #expect(page.family("f_seconds")?.type == "histogram" && page.family("a_total")?.type == "counter")
  }

  @Test func theSameNameAndLabelsAreOneSeriesWhateverTheirOrder() throws {
    let registry = PrometheusRegistry()
    Counter(label: "a_total", dimensions: [("x", "1"), ("y", "2")], factory: registry).increment()
    Counter(label: "a_total", dimensions: [("y", "2"), ("x", "1")], factory: registry).increment()
    #expect(try page(registry).value("a_total", ["x": "1", "y": "2"]) == 2)
  }

  @Test func helpAndLabelValuesOfAnyTextAreEscaped() throws {
    let registry = PrometheusRegistry()
    let nasty = "a\\b\n\"c\" } 7 é {"
    registry.describe("a_total", "first\nsecond \\ third")
    Counter(label: "a_total", dimensions: [("path", nasty)], factory: registry).increment()
    let page = try page(registry)
    #expect(page.value("a_total", ["path": nasty]) == 1)
    #expect(page.family("a_total")?.help == "first\\nsecond \\\\ third")
  }

  /// Row: the name given, the name shown.
  @Test(arguments: [
    ("http.requests_total", "http_requests_total"), ("9lives_total", "_9lives_total"), ("a b\n_total", "a_b__total"),
    ("é_total", "___total"), ("ok:rule_total", "ok:rule_total"),
  ])
  func wrongNamesAreMadeToFitAndCounted(_ given: String, _ shown: String) throws {
    let registry = PrometheusRegistry()
    Counter(label: given, factory: registry).increment()
    #expect(try page(registry).value(shown) == 1)
    #expect(try refused(registry, "name") == (given == shown ? 0 : 1))
  }

  @Test func anEmptyNameIsMadeToFit() {
    let registry = PrometheusRegistry()
    Gauge(label: "", factory: registry).record(1)
    #expect(registry.render().contains("\n_ 1\n"))
  }

  @Test func reservedLabelNamesGetAPrefix() throws {
    let registry = PrometheusRegistry()
    Counter(label: "a_total", dimensions: [("le", "1"), ("__x", "2"), ("", "3")], factory: registry).increment()
    #expect(try page(registry).value("a_total", ["label_le": "1", "label___x": "2", "_": "3"]) == 1)
  }

  @Test func aNameOfAnotherKindCountsUnseen() throws {
    let registry = PrometheusRegistry()
    Counter(label: "a_total", factory: registry).increment()
    let clashing = Timer(label: "a_total", factory: registry)
    clashing.recordSeconds(1)
    FloatingPointCounter(label: "a_total", factory: registry).increment(by: 1)
    #expect(try page(registry).value("a_total") == 1)
    #expect(try refused(registry, "kind") == 2)
  }

  @Test func aNameThatAHistogramOwnsIsRefused() throws {
    let registry = PrometheusRegistry()
    Timer(label: "a", factory: registry).recordSeconds(1)
    Gauge(label: "a_sum", factory: registry).record(9)
    Gauge(label: "b_count", factory: registry).record(1)
    Timer(label: "b", factory: registry).recordSeconds(1)
    let page = try page(registry)
    #expect(page.value("a_sum") == 1 && page.value("b_count") == 1)
    #expect(page.family("b") == nil && page.family("a_sum") == nil)
    #expect(try refused(registry, "kind") == 2)
  }

  @Test func labelSetsOverTheMaximumAreCountedAndNotShown() throws {
    let registry = PrometheusRegistry()
    for number in 0..<(PrometheusRegistry.seriesMax + 5) {
      Counter(label: "a_total", dimensions: [("id", "\(number)")], factory: registry).increment()
    }
    #expect(try page(registry).family("a_total")?.samples.count == PrometheusRegistry.seriesMax)
    #expect(try refused(registry, "series") == 5)
  }

  @Test func namesOverTheMaximumAreCountedAndNotShown() throws {
    let registry = PrometheusRegistry()
    for number in 0..<(PrometheusRegistry.familiesMax + 3) {
      Gauge(label: "g\(number)", factory: registry).record(1)
    }
    #expect(try page(registry).families.count == PrometheusRegistry.familiesMax + 1)
    #expect(try refused(registry, "series") == 3)
  }

  @Test func aDestroyedMetricLeavesThePage() throws {
    let registry = PrometheusRegistry()
    let counter = Counter(label: "a_total", factory: registry)
    let other = Counter(label: "a_total", dimensions: [("x", "1")], factory: registry)
    counter.destroy()
    #expect(try page(registry).family("a_total")?.samples.count == 1)
    other.destroy()
    #expect(try page(registry).family("a_total") == nil)
  }

  @Test func whatIsNoNumberOrRunsBackwardsIsNotCounted() throws {
    let registry = PrometheusRegistry()
    let handle = registry.makeCounter(label: "a_total", dimensions: [])
    handle.increment(by: -5)
    let sum = registry.makeFloatingPointCounter(label: "b_total", dimensions: [])
    for amount in [Double.nan, .infinity, -1] { sum.increment(by: amount) }
    let histogram = registry.makeRecorder(label: "c", dimensions: [], aggregate: true)
    histogram.record(Double.nan)
    let gauge = registry.makeMeter(label: "d", dimensions: [])
    gauge.set(Double.infinity)
    let page = try page(registry)
    #expect(page.value("a_total") == 0 && page.value("b_total") == 0 && page.value("c_count") == 0)
    #expect(page.value("d") == .infinity)
  }

  @Test func increasesFromManyTasksAreAllCounted() async throws {
    let registry = PrometheusRegistry()
    await withTaskGroup { group in
      for _ in 0..<8 {
        group.addTask {
          let counter = Counter(label: "a_total", factory: registry)
          let sum = FloatingPointCounter(label: "b_total", factory: registry)
          let timer = Timer(label: "c_seconds", factory: registry)
          for _ in 0..<1_000 {
            counter.increment()
            sum.increment(by: 0.5)
            timer.recordMilliseconds(1)
          }
        }
        group.addTask { for _ in 0..<20 { _ = registry.render() } }
      }
    }
    let page = try page(registry)
    #expect(page.value("a_total") == 8_000 && page.value("b_total") == 4_000 && page.value("c_seconds_count") == 8_000)
  }
}

@Suite struct CollectorTests {
  @Test func collectorsAreAskedAtEveryScrape() throws {
    let registry = PrometheusRegistry()
    let calls = Collected<Int>()
    registry.register {
      calls.append(1)
      return [MetricFamily("up", help: "Is it?", kind: .gauge, value: Double(calls.count))]
    }
    #expect(try PrometheusText(registry.render()).value("up") == 1)
    #expect(try PrometheusText(registry.render()).value("up") == 2)
  }

  @Test func seriesOfTwoCollectorsJoinAndDoublesAreRefused() throws {
    let registry = PrometheusRegistry()
    for label in ["a", "b", "a"] {
      registry.register {
        [MetricFamily("jobs", help: "Jobs.", kind: .gauge, samples: [.init(labels: ["kind": label], 1)])]
      }
    }
    let page = try PrometheusText(registry.render())
    #expect(page.family("jobs")?.samples.count == 2)
    #expect(page.value("signalbox_telemetry_metrics_refused_total", ["reason": "kind"]) == 1)
  }

  @Test func wrongFamiliesOfACollectorNeverBreakThePage() throws {
    let registry = PrometheusRegistry()
    _ = registry.makeCounter(label: "taken_total", dimensions: [])
    registry.register {
      [
        MetricFamily("taken_total", help: "Clash.", kind: .gauge, value: 1),
        MetricFamily("h", help: "", kind: .histogram, value: 1),
        MetricFamily(
          "h2", help: "Falling bounds.", kind: .histogram,
          samples: [.init(value: .histogram(bounds: [2, 1], counts: [0, 0, 0], sum: 0))]),
        MetricFamily(
          "h3", help: "Short.", kind: .histogram, samples: [.init(value: .histogram(bounds: [1], counts: [], sum: 0))]),
        MetricFamily("g", help: "", kind: .gauge, samples: []),
        MetricFamily("a b", help: "", kind: .gauge, value: .nan),
        MetricFamily(
          "many", help: "Many.", kind: .gauge, samples: (0..<500).map { .init(labels: ["n": "\($0)"], 1) }),
      ]
    }
    let page = try PrometheusText(registry.render())
    #expect(page.families.map(\.name) == ["a_b", "many", "signalbox_telemetry_metrics_refused_total", "taken_total"])
    #expect(page.family("many")?.samples.count == PrometheusRegistry.seriesMax)
  }

  @Test func histogramsOfACollectorAreCumulativeOnThePage() throws {
    let registry = PrometheusRegistry()
    registry.register {
      let value = MetricFamily.Value.histogram(bounds: [0.1, 1], counts: [1, 2, 3], sum: 9)
      return [
        MetricFamily("t_seconds", help: "T.", kind: .histogram, samples: [.init(labels: ["x": "y"], value: value)])
      ]
    }
    let page = try PrometheusText(registry.render())
    #expect(page.value("t_seconds_bucket", ["x": "y", "le": "1"]) == 3)
    #expect(page.value("t_seconds_count", ["x": "y"]) == 6)
  }

  @Test func thePageIsTheSameEveryTime() {
    func make(_ names: [String]) -> String {
      let registry = PrometheusRegistry()
      for name in names { Counter(label: name, dimensions: [("a", name)], factory: registry).increment() }
      return registry.render()
    }
    let names = (0..<30).map { "n\($0)_total" }
    #expect(make(names) == make(names.shuffled()))
  }

  /// Any names, labels and values: the strict reader accepts every page.
  @Test func noInputBreaksThePage() throws {
    var random = SeededRandom()
    for _ in 0..<50 {
      let registry = PrometheusRegistry()
      for _ in 0..<20 {
        let texts = (0..<3).map { _ in
          String(decoding: random.bytes(Int.random(in: 0...12, using: &random)), as: UTF8.self)
        }
        let dimensions = [(texts[1], texts[2]), ("x", texts[0])]
        switch Int.random(in: 0...3, using: &random) {
        case 0: registry.makeCounter(label: texts[0] + "_total", dimensions: dimensions).increment(by: 1)
        case 1: registry.makeMeter(label: texts[0], dimensions: dimensions).set(Double(bitPattern: random.next()))
        case 2: registry.makeTimer(label: texts[0], dimensions: dimensions).recordNanoseconds(.max)
        default: registry.makeRecorder(label: texts[0], dimensions: dimensions, aggregate: true).record(Int64.min)
        }
      }
      let page = registry.render()
      #expect(throws: Never.self, "\(random)") { try PrometheusText(page) }
    }
  }
}
