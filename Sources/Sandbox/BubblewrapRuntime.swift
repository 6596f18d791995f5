internal import ControlPlane

/// Sandboxes that bubblewrap makes, with the interpreters of this machine: with one that waits, where there is one,
/// else with a fresh one.
struct BubblewrapRuntime: Runtime {
  let host: SandboxHost
  let pool: WarmPool

  /// Looks at what the machine has. Throws when a layer that is required cannot be had.
  init(_ settings: SandboxSettings) throws(SandboxError) {
    self.init(settings, try SandboxHost.find(settings))
  }

  /// On a machine that has been looked at before.
  init(_ settings: SandboxSettings, _ host: SandboxHost) {
    self.host = host
    pool = WarmPool(host, sizes: settings.warm)
  }

  var name: String { "bubblewrap" }
  var languages: [Language: String] { host.interpreters.mapValues(\.version) }
  var isIsolationOnly: Bool { host.groups == nil }
  var warm: Int { pool.count }
  var warmByLanguage: [Language: Int] { pool.counts }

  func warmUp() { pool.warmUp() }

  func requireInterpreter(of language: Language) throws(SandboxError) { _ = try host.interpreter(language) }

  func cacheKey(_ request: SandboxRequest) -> String? {
    host.interpreters[request.language].map {
      RunKey.digest(request, interpreter: $0, packageFolders: host.packageFolders)
    }
  }

  func run(
    _ request: SandboxRequest, id: String, queued: Duration, control: RunControl,
    onEvent: @escaping @Sendable (RunEvent) -> Void
  ) async throws(SandboxError) -> SandboxRun {
    if let (plan, session) = try startWarm(request, onEvent: onEvent) {
      control.onStop { session.stop() }
      let ending = await session.ending()
      if ending.hasBegun || ending.failure != nil || control.isStopped {
        var result = try SandboxOutcome(
          request: request, backend: name, isGrouped: plan.groups != nil, ending: ending
        ).result(id: id, queued: queued)
        result.isWarm = true
        return result
      }
      // The interpreter ended before it had the program: nothing has been run, and nothing is lost.
    }
    let (plan, session) = try startFresh(request, onEvent: onEvent)
    control.onStop { session.stop() }
    let ending = await session.ending()
    return try SandboxOutcome(
      request: request, backend: name, isGrouped: plan.groups != nil, ending: ending
    ).result(id: id, queued: queued)
  }

  /// Nil when no interpreter waits for a request like this.
  private func startWarm(
    _ request: SandboxRequest, onEvent: @escaping @Sendable (RunEvent) -> Void
  ) throws(SandboxError) -> (LaunchPlan, SandboxSession)? {
    while let entry = pool.take(request) {
      let plan = try host.plan(request, number: entry.number)
      let work = SandboxSession.Work(plan: plan, files: request.allFiles, input: request.input, onEvent: onEvent)
      let language = entry.shape.language
      let isGiven = entry.session.give(work) { [pool] in pool.refillSoon(language) }
      if isGiven { return (plan, entry.session) }
      // It ended, or was too old, between the two calls.
      entry.session.stop()
    }
    return nil
  }

  private func startFresh(
    _ request: SandboxRequest, onEvent: @escaping @Sendable (RunEvent) -> Void
  ) throws(SandboxError) -> (LaunchPlan, SandboxSession) {
    let plan = try host.plan(request, number: SandboxHost.nextNumber())
    let language = request.language
    let session = SandboxSession(
      plan, input: request.input, onEnd: { [pool] _ in pool.refill(language) }, onEvent: onEvent)
    try session.start(launcher: host.launcherPath)
    return (plan, session)
  }

  func strip(_ code: String, control: RunControl) async throws(SandboxError) -> TypeScript.Stripped {
    let node = try host.interpreter(.typescript)
    guard let tool = host.typeStripper else {
      throw .unavailable("there is no esbuild", fix: "apt-get install esbuild")
    }
    let limits = TypeScript.limits
    let plan = host.plan(
      tool, command: [tool.path] + TypeScript.arguments(nodeVersion: node.version), files: [], limits: limits,
      packages: [], number: SandboxHost.nextNumber(), runMilliseconds: limits.timeoutMilliseconds, isConfined: true)
    let session = SandboxSession(plan, input: Array(code.utf8)) { _ in }
    try session.start(launcher: host.launcherPath)
    control.onStop { session.stop() }
    let request = SandboxRequest(language: .typescript, code: code, limits: limits)
    let result = try SandboxOutcome(
      request: request, backend: name, isGrouped: plan.groups != nil, ending: await session.ending()
    )
    .result(id: "", queued: .zero)
    if control.isStopped { throw .cancelled }
    if result.outcome == .succeeded, !result.stdoutTruncated { return .program(result.stdout) }
    let text =
      result.stderr.isEmpty ? "the types could not be taken away (\(result.outcome.rawValue))\n" : result.stderr
    return .refused(text)
  }

  func compile(_ request: SandboxRequest, control: RunControl) async throws(SandboxError) -> GoProgram.Compiled {
    guard let compiler = host.goCompiler else {
      throw .unavailable("Go needs its compiler", fix: "apt-get install golang-go")
    }
    let limits = GoProgram.limits
    // It starts the compiler proper and the linker as processes of its own.
    let plan = host.plan(
      compiler, command: [compiler.path] + GoProgram.arguments(request), files: request.allFiles, limits: limits,
      packages: [], number: SandboxHost.nextNumber(), runMilliseconds: limits.timeoutMilliseconds, isConfined: false)
    let session = SandboxSession(plan, input: []) { _ in }
    try session.start(launcher: host.launcherPath)
    control.onStop { session.stop() }
    var question = request
    question.limits = limits
    let result = try SandboxOutcome(
      request: question, backend: name, isGrouped: plan.groups != nil, ending: await session.ending()
    )
    .result(id: "", queued: .zero)
    if control.isStopped { throw .cancelled }
    return GoProgram.outcome(result)
  }

  func startHelper(
    _ language: Language, script: String, arguments: [String], limits: SandboxLimits,
    onEvent: @escaping @Sendable (RunEvent) -> Void
  ) throws(SandboxError) -> any SandboxHandle {
    let interpreter = try host.interpreter(language)
    let name = "facts"
    let plan = host.plan(
      interpreter, command: [interpreter.path] + arguments + ["\(BubblewrapArguments.workFolder)/\(name)"],
      files: [SandboxRequest.File(path: name, content: Array(script.utf8))], limits: limits, packages: [],
      number: SandboxHost.nextNumber(), runMilliseconds: nil, isConfined: true)
    let session = SandboxSession(plan, input: nil, onEvent: onEvent)
    try session.start(launcher: host.launcherPath)
    return session
  }

  func shutdown() async { await pool.shutdown() }
}
