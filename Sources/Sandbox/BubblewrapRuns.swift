/// Programs in sandboxes that bubblewrap makes: in an interpreter that waits, where one does, else in a fresh one.
struct BubblewrapRuns: Sendable {
  /// A run that has been begun.
  struct Run: Sendable {
    var plan: LaunchPlan
    var session: SandboxSession
    var isWarm: Bool
  }

  let host: SandboxHost
  let pool: WarmPool

  init(_ host: SandboxHost, _ settings: SandboxSettings) {
    self.host = host
    pool = WarmPool(host, sizes: settings.warm)
  }

  /// Nil when no interpreter waits for a request like this.
  func startWarm(
    _ request: SandboxRequest, onEvent: @escaping @Sendable (RunEvent) -> Void
  ) throws(SandboxError) -> Run? {
    while let entry = pool.take(request) {
      let plan = try host.plan(request, number: entry.number)
      let work = SandboxSession.Work(plan: plan, files: request.allFiles, input: request.input, onEvent: onEvent)
      let language = entry.shape.language
      let isGiven = entry.session.give(work) { [pool] in pool.refill(language) }
      if isGiven { return Run(plan: plan, session: entry.session, isWarm: true) }
      // It ended, or was too old, between the two calls.
      entry.session.stop()
    }
    return nil
  }

  func startFresh(
    _ request: SandboxRequest, onEvent: @escaping @Sendable (RunEvent) -> Void
  ) throws(SandboxError) -> Run {
    let plan = try host.plan(request, number: SandboxHost.nextNumber())
    let language = request.language.runtime
    let session = SandboxSession(
      plan, input: request.input, onEnd: { [pool] _ in pool.refill(language) }, onEvent: onEvent)
    try session.start(launcher: host.launcherPath)
    return Run(plan: plan, session: session, isWarm: false)
  }
}
