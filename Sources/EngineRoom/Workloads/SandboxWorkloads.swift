internal import Base
internal import Bench
internal import Glibc
internal import Sandbox

/// The `sandbox` suite. Figures with the unit `x` are ratios to bare interpreters or to `docker run`, which run in turn
/// with ours in the same sample.
enum SandboxWorkloads {
  private static let print1 = "print(1, flush=True)"

  static func all(_ bench: Workbench) -> [any Workload] {
    let quick = bench.isQuick
    return [
      SandboxFigure("python first output, waiting interpreter", "ms", bench, .most(3), .warm(.python)) {
        stage throws(Failure) in
        try await stage.firstOutput(.python, print1)
      }.against("bare python3, to its first output") { stage throws(Failure) in
        try await stage.bareFirstOutput("python3", ["-c", print1])
      },
      SandboxFigure("node first output, waiting interpreter", "ms", bench, .most(10), .warm(.javascript)) {
        stage throws(Failure) in
        try await stage.firstOutput(.javascript, "console.log(1)")
      }.against("bare node, to its first output") { stage throws(Failure) in
        try await stage.bareFirstOutput("node", ["-e", "console.log(1)"])
      },
      SandboxFigure("python first output, cold", "ms", bench, .most(40), .cold) { stage throws(Failure) in
        try await stage.firstOutput(.python, print1)
      }.against("bare python3, to its first output") { stage throws(Failure) in
        try await stage.bareFirstOutput("python3", ["-c", print1])
      },
      SandboxFigure("10 at once, all started", "ms", bench, .most(100), .cold) { stage throws(Failure) in
        try await stage.allStarted(10)
      },
      SandboxFigure("sustained, of bare interpreters", "x", bench, .least(0.8), .cold) { stage throws(Failure) in
        try await stage.sustained(quick ? 4 : 24)
      },
      SandboxFigure("validation of 2 KB", "ms", bench, .most(2), .cold, figure: .p99, samples: 200) {
        stage throws(Failure) in
        try await stage.validation()
      }.warmedUp(),
      SandboxFigure("kill after the deadline", "ms", bench, .most(100), .cold) { stage throws(Failure) in
        try await stage.killedLate()
      },
      SandboxFigure("cleanup", "ms", bench, .most(50), .cold) { stage throws(Failure) in
        try await stage.cleanup()
      },
      SandboxFigure("hostile programs contained", "%", bench, .least(100), .cold, samples: 1) { stage throws(Failure) in
        try await stage.share(of: SandboxPrograms.hostile)
      },
      SandboxFigure("ordinary programs right", "%", bench, .least(100), .cold, samples: 1) { stage throws(Failure) in
        try await stage.share(of: SandboxPrograms.ordinary)
      },
    ] + oldTargets(bench) + docker(bench)
  }

  private static func oldTargets(_ bench: Workbench) -> [any Workload] {
    [
      SandboxFigure("python first output, cold, old target", "ms", bench, .most(5_000), .cold, figure: .largest) {
        stage throws(Failure) in
        try await stage.firstOutput(.python, print1)
      },
      SandboxFigure("10 at once, old target", "ms", bench, .most(5_000), .cold, figure: .largest, samples: 10) {
        stage throws(Failure) in
        try await stage.allStarted(10)
      },
      SandboxFigure("cleanup, old target", "ms", bench, .most(2_000), .cold, figure: .largest, samples: 10) {
        stage throws(Failure) in
        try await stage.cleanup()
      },
      SandboxFigure("validation of 2 KB, old target", "ms", bench, .most(100), .cold, figure: .largest, samples: 50) {
        stage throws(Failure) in
        try await stage.validation()
      },
    ]
  }

  private static func docker(_ bench: Workbench) -> [any Workload] {
    guard leftOut == nil, let docker, let image else { return [] }
    let environment = getenv("DOCKER_HOST").map { ["DOCKER_HOST": String(cString: $0)] } ?? [:]
    let run = ["run", "--rm", "--network=none", image, "python3", "-c", print1]
    return [
      SandboxFigure("faster to the first output than docker run", "x", bench, .least(20), .warm(.python), samples: 7) {
        stage throws(Failure) in
        let ours = try await stage.firstOutput(.python, print1)
        return try await stage.bareFirstOutput(docker, run, environment) / ours
      }
    ]
  }

