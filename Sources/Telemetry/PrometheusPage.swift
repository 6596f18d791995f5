internal import Base

/// What the registry did not show as asked, by reason.
struct Refusals {
  /// Made with a name that had to be changed to fit.
  var names: UInt64 = 0
  /// A name that is already another kind of metric.
  var kinds: UInt64 = 0
  /// Label sets over `seriesMax`, or names over `familiesMax`.
  var series: UInt64 = 0
}

/// One page of the text format 0.0.4 while it is put together: one block a family, no series twice.
struct PrometheusPage {
  struct Entry {
    var name: String
    var help: String
    var kind: MetricFamily.Kind
    /// By the text between the braces.
    var series: [String: MetricFamily.Value]
  }

  private var entries: [String: Entry] = [:]
  private var refused: Refusals

  init(refused: Refusals) { self.refused = refused }

  /// A family of the registry's own handles: its names are checked already.
  mutating func add(_ entry: Entry) { entries[entry.name] = entry }

  /// A collector's family. Its series join those of the same name and kind; what does not fit is counted.
  mutating func add(_ family: MetricFamily) {
    let name = MetricNames.metric(family.name)
    if name != family.name { refused.names += 1 }
    let kinds = entries.mapValues(\.kind)
    if let kind = kinds[name], kind != family.kind {
      refused.kinds += 1
      return
    }
    if Self.clashes(name, family.kind, kindOf: { kinds[$0] }) {
      refused.kinds += 1
      return
    }
    var entry = entries[name] ?? Entry(name: name, help: family.help, kind: family.kind, series: [:])
    for sample in family.samples {
      let series = MetricNames.series(MetricNames.labels(sample.labels.sorted { $0.key < $1.key }.map { ($0, $1) }))
      guard entry.series[series] == nil, Self.fits(sample.value, family.kind) else {
        refused.kinds += 1
        continue
      }
      guard entry.series.count < PrometheusRegistry.seriesMax else {
        refused.series += 1
        continue
      }
      entry.series[series] = sample.value
    }
    if !entry.series.isEmpty { entries[name] = entry }
  }

  /// Whether a family would share a sample name with a histogram, or a histogram with a family.
  static func clashes(
    _ name: String, _ kind: MetricFamily.Kind, kindOf: (String) -> MetricFamily.Kind?
  ) -> Bool {
    for suffix in ["_bucket", "_sum", "_count"] {
      if kind == .histogram, kindOf(name + suffix) != nil { return true }
      if name.hasSuffix(suffix), kindOf(String(name.dropLast(suffix.count))) == .histogram { return true }
    }
    return false
  }

  private static func fits(_ value: MetricFamily.Value, _ kind: MetricFamily.Kind) -> Bool {
    switch value {
    case .number: kind != .histogram
    case .histogram(let bounds, let counts, _):
      kind == .histogram && counts.count == bounds.count + 1 && bounds.allSatisfy(\.isFinite)
        && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }
    }
  }

  func text() -> String {
    var families = entries
    let own = refusals()
    families[own.name] = own
    var page = ""
    for name in families.keys.sorted() {
      guard let family = families[name] else { continue }
      page += "# HELP \(name) \(MetricNames.escapedHelp(family.help))\n# TYPE \(name) \(family.kind.rawValue)\n"
      for (series, value) in family.series.sorted(by: { $0.key < $1.key }) {
        Self.write(name, series, value, to: &page)
      }
    }
    return page
  }

  private func refusals() -> Entry {
    Entry(
      name: "signalbox_telemetry_metrics_refused_total",
      help: "Metrics that could not be shown as asked, by reason.", kind: .counter,
      series: [
        "reason=\"kind\"": .number(Double(refused.kinds)), "reason=\"name\"": .number(Double(refused.names)),
        "reason=\"series\"": .number(Double(refused.series)),
      ])
  }

  private static func write(_ name: String, _ series: String, _ value: MetricFamily.Value, to page: inout String) {
    let braces = series.isEmpty ? "" : "{\(series)}"
    switch value {
    case .number(let number):
      page += "\(name)\(braces) \(Self.number(number))\n"
    case .histogram(let bounds, let counts, let sum):
      let prefix = series.isEmpty ? "" : series + ","
      var total: UInt64 = 0
      for (bound, count) in zip(bounds, counts) {
        total += count
        page += "\(name)_bucket{\(prefix)le=\"\(Self.number(bound))\"} \(total)\n"
      }
      total += counts.last ?? 0
      page += "\(name)_bucket{\(prefix)le=\"+Inf\"} \(total)\n"
      page += "\(name)_sum\(braces) \(Self.number(sum))\n\(name)_count\(braces) \(total)\n"
    }
  }

  /// Whole numbers without a fraction; the rest in the shortest form that reads back as the same double.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if value == value.rounded(), abs(value) < 9_007_199_254_740_992 { return String(Int64(value)) }
    return "\(value)"
  }
}
