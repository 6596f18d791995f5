/// Sandboxes that bubblewrap makes, with the interpreters of this machine.
struct BubblewrapRuntime: Runtime {
  let host: SandboxHost

  /// Looks at what the machine has. Throws when a layer that is required cannot be had.
  init(_ settings: SandboxSettings) throws(SandboxError) { host = try SandboxHost.find(settings) }

  var name: String { "bubblewrap" }
  var languages: [Language: String] { host.interpreters.mapValues(\.version) }
  var isIsolationOnly: Bool { host.groups == nil }

  func requireInterpreter(of language: Language) throws(SandboxError) { _ = try host.interpreter(language) }

  func cacheKey(_ request: SandboxRequest) -> String? {
    host.interpreters[request.language].map {
      RunKey.digest(request, interpreter: $0, packageFolders: host.packageFolders)
    }
  }

  func run(
    _ request: SandboxRequest, id: String, queued: Duration, control: RunControl,
    onEvent: @escaping @Sendable (RunEvent) -> Void
  ) async throws(SandboxError) -> SandboxResult {
    let plan = try host.plan(request, number: SandboxHost.nextNumber())
    let session = SandboxSession(plan, input: request.input, onEvent: onEvent)
    try session.start(launcher: host.launcherPath)
    control.onStop { session.stop() }
    let ending = await session.ending()
    return try SandboxOutcome(
      request: request, backend: name, isGrouped: plan.groups != nil, ending: ending
    ).result(id: id, queued: queued)
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
      number: SandboxHost.nextNumber(), runMilliseconds: nil)
    let session = SandboxSession(plan, input: nil, onEvent: onEvent)
    try session.start(launcher: host.launcherPath)
    return session
  }

  func shutdown() async {}
}
