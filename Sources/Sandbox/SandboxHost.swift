internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// What this machine offers for sandboxes, found once: programs, control groups, the launcher. Renders the
/// plan of one sandbox.
struct SandboxHost: Sendable {
  let launcherPath: String
  let bubblewrap: String
  let filter: [UInt8]
  let groups: ControlGroups?
  let interpreters: [Language: Interpreter]
  /// Takes the types out of TypeScript; nil: there is none.
  let typeStripper: Interpreter?
  let packageFolders: [String]
  let isRoot: Bool
  /// nil: there is none.
  var goCompiler: Interpreter?

  /// The ids that sandboxes run under when we are root: above those that systems, users and containers are given, up to
  /// where systemd's foreign ids begin (systemd, UIDS-GIDS).
  static let firstIdentity: UInt32 = 0x7000_0000
  private static let identities: UInt32 = 0x7FFE_0000 - firstIdentity

  /// Begins anywhere, so that two nodes of a machine do not share an id.
  private static let numbers = Atomic<UInt32>(.random(in: 0..<identities))

  /// Tells the sandboxes of this process apart, of all its engines: it names their groups and picks their user ids.
  static func nextNumber() -> UInt32 { numbers.wrappingAdd(1, ordering: .relaxed).newValue % identities }

  static func find(_ settings: SandboxSettings) throws(SandboxError) -> SandboxHost {
    let launcher = try launcher(settings)
    guard let architecture = SeccompFilter.Architecture.current else {
      throw .unavailable("there is no system call filter for this processor", fix: "use the Docker back end")
    }
    guard access(settings.bubblewrap, X_OK) == 0 else {
      throw .unavailable("\(settings.bubblewrap) is not there", fix: "install the package bubblewrap")
    }
    let groups = settings.ignoresControlGroups ? nil : ControlGroups.find()
    if groups == nil, settings.require == .all {
      throw .unavailable(
        "no control group can be made for memory, CPU and processes",
        fix: ControlGroups.delegation + "; or SANDBOX_REQUIRE=isolation, which accepts weaker limits")
    }
    var interpreters: [Language: Interpreter] = [:]
    for language in [Language.python, .javascript] {
      interpreters[language] = Interpreter.find(
        language, named: settings.interpreters[language], searchPath: settings.searchPath)
    }
    let stripper = Interpreter.tool("esbuild", for: .typescript, searchPath: settings.searchPath)
    if let stripper, var node = interpreters[.javascript] {
      node.language = .typescript
      node.version += ", esbuild \(stripper.version)"
      interpreters[.typescript] = node
    }
    let packageFolders = settings.packageFolders.filter(Interpreter.isReachable)
    let libraries = Interpreter.libraries(below: packageFolders)
    for language in interpreters.keys { interpreters[language]?.mounts.merge(libraries) { own, _ in own } }
    let compiler = GoProgram.compiler(named: settings.interpreters[.go], searchPath: settings.searchPath)
    interpreters[.go] = compiler.map(GoProgram.runner)
    groups?.sweep()
    return SandboxHost(
      launcherPath: launcher, bubblewrap: settings.bubblewrap,
      filter: SeccompFilter(architecture).bytes, groups: groups, interpreters: interpreters, typeStripper: stripper,
      packageFolders: packageFolders, isRoot: geteuid() == 0, goCompiler: compiler)
  }

  static func launcher(_ settings: SandboxSettings) throws(SandboxError) -> String {
    let path: String
    if let named = settings.launcher {
      path = named
    } else {
      // A process that cannot read its own link finds no launcher, which is what the guard below says.
      let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
      path = "/" + own.split(separator: "/").dropLast().joined(separator: "/") + "/sandbox-launcher"
    }
    guard access(path, X_OK) == 0 else {
      throw .unavailable("\(path) is not there", fix: "install sandbox-launcher beside signalbox")
    }
    return path
  }

  func interpreter(_ language: Language) throws(SandboxError) -> Interpreter {
    if language == .typescript, interpreters[.javascript] != nil, typeStripper == nil {
      throw .unavailable("TypeScript needs esbuild, which takes its types away", fix: "apt-get install esbuild")
    }
    if language == .go, goCompiler == nil {
      throw .unavailable("Go needs its compiler, where another user can reach it", fix: "apt-get install golang-go")
    }
    guard let interpreter = interpreters[language] else {
      throw .unavailable(
        "no interpreter of \(language.rawValue) that another user can reach",
        fix: "install \(language == .python ? "python3" : "nodejs") under /usr")
    }
    return interpreter
  }

  func plan(_ request: SandboxRequest, number: UInt32) throws(SandboxError) -> LaunchPlan {
    let interpreter = try interpreter(request.language)
    return plan(
      interpreter, command: command(interpreter, request.limits) + request.arguments, files: request.allFiles,
      limits: request.limits, packages: request.language == .go ? [] : packageFolders, number: number,
      runMilliseconds: request.limits.timeoutMilliseconds, isConfined: request.isConfined, program: request.compiled)
  }

  /// An interpreter that comes up and waits for a program. Its share of the processor is set when it gets one:
  /// under it, coming up would take longer.
  func plan(_ shape: WarmPool.Shape, number: UInt32) throws(SandboxError) -> LaunchPlan {
    let interpreter = try interpreter(shape.language)
    var plan = plan(
      interpreter, command: command(interpreter, shape.limits), files: [], limits: shape.limits,
      packages: packageFolders, number: number, runMilliseconds: shape.limits.timeoutMilliseconds,
      isConfined: shape.isConfined)
    plan.groups?.writes.removeAll { Verifier.isProcessorLimit($0.path) }
    plan.held = shape.language.programName
    return plan
  }

  private func command(_ interpreter: Interpreter, _ limits: SandboxLimits) -> [String] {
    guard interpreter.language != .go else { return [interpreter.path] }
    return [interpreter.path] + interpreter.language.arguments(memoryBytes: limits.memoryBytes)
      + ["\(BubblewrapArguments.workFolder)/\(interpreter.language.programName)"]
  }

  func plan(
    _ interpreter: Interpreter, command: [String], files: [SandboxRequest.File], limits: SandboxLimits,
    packages: [String], number: UInt32, runMilliseconds: Int?, isConfined: Bool, program: [UInt8]? = nil
  ) -> LaunchPlan {
    let arguments = BubblewrapArguments(
      interpreter: interpreter, extraMounts: packages, filter: filter, limits: limits,
      files: files, command: command, isConfined: isConfined, program: program)
    var plan = LaunchPlan(
      bubblewrap: bubblewrap, arguments: arguments,
      groups: groups?.plan(name: "sandbox-\(getpid())-\(number)", limits: limits),
      identity: isRoot ? Self.firstIdentity + number : nil, limits: limits,
      runMilliseconds: runMilliseconds, outputBytes: runMilliseconds == nil ? nil : limits.outputBytes,
      collectsFiles: runMilliseconds != nil)
    if plan.groups == nil { plan.resources = Self.resources(limits, runMilliseconds, hasOwnIdentity: isRoot) }
    return plan
  }

  /// What single processes are held to where no group can hold the tree.
  private static func resources(
    _ limits: SandboxLimits, _ runMilliseconds: Int?, hasOwnIdentity: Bool
  ) -> LaunchPlan.ResourceLimits {
    let seconds = (runMilliseconds ?? 3_600_000) * limits.cpuPercent / 100 / 1_000
    return LaunchPlan.ResourceLimits(
      dataBytes: limits.memoryBytes, cpuSeconds: max(1, seconds), processes: hasOwnIdentity ? limits.processes : 0)
  }
}
