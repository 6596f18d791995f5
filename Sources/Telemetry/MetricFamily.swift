/// All samples of one metric name, as a collector hands them over at scrape time.
public struct MetricFamily: Sendable, Equatable {
  public enum Kind: String, Sendable {
    case counter, gauge, histogram
  }

  /// One series. A label list is small and ordered by the renderer, so a plain dictionary is enough.
  public struct Sample: Sendable, Equatable {
    public var labels: [String: String]
    public var value: Value

    public init(labels: [String: String] = [:], value: Value) {
      self.labels = labels
      self.value = value
    }

    public init(labels: [String: String] = [:], _ number: Double) {
      self.init(labels: labels, value: .number(number))
    }
  }

  public enum Value: Sendable, Equatable {
    /// A counter or a gauge.
    case number(Double)
    /// `counts` has one entry for each bound and a last one for everything above; they are not cumulative.
    case histogram(bounds: [Double], counts: [UInt64], sum: Double)
  }

  public var name: String
  /// One sentence for people who read `/metrics`.
  public var help: String
  public var kind: Kind
  public var samples: [Sample]

  public init(_ name: String, help: String, kind: Kind, samples: [Sample]) {
    self.name = name
    self.help = help
    self.kind = kind
    self.samples = samples
  }

  /// A family with one series and no labels, the usual case.
  public init(_ name: String, help: String, kind: Kind, value: Double) {
    self.init(name, help: help, kind: kind, samples: [Sample(value)])
  }
}
