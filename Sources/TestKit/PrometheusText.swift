/// A strict reader of the Prometheus text format 0.0.4 ("Exposition formats", section "Text-based format"): it refuses
/// whatever a scraper might refuse, and what a scraper lets pass but a careful writer does not write:
///
/// - every line ends in a line feed; nothing but samples, `# HELP` and `# TYPE`; no blank line, no stray space
/// - metric and label names of the data model; label values with the three escapes and no other
/// - one block a family: HELP, TYPE, samples, in that order, never again later; each sample belongs to its family
/// - no series twice; label names in order and once; counters not negative and named `_total`
/// - histograms: bounds rising, counts never falling, `+Inf` there and equal to `_count`, one `_sum` and `_count` each
public struct PrometheusText: Sendable {
  public struct Sample: Sendable, Equatable {
    public var name: String
    public var labels: [String: String]
    public var value: Double
  }

  public struct Family: Sendable, Equatable {
    public var name: String
    public var help: String
    public var type: String
    public var samples: [Sample]
  }

  /// What is wrong, and in which line (from 1).
  public struct Problem: Error, Equatable, CustomStringConvertible {
    public var line: Int
    public var message: String
    public var description: String { "line \(line): \(message)" }
  }

  public let families: [Family]

  public init(_ text: String) throws(Problem) {
    var reader = PrometheusReader()
    guard text.isEmpty || text.utf8.last == 10 else { throw Problem(line: 0, message: "no line feed at the end") }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    for line in lines { try reader.read(String(line)) }
    families = try reader.end()
  }

  public func family(_ name: String) -> Family? { families.first { $0.name == name } }

  /// The value of one series, by its exact labels.
  public func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    families.lazy.flatMap(\.samples).first { $0.name == name && $0.labels == labels }?.value
  }
}

/// Reads line by line and checks each family when it ends.
struct PrometheusReader {
  private var families: [PrometheusText.Family] = []
  private var open: PrometheusText.Family?
  private var help: (name: String, text: String)?
  private var seenSeries: Set<String> = []
  private var number = 0

  mutating func read(_ line: String) throws(PrometheusText.Problem) {
    number += 1
    if line.hasPrefix("#") {
      try readComment(line)
    } else {
      try readSample(line)
    }
  }

  mutating func end() throws(PrometheusText.Problem) -> [PrometheusText.Family] {
    try close()
    try require(help == nil, "HELP without TYPE at the end")
    return families
  }

  private mutating func readComment(_ line: String) throws(PrometheusText.Problem) {
    let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
    try require(parts.count == 4, "comment that is neither HELP nor TYPE with a name and a text")
    try require(PrometheusSampleParser.isMetricName(parts[2]), "wrong metric name in a comment")
    switch parts[1] {
    case "HELP":
      try close()
      try require(help == nil, "two HELP lines in a row")
      try require(PrometheusSampleParser.unescaped(parts[3], quotes: false) != nil, "wrong escape in HELP")
      help = (parts[2], parts[3])
    case "TYPE":
      try close()
      guard let help, help.name == parts[2] else { throw problem("TYPE without HELP of the same name before it") }
      let types = ["counter", "gauge", "histogram", "summary", "untyped"]
      try require(types.contains(parts[3]), "unknown type")
      try require(!families.contains { $0.name == parts[2] }, "a second block of one family")
      open = PrometheusText.Family(name: parts[2], help: help.text, type: parts[3], samples: [])
      self.help = nil
    default: throw problem("comment that is neither HELP nor TYPE")
    }
  }

  private mutating func readSample(_ line: String) throws(PrometheusText.Problem) {
    guard var family = open else { throw problem("sample outside of a block") }
    let sample: PrometheusText.Sample
    do {
      sample = try PrometheusSampleParser.parse(line)
    } catch {
      throw problem(error.message)
    }
    let suffixes = family.type == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
    try require(suffixes.contains { family.name + $0 == sample.name }, "sample of another family")
    let series = sample.name + sample.labels.sorted { $0.key < $1.key }.map { "\u{0}\($0)\u{0}\($1)" }.joined()
    try require(seenSeries.insert(series).inserted, "series twice")
    family.samples.append(sample)
    open = family
  }

  private mutating func close() throws(PrometheusText.Problem) {
    guard let family = open else { return }
    open = nil
    try require(!family.samples.isEmpty, "family \(family.name) without samples")
    if family.type == "counter" {
      try require(family.name.hasSuffix("_total"), "counter \(family.name) is not named _total")
      try require(family.samples.allSatisfy { $0.value >= 0 }, "negative counter \(family.name)")
    }
    if family.type == "histogram" { try checkHistogram(family) }
    families.append(family)
  }

  private func checkHistogram(_ family: PrometheusText.Family) throws(PrometheusText.Problem) {
    var groups: [[String: String]: [PrometheusText.Sample]] = [:]
    for sample in family.samples {
      var labels = sample.labels
      let bound = labels.removeValue(forKey: "le")
      try require((bound != nil) == sample.name.hasSuffix("_bucket"), "le belongs to buckets and only to them")
      groups[labels, default: []].append(sample)
    }
    for samples in groups.values { try checkSeries(family.name, samples) }
  }

  private func checkSeries(_ name: String, _ samples: [PrometheusText.Sample]) throws(PrometheusText.Problem) {
    let buckets = samples.filter { $0.name == name + "_bucket" }
    let bounds = buckets.map { PrometheusSampleParser.number($0.labels["le"] ?? "") ?? .nan }
    try require(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "bounds of \(name) do not rise")
    let counts = buckets.map(\.value)
    try require(counts.allSatisfy { $0 >= 0 && $0 == $0.rounded() }, "count of \(name) is not a whole number")
    try require(zip(counts, counts.dropFirst()).allSatisfy { $0 <= $1 }, "counts of \(name) fall")
    try require(bounds.last == .infinity, "no +Inf bucket at the end of \(name)")
    let totals = samples.filter { $0.name == name + "_count" }
    try require(totals.map(\.value) == [counts.last ?? .nan], "+Inf of \(name) is not its count")
    try require(samples.filter { $0.name == name + "_sum" }.count == 1, "no sum of \(name)")
  }

  private func require(_ isRight: Bool, _ message: @autoclosure () -> String) throws(PrometheusText.Problem) {
    if !isRight { throw problem(message()) }
  }

  private func problem(_ message: String) -> PrometheusText.Problem { .init(line: number, message: message) }
}