  /// An image that is there already: a bench fetches nothing.
  private static var image: String? { getenv("SANDBOX_IMAGE_PYTHON").map { String(cString: $0) } }

  private static var docker: String? { CacheWorkloads.program("docker") }

  /// Why rows are missing; nil when none is.
  static var leftOut: String? {
    let row = "the row beside `docker run` is left out"
    if docker == nil { return "there is no docker: \(row)" }
    if image == nil { return "SANDBOX_IMAGE_PYTHON names no image: \(row)" }
    return isAnswered ? nil : "no Docker Engine answers at DOCKER_HOST: \(row)"
  }

  /// Whether an Engine says something on its socket. An address of another kind is taken at its word.
  private static var isAnswered: Bool {
    let host = getenv("DOCKER_HOST").map { String(cString: $0) } ?? "unix:///var/run/docker.sock"
    guard host.hasPrefix("unix://") else { return true }
    let engine = ProbeSocket(
      address: .unix(path: String(host.dropFirst("unix://".count))), deadline: .milliseconds(500))
    let answer = engine.exchange(Array("GET /_ping HTTP/1.0\r\n\r\n".utf8)) { !$0.isEmpty }
    if case .answered(let bytes) = answer { return !bytes.isEmpty }
    return false
  }
}

/// One figure of the suite: an engine is opened, samples are taken on it, and it is shut down.
struct SandboxFigure: Workload {
  typealias Sample = @Sendable (SandboxStage) async throws(Failure) -> Double

  enum Bound: Sendable {
    case most(Double)
    case least(Double)
  }

  let name: String
  let unit: String
  let bound: Bound
  let figure: Figure
  private let kind: SandboxStage.Kind
  private let bench: Workbench
  private let samples: Int
  private let sample: Sample
  private var peerName = ""
  private var peerSample: Sample?
  private var isWarmedUp = false
  private let state = SandboxFigureState()

  init(
    _ name: String, _ unit: String, _ bench: Workbench, _ bound: Bound, _ kind: SandboxStage.Kind,
    figure: Figure = .p50, samples: Int = 40, sample: @escaping Sample
  ) {
    (self.name, self.unit, self.bound, self.kind) = (name, unit, bound, kind)
    (self.figure, self.samples, self.sample, self.bench) = (figure, samples, sample, bench)
  }

  /// The same work without a sandbox, in turn with ours.
  func against(_ name: String, _ sample: @escaping Sample) -> SandboxFigure {
    var copy = self
    copy.peerName = name
    copy.peerSample = sample
    return copy
  }

  /// With one sample that is not counted: what comes up with the first use is not what is measured.
  func warmedUp() -> SandboxFigure {
    var copy = self
    copy.isWarmedUp = true
    return copy
  }

  var suite: String { "sandbox" }

  var target: Double? {
    switch bound {
    case .most(let value), .least(let value): value
    }
  }

  var isLowerBetter: Bool {
    if case .most = bound { true } else { false }
  }

  func fitted(_ plan: BenchPlan) -> BenchPlan { bench.longPlan(samples: bench.isQuick ? 1 : samples) }

  func prepare() async throws(Failure) {
    let opened = try await SandboxStage.open(kind)
    state.set(opened)
    if isWarmedUp { _ = try await sample(opened) }
  }

  func measure() async throws(Failure) -> Double? {
    guard let stage = state.stage else { throw Failure(.internal, "the bench of the sandbox is not set") }
    try await stage.settle()
    let ours = try await sample(stage)
    if let peerSample { state.add(peer: try await peerSample(stage)) }
    return ours
  }

  func peer() -> PeerFigure? { state.peerMedian.map { PeerFigure(name: peerName, value: $0) } }

  func cleanup() async { await state.takeStage()?.close() }
}
