internal import Base
internal import ControlPlane
internal import Glibc
internal import Sandbox
internal import Synchronization

/// What a figure of the sandbox is measured on: an engine of the bench's own, as a node would have it.
final class SandboxStage: Sendable {
  enum Kind: Sendable, Equatable {
    /// Interpreters of this language wait for programs.
    case warm(Language)
    case cold
  }

  private static let settleLimit = Duration.seconds(10)
  private static let waiting = 2

  private let engine: SandboxEngine
  private let kind: Kind

  private init(_ engine: SandboxEngine, _ kind: Kind) { (self.engine, self.kind) = (engine, kind) }

  static func open(_ kind: Kind) async throws(Failure) -> SandboxStage {
    var settings = RunSettings()
    settings.searchPath = getenv("PATH").map { String(cString: $0) } ?? ""
    settings.backend = .bubblewrap
    settings.warmPython = kind == .warm(.python) ? waiting : 0
    settings.warmNode = kind == .warm(.javascript) ? waiting : 0
    do throws(SandboxError) {
      let engine = try SandboxEngine(try settings.sandbox())
      engine.warmUp()
      return SandboxStage(engine, kind)
    } catch {
      throw error.failure
    }
  }

  func close() async { await engine.shutdown() }

  /// A sample finds the interpreters that a node at rest has.
  func settle() async throws(Failure) {
    guard kind != .cold else { return }
    let end = ContinuousClock.now + Self.settleLimit
    while engine.warm < Self.waiting {
      guard ContinuousClock.now < end else { throw Failure(.timeout, "no interpreter came up for the bench") }
      do { try await Task.sleep(for: .milliseconds(2)) } catch {
        throw Failure(.unavailable, "the bench was cancelled")
      }
    }
  }

  // MARK: Samples

  /// Milliseconds from the call to the first byte.
  func firstOutput(_ language: Language, _ code: String) async throws(Failure) -> Double {
    let first = Mutex<ContinuousClock.Instant?>(nil)
    let began = ContinuousClock.now
    _ = try await run(SandboxRequest(language: language, code: code, profile: .off)) { event in
      guard case .stdout = event else { return }
      first.withLock { $0 = $0 ?? .now }
    }
    guard let first = first.withLock({ $0 }) else { throw Failure(.internal, "a program of the bench wrote nothing") }
    return began.duration(to: first).milliseconds
  }

  /// Milliseconds until the last of so many programs, all asked for at once, has begun.
  func allStarted(_ count: Int) async throws(Failure) -> Double {
    let last = Mutex<ContinuousClock.Instant?>(nil)
    let began = ContinuousClock.now
    try await together(count) { stage throws(Failure) in
      _ = try await stage.run(SandboxRequest(language: .python, code: "pass", profile: .off)) { event in
        guard case .started = event else { return }
        last.withLock { $0 = .now }
      }
    }
    return began.duration(to: last.withLock { $0 } ?? .now).milliseconds
  }

  /// Runs a second, four at a time, by those of bare interpreters. Without the share of a core that holds one program.
  func sustained(_ count: Int) async throws(Failure) -> Double {
    let request = SandboxRequest(
      language: .python, code: "print(1)", limits: SandboxLimits(cpuPercent: 100), profile: .off)
    let bare = ContinuousClock.now
    try await batches(count) { stage throws(Failure) in _ = try await stage.bare("python3", ["-c", "print(1)"]) }
    let ours = ContinuousClock.now
    try await batches(count) { stage throws(Failure) in _ = try await stage.run(request) }
    return bare.duration(to: ours).milliseconds / ours.duration(to: .now).milliseconds
  }

  /// A program that is blocked costs its validation and nothing else.
  func validation() async throws(Failure) -> Double {
    // 2 KB in whole lines.
    let filler = (0..<45).map { "value_\($0) = [item * \($0) for item in range(10)]" }.joined(separator: "\n")
    let began = ContinuousClock.now
    let result = try await run(SandboxRequest(language: .python, code: filler + "\nimport ctypes"))
    let time = began.duration(to: .now).milliseconds
    guard result.blocked else { throw Failure(.internal, "a program that must be blocked was run") }
    return time
  }

