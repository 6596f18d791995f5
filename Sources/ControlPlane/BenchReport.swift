/// The document of one bench run (CONTRACT, Commands: `bench`).
public struct BenchReport: Sendable, Codable, Equatable {
  /// What it ran on: a figure without its machine says nothing.
  public struct Machine: Sendable, Codable, Equatable {
    public var cores: Int
    public var memoryBytes: Int64
    public var kernel: String
    /// Load average of the last minute when the run began.
    public var load: Double
    /// The processor by its maker's name; nil where the kernel does not tell.
    public var processor: String?

    public init(cores: Int, memoryBytes: Int64, kernel: String, load: Double, processor: String? = nil) {
      self.processor = processor
      self.cores = cores
      self.memoryBytes = memoryBytes
      self.kernel = kernel
      self.load = load
    }
  }

  /// A peer measured in the same run.
  public struct Baseline: Sendable, Codable, Equatable {
    public var name: String
    public var value: Double
    /// Our value divided by the peer's.
    public var ratio: Double

    public init(name: String, value: Double, ratio: Double) {
      self.name = name
      self.value = value
      self.ratio = ratio
    }
  }

  /// One measured figure. `target` with `met`: the bound it must keep; nil when there is none.
  public struct Result: Sendable, Codable, Equatable {
    public var suite: String
    public var name: String
    public var value: Double
    public var unit: String
    public var target: Double?
    public var met: Bool?
    public var p50: Double?
    public var p95: Double?
    public var p99: Double?
    public var samples: Int
    public var baseline: Baseline?
    /// Whether a smaller value is the better one.
    public var isLowerBetter: Bool
    /// How far repeated rounds lay apart, relative to the value (0.1: ±10 %); nil when there was one round.
    public var noise: Double?
    /// What each of repeated runs gave; `value` is their median. Nil when there was one run.
    public var figures: [Double]?

    public init(
      suite: String, name: String, value: Double, unit: String, target: Double? = nil, p50: Double? = nil,
      p95: Double? = nil, p99: Double? = nil, samples: Int, baseline: Baseline? = nil, isLowerBetter: Bool = true,
      noise: Double? = nil, figures: [Double]? = nil
    ) {
      self.suite = suite
      self.name = name
      self.value = value
      self.unit = unit
      self.target = target
      met = target.map { isLowerBetter ? value <= $0 : value >= $0 }
      self.p50 = p50
      self.p95 = p95
      self.p99 = p99
      self.samples = samples
      self.baseline = baseline
      self.isLowerBetter = isLowerBetter
      self.noise = noise
      self.figures = figures
    }
  }

  /// A row that has no figure, and why.
  public struct Failed: Sendable, Codable, Equatable {
    public var suite: String
    public var name: String
    public var reason: String

    public init(suite: String, name: String, reason: String) {
      self.suite = suite
      self.name = name
      self.reason = reason
    }
  }

  public var id: String
  public var commit: String
  public var timeMilliseconds: Int64
  public var machine: Machine
  public var results: [Result]
  /// Nil when none failed.
  public var failures: [Failed]?
  /// True for a run that was cut short: it shows that the workloads work, and its figures compare with nothing.
  public var isQuick: Bool?
  /// Against earlier runs, where that was asked for; never kept.
  public var comparison: BenchComparison?

  public init(
    id: String, commit: String, timeMilliseconds: Int64, machine: Machine, results: [Result],
    failures: [Failed] = []
  ) {
    self.id = id
    self.commit = commit
    self.timeMilliseconds = timeMilliseconds
    self.machine = machine
    self.results = results
    self.failures = failures.isEmpty ? nil : failures
  }

  /// Rows that did not keep their target, and those that have no figure at all.
  public var missed: Int { results.count { $0.met == false } + (failures?.count ?? 0) }
}
