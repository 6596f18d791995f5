internal import ControlPlane
internal import FoundationEssentials

/// The step before a Go program: the compiler makes a static program of it, in a sandbox of its own with limits of its
/// own, and what then runs under the request's limits sees neither compiler nor library.
///
/// The standard library is all there is: no module is fetched, and C is switched off. Go up to 1.19 brings the library
/// compiled; a later one compiles what a program needs of it every time, into a folder that is gone with the sandbox.
enum GoProgram {
  static let limits = SandboxLimits(
    memoryBytes: 1 << 30, cpuPercent: 200, timeoutMilliseconds: 60_000, processes: 256, tmpBytes: 512 << 20,
    outputBytes: 256 << 10, descriptors: 1_024, fileBytes: 15 << 20)

  /// What came of it.
  enum Compiled: Sendable, Equatable {
    case program([UInt8])
    /// The compiler's own words.
    case refused(String)
  }

  private static let output = "program"

  /// Besides the program, its files of Go on the first level are compiled; the others are there to be embedded.
  static func sources(_ request: SandboxRequest) -> [SandboxRequest.File] {
    request.allFiles.filter { file in
      file.path.hasSuffix(".go") && !file.path.hasSuffix("_test.go") && !file.path.contains("/")
        && !file.path.hasPrefix("-")
    }
  }

  static func arguments(_ request: SandboxRequest) -> [String] {
    ["build", "-ldflags=-s -w", "-o", "\(BubblewrapArguments.workFolder)/\(output)", "--"]
      + sources(request).map(\.path)
  }

  /// From the compiler's run to what is run next. A compiler that fails says why; one that is ended does not.
  static func outcome(_ result: SandboxRun) -> Compiled {
    if result.outcome == .succeeded, let program = result.content(output) { return .program(program) }
    let said = lines(result.stderr)
    switch result.outcome {
    case .succeeded: return .refused("the compiled program is larger than \(limits.fileBytes >> 20) MiB\n")
    case .timedOut:
      return .refused("\(said)the program was not compiled within \(limits.timeoutMilliseconds / 1_000) s\n")
    case .outOfMemory: return .refused("\(said)compiling took more than \(limits.memoryBytes >> 20) MiB of memory\n")
    default: return .refused(said.isEmpty ? "the program could not be compiled\n" : said)
    }
  }

  /// Without the heading that names the package nobody has named; places stay those of the source.
  private static func lines(_ text: String) -> String {
    let kept = text.split(separator: "\n").filter { $0 != "# command-line-arguments" }
    return kept.map { $0.hasPrefix("./") ? "\($0.dropFirst(2))\n" : "\($0)\n" }.joined()
  }

  // MARK: What the machine has

  /// A Go that a stranger's user id can reach; nil: there is none.
  static func compiler(named: String?, searchPath: String) -> Interpreter? {
    let folders =
      ["/usr/bin", "/usr/local/bin", "/usr/local/go/bin"] + searchPath.split(separator: ":").map(String.init)
    for candidate in named.map({ [$0] }) ?? folders.map({ "\($0)/go" }) {
      guard let path = Interpreter.resolve(candidate), Interpreter.isProgram(path), Interpreter.isReachable(path),
        let found = compiler(at: path)
      else { continue }
      return found
    }
    return nil
  }

  private static func compiler(at path: String) -> Interpreter? {
    guard let answer = ToolRun.output(path, ["env", "GOROOT", "GOVERSION"]) else { return nil }
    let lines = answer.split(separator: "\n").map(String.init)
    guard lines.count == 2, let root = Interpreter.resolve(lines[0]), Interpreter.isReachable(root + "/src") else {
      return nil
    }
    let version = lines[1].hasPrefix("go") ? String(lines[1].dropFirst(2)) : lines[1]
    var mounts = [root: root]
    if !path.hasPrefix(root + "/") { mounts[path] = path }
    for target in targets(in: root) + targets(in: root + "/pkg") where !target.hasPrefix(root + "/") {
      mounts[target] = target
    }
    for program in [path] + tools(root) {
      // One by one: a static program among them makes ldd fail for all.
      for library in Interpreter.libraries(of: [program]) { mounts[library] = Interpreter.resolve(library) }
    }
    var compiler = Interpreter(language: .go, path: path, version: version, mounts: mounts)
    compiler.environment = [
      "GOROOT": root, "GOPATH": "/tmp/go", "GOCACHE": "/tmp/cache", "GOTMPDIR": "/tmp", "GOPROXY": "off",
      "GOFLAGS": "", "GOENV": "off", "GOTOOLCHAIN": "local", "GOTELEMETRY": "off", "CGO_ENABLED": "0",
      "GO111MODULE": "on",
    ]
    return compiler
  }

  /// Where the links of a folder lead: distributions keep the library's sources under /usr/share.
  private static func targets(in folder: String) -> [String] {
    // A folder that is not there has no links.
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap { name in
      let path = "\(folder)/\(name)"
      guard let target = Interpreter.resolve(path), target != path, Interpreter.isReachable(target) else { return nil }
      return target
    }
  }

  private static func tools(_ root: String) -> [String] {
    let architecture = SeccompFilter.Architecture.current?.engineName ?? ""
    return ["compile", "link", "asm"].map { "\(root)/pkg/tool/linux_\(architecture)/\($0)" }
      .filter(Interpreter.isProgram)
  }

  /// What runs a compiled program: nothing but itself.
  static func runner(_ compiler: Interpreter) -> Interpreter {
    Interpreter(language: .go, path: BubblewrapArguments.programInside, version: compiler.version, mounts: [:])
  }
}
