public import Base
public import ControlPlane

/// The door of the room: takes programs, runs each in a sandbox of its own, and says how it went.
///
/// At most `concurrencyMax` run at a time; the others wait in a queue in which owners take turns. A run belongs to the
/// task that asked for it: when that is cancelled, the run is killed, and the call returns when nothing of it is left.
public actor SandboxEngine {
  /// A run that has not ended.
  public struct Active: Sendable, Equatable {
    public enum State: String, Sendable { case waiting, validating, running }

    public var id: String
    public var language: Language
    public var owner: String
    public var state: State
    public var since: ContinuousClock.Instant
  }

  public struct Snapshot: Sendable, Equatable {
    public var active: [Active] = []
    /// Ended runs by outcome, and those that the sandbox itself failed.
    public var outcomes: [RunOutcome: Int] = [:]
    public var broken = 0
    public var isIsolationOnly = false
    /// Interpreters that are up and wait for a program.
    public var warm = 0
    /// Runs that found one.
    public var warmRuns = 0
  }

  private struct Waiting: Sendable {
    var id: String
    var continuation: CheckedContinuation<Bool, Never>
  }

  private struct Entry {
    var active: Active
    var control = RunControl()
  }

  private let settings: SandboxSettings
  private nonisolated let runtime: any Runtime
  private let validator: Validator
  private let onResult: (@Sendable (SandboxRequest, SandboxRun) -> Void)?
  private var entries: [String: Entry] = [:]
  private var queue: FairQueue<Waiting>
  private var running = 0
  private var outcomes: [RunOutcome: Int] = [:]
  private var broken = 0
  private var warmRuns = 0

  /// Looks at what the machine has. Throws when a layer that is required cannot be had.
  /// `onResult` hears of every result, also of blocked runs: for a history.
  public init(
    _ settings: SandboxSettings, onResult: (@Sendable (SandboxRequest, SandboxRun) -> Void)? = nil
  ) throws(SandboxError) {
    self.init(settings, try BubblewrapRuntime(settings), onResult)
  }

  /// Finds the back end that the settings name. `auto` takes bubblewrap, which needs no daemon, then Docker; where
  /// neither can be had, the error says what is missing for each.
  public static func find(
    _ settings: SandboxSettings, transport: any HTTPExchange,
    onResult: (@Sendable (SandboxRequest, SandboxRun) -> Void)? = nil
  ) async throws(SandboxError) -> SandboxEngine {
    switch settings.backend {
    case .bubblewrap: return SandboxEngine(settings, try BubblewrapRuntime(settings), onResult)
    case .docker:
      return SandboxEngine(settings, try await DockerRuntime.connect(settings, transport: transport), onResult)
    case .auto:
      let first: SandboxError
      do throws(SandboxError) {
        return SandboxEngine(settings, try BubblewrapRuntime(settings), onResult)
      } catch {
        first = error
      }
      do throws(SandboxError) {
        return SandboxEngine(settings, try await DockerRuntime.connect(settings, transport: transport), onResult)
      } catch {
        throw .unavailable(
          "\(first.failure.message); and \(error.failure.message)",
          fix: [first, error].compactMap(\.failure.hint).joined(separator: "; or "))
      }
    }
  }

  /// Fetches the images that the Docker back end needs and has not got. Harmless for another back end.
  public nonisolated func pull(onProgress: @escaping @Sendable (String) -> Void) async throws(SandboxError) {
    try await (runtime as? DockerRuntime)?.pull(onProgress: onProgress)
  }

  init(
    _ settings: SandboxSettings, _ runtime: any Runtime,
    _ onResult: (@Sendable (SandboxRequest, SandboxRun) -> Void)?
  ) {
    self.settings = settings
    self.runtime = runtime
    self.onResult = onResult
    validator = Validator(runtime)
    queue = FairQueue(capacity: settings.waitingMax)
  }

  /// The languages that can be run here, with the interpreter's version.
  public nonisolated var languages: [Language: String] { runtime.languages }

  /// `bubblewrap` or `docker`.
  public nonisolated var backend: String { runtime.name }

  /// Interpreters that are up and wait for a program.
  public nonisolated var warm: Int { runtime.warm }

  /// The same by language; one that has none is not there.
  public nonisolated var warmByLanguage: [Language: Int] { runtime.warmByLanguage }

  /// Why programs of this language cannot be run, with the way out; nil when they can.
  public nonisolated func lack(of language: Language) -> SandboxError? {
    do throws(SandboxError) {
      try runtime.requireInterpreter(of: language)
      return nil
    } catch {
      return error
    }
  }

  public nonisolated static func newID() -> String {
    Digest.hex((0..<8).map { _ in UInt8.random(in: 0...255) })
  }

  /// The name under which a result of this request may be kept; nil when its language cannot be run here.
  public nonisolated func cacheKey(_ request: SandboxRequest) -> String? { runtime.cacheKey(request) }

  /// Runs one program to its end. `onEvent` is called in order, from a thread of the room, and must not block.
  public func run(
    _ request: SandboxRequest, id: String = SandboxEngine.newID(),
    onEvent: @escaping @Sendable (RunEvent) -> Void = { _ in }
  ) async throws(SandboxError) -> SandboxRun {
    if let objection = request.objection { throw .invalid(objection) }
    guard entries[id] == nil else { throw .invalid("a run with this id is there already") }
    try runtime.requireInterpreter(of: request.language)
    let began = ContinuousClock.now
    entries[id] = Entry(
      active: Active(
        id: id, language: request.language, owner: request.owner, state: .validating, since: began))
    defer { entries[id] = nil }
    // TypeScript is checked when it has become JavaScript, which takes a sandbox and so a turn.
    let isReadable = request.language != .typescript
    let violations = isReadable ? try await validator.check(request) : []
    if violations.contains(where: { $0.severity == .critical }) {
      return finish(request, .blocked(id: id, request, violations, runtime.name))
    }
    let queued = ContinuousClock.now
    try await takeTurn(id, owner: request.owner)
    defer { endTurn() }
    let waited = queued.duration(to: .now)
    do {
      var result: SandboxRun
      switch request.language {
      case .typescript: return finish(request, try await stripAndExecute(request, id, waited, onEvent))
      case .go: result = try await compileAndExecute(request, id, waited, onEvent)
      case .python, .javascript: result = try await execute(request, id, waited, onEvent)
      }
      result.violations = violations
      return finish(request, result)
    } catch {
      broken += 1
      throw error
    }
  }

  private func stripAndExecute(
    _ request: SandboxRequest, _ id: String, _ waited: Duration, _ onEvent: @escaping @Sendable (RunEvent) -> Void
  ) async throws(SandboxError) -> SandboxRun {
    guard let control = entries[id]?.control, !control.isStopped else { throw .cancelled }
    let code: String
    switch try await runtime.strip(request.code, control: control) {
    case .program(let text): code = text
    case .refused(let text): return .refused(id: id, request, text, runtime.name)
    }
    let program = TypeScript.program(request, code)
    let violations = try await validator.check(program)
    if violations.contains(where: { $0.severity == .critical }) {
      return .blocked(id: id, request, violations, runtime.name)
    }
    var result = try await execute(program, id, waited, onEvent)
    result.violations = violations
    return result
  }

  private func compileAndExecute(
    _ request: SandboxRequest, _ id: String, _ waited: Duration, _ onEvent: @escaping @Sendable (RunEvent) -> Void
  ) async throws(SandboxError) -> SandboxRun {
    guard let control = entries[id]?.control, !control.isStopped else { throw .cancelled }
    switch try await runtime.compile(request, control: control) {
    case .refused(let text): return .refused(id: id, request, text, runtime.name)
    case .program(let bytes):
      var program = request
      program.compiled = bytes
      return try await execute(program, id, waited, onEvent)
    }
  }

  /// Ends a run; false when there is none of that id.
  @discardableResult
  public func kill(_ id: String) -> Bool {
    guard let entry = entries[id] else { return false }
    entry.control.stop()
    if let waiting = queue.remove(where: { $0.id == id }) { waiting.continuation.resume(returning: false) }
    return true
  }

  public func snapshot() -> Snapshot {
    Snapshot(
      active: entries.values.map(\.active).sorted { $0.since < $1.since }, outcomes: outcomes, broken: broken,
      isIsolationOnly: runtime.isIsolationOnly, warm: runtime.warm, warmRuns: warmRuns)
  }

  /// Starts the interpreters that wait for programs. Without it, a language's are started after its first run.
  public nonisolated func warmUp() { runtime.warmUp() }

  /// Ends every run and the validators; returns when they are gone.
  public func shutdown() async {
    for id in entries.keys { kill(id) }
    await validator.shutdown()
    await runtime.shutdown()
  }

  // MARK: Turns

  private func takeTurn(_ id: String, owner: String) async throws(SandboxError) {
    if Task.isCancelled || entries[id]?.control.isStopped == true { throw .cancelled }
    if running < settings.concurrencyMax {
      running += 1
      return
    }
    entries[id]?.active.state = .waiting
    guard queue.count < queue.capacity else { throw .busy(waiting: queue.count) }
    let isOurs = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isIn = queue.append(Waiting(id: id, continuation: continuation), owner: owner)
        if !isIn || Task.isCancelled {
          _ = queue.remove { $0.id == id }
          continuation.resume(returning: false)
        }
      }
    } onCancel: {
      // The queue is the actor's; the hop ends at once, and it finds nothing when the run has begun.
      Task { await self.kill(id) }
    }
    guard isOurs else { throw .cancelled }
  }

  /// A turn that ends is handed on, so that nobody who comes later gets before the one who waits.
  private func endTurn() {
    if let next = queue.popFirst() {
      next.continuation.resume(returning: true)
    } else {
      running -= 1
    }
  }

  // MARK: One run

  private func execute(
    _ request: SandboxRequest, _ id: String, _ waited: Duration, _ onEvent: @escaping @Sendable (RunEvent) -> Void
  ) async throws(SandboxError) -> SandboxRun {
    guard let control = entries[id]?.control, !control.isStopped, !Task.isCancelled else { throw .cancelled }
    entries[id]?.active.state = .running
    let runtime = runtime
    // A closure's errors have no type of their own yet, so the error comes out as a value.
    let outcome = await withTaskCancellationHandler { () -> Result<SandboxRun, SandboxError> in
      do throws(SandboxError) {
        return .success(
          try await runtime.run(request, id: id, queued: waited, control: control, onEvent: onEvent))
      } catch {
        return .failure(error)
      }
    } onCancel: {
      control.stop()
    }
    return try outcome.get()
  }

  private func finish(_ request: SandboxRequest, _ result: SandboxRun) -> SandboxRun {
    outcomes[result.outcome, default: 0] += 1
    if result.isWarm { warmRuns += 1 }
    onResult?(request, result)
    return result
  }
}

extension SandboxRun {
  /// A program that its language's own tools cannot read: as if it had been run and had said so.
  static func refused(id: String, _ request: SandboxRequest, _ text: String, _ backend: String) -> SandboxRun {
    var result = blocked(id: id, request, [], backend)
    result.blocked = false
    result.exitCode = 1
    result.stderr = text
    return result
  }

  static func blocked(
    id: String, _ request: SandboxRequest, _ violations: [Violation], _ backend: String
  ) -> SandboxRun {
    var result = RunResult(
      id: id, language: request.language.rawValue, backend: backend, stdout: "", stderr: "",
      limits: RunResult.Limits(
        memoryBytes: request.limits.memoryBytes, cpuPercent: request.limits.cpuPercent,
        timeoutMilliseconds: request.limits.timeoutMilliseconds, processes: request.limits.processes,
        tmpBytes: request.limits.tmpBytes, outputBytes: request.limits.outputBytes, enforcedBy: "none"))
    result.blocked = true
    result.violations = violations
    return SandboxRun(result)
  }
}