  func killedLate() async throws(Failure) -> Double {
    let limits = SandboxLimits(timeoutMilliseconds: 200)
    let result = try await run(
      SandboxRequest(language: .python, code: "while True: pass", limits: limits, profile: .off))
    guard result.timedOut else { throw Failure(.internal, "a program outlived its deadline") }
    return Double(max(0, result.durationMilliseconds - limits.timeoutMilliseconds))
  }

  func cleanup() async throws(Failure) -> Double {
    Double(try await run(SandboxRequest(language: .python, code: "print(1)", profile: .off)).cleanupMilliseconds)
  }

  /// Percent of the programs that went as they must.
  func share(of programs: [SandboxPrograms.Program]) async throws(Failure) -> Double {
    var right = 0
    for program in programs where program.isRight(try await run(program.request)) { right += 1 }
    return Double(right) / Double(programs.count) * 100
  }

  /// Milliseconds of a program without a sandbox, from its start until its end is known.
  func bare(_ program: String, _ arguments: [String]) async throws(Failure) -> Double {
    guard let path = program.hasPrefix("/") ? program : CacheWorkloads.program(program) else {
      throw Failure(.unavailable, "there is no \(program)")
    }
    return try await BenchChild.run(
      path, .init(arguments: arguments, environment: ["PATH": "/usr/bin:/bin"]), deadline: .seconds(60)
    ).milliseconds
  }

  /// Milliseconds of a program without a sandbox until its first byte; it has ended when this returns.
  func bareFirstOutput(
    _ program: String, _ arguments: [String], _ environment: [String: String] = [:]
  ) async throws(Failure) -> Double {
    guard let path = program.hasPrefix("/") ? program : CacheWorkloads.program(program) else {
      throw Failure(.unavailable, "there is no \(program)")
    }
    return try await BenchChild.firstOutput(
      path, ["PATH": "/usr/bin:/bin"].merging(environment) { $1 }, arguments, deadline: .seconds(60)
    ).milliseconds
  }

  private func run(
    _ request: SandboxRequest, onEvent: @escaping @Sendable (RunEvent) -> Void = { _ in }
  ) async throws(Failure) -> SandboxRun {
    do throws(SandboxError) { return try await engine.run(request, onEvent: onEvent) } catch { throw error.failure }
  }

  private func together(
    _ count: Int, _ work: @escaping @Sendable (SandboxStage) async throws(Failure) -> Void
  ) async throws(Failure) {
    let failure = await withTaskGroup(of: Failure?.self) { group in
      for _ in 0..<count {
        group.addTask {
          do throws(Failure) {
            try await work(self)
            return nil
          } catch {
            return error
          }
        }
      }
      return await group.reduce(nil) { $0 ?? $1 }
    }
    if let failure { throw failure }
  }

  private func batches(
    _ count: Int, _ work: @escaping @Sendable (SandboxStage) async throws(Failure) -> Void
  ) async throws(Failure) {
    for start in stride(from: 0, to: count, by: 4) { try await together(min(4, count - start), work) }
  }
}

/// What one figure holds between its samples.
final class SandboxFigureState: Sendable {
  private let opened = Mutex<SandboxStage?>(nil)
  private let peers = Mutex<[Double]>([])

  var stage: SandboxStage? { opened.withLock { $0 } }

  func set(_ stage: SandboxStage) { opened.withLock { $0 = stage } }

  func takeStage() -> SandboxStage? {
    opened.withLock { stage in
      defer { stage = nil }
      return stage
    }
  }

  func add(peer value: Double) { peers.withLock { $0.append(value) } }

  var peerMedian: Double? {
    let values = peers.withLock { $0 }.sorted()
    return values.isEmpty ? nil : values[values.count / 2]
  }
}
