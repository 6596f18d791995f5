/// How long a run goes on.
public struct BenchPlan: Sendable, Equatable {
  /// A run of one workload never records more.
  public static let samplesLimit = 10_000_000

  /// Measurements before the first round, thrown away.
  public var warmUpSamples = 20
  /// Rounds of each workload: their spread is the noise that a comparison allows for. At least 1.
  public var rounds = 5
  /// A round ends at the first of the two.
  public var roundDuration = Duration.seconds(1)
  public var roundSamples = 1_000
  /// Whether figures are held against their targets: not where the workloads are smaller than what those are for.
  public var isJudged = true

  public init() {}

  public init(warmUpSamples: Int, rounds: Int, roundDuration: Duration, roundSamples: Int) {
    self.warmUpSamples = warmUpSamples
    self.rounds = rounds
    self.roundDuration = roundDuration
    self.roundSamples = roundSamples
  }

  /// The samples a round may take, with the rounds as a whole within `samplesLimit`.
  var roundSamplesMax: Int { max(1, min(roundSamples, Self.samplesLimit / roundsMax)) }
  var roundsMax: Int { max(1, min(rounds, 100)) }
}
