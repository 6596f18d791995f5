internal import ControlPlane

/// Layer 1: reads a program with the grammar of its language before anything of it runs. One helper a language stays
/// up, in a sandbox of its own: what reads strangers' programs may be brought down by them.
actor Validator {
  static let sourceBytesMax = 256 << 10
  static let deadline = Duration.seconds(2)
  private static let limits = SandboxLimits(
    memoryBytes: 256 << 20, cpuPercent: 100, timeoutMilliseconds: 300_000, processes: 32)

  private let runtime: any Runtime
  private var helpers: [Language: FactHelper] = [:]
  private var isBusy: Set<Language> = []
  private var waiting: [Language: [CheckedContinuation<Void, Never>]] = [:]
  private var isOver = false

  init(_ runtime: any Runtime) { self.runtime = runtime }

  func check(_ request: SandboxRequest) async throws(SandboxError) -> [Violation] {
    guard request.profile != .off else { return [] }
    let sources = Self.sources(request)
    guard sources.reduce(0, { $0 + $1.content.count }) <= Self.sourceBytesMax else {
      return [unchecked("has more than \(Self.sourceBytesMax) bytes", "pass data as a file")]
    }
    if request.language == .go { return GoRules(profile: request.profile).judge(request) }
    let language = request.language.checked
    if let compiled = request.files.first(where: { Self.isCompiled($0.path, language) }) {
      return [unchecked("comes with \(compiled.path.prefix(100)), a compiled module", "pass the module's source")]
    }
    await enter(language)
    defer { leave(language) }
    var found: [Violation] = []
    for source in sources {
      let isProgram = source.path == request.language.programName
      var violations = try await judge(source.content, request, language)
      if isProgram { violations = placed(violations, request) }
      for index in violations.indices where !isProgram { violations[index].message += ", in \(source.path)" }
      found += violations
      // One that cannot be read has used up its time, and decides.
      if violations.contains(where: { $0.rule == "unchecked" }) { break }
    }
    return Array(found.prefix(CodeRules.findingsMax))
  }

  /// The program, and what its imports may load of the files that come with it.
  static func sources(_ request: SandboxRequest) -> [SandboxRequest.File] {
    let language = request.language.checked
    return request.allFiles.filter { file in
      if file.path == request.language.programName { return true }
      let name = file.path.split(separator: "/").last ?? ""
      let ending = name.split(separator: ".").dropFirst().last
      switch language {
      case .python: return ending == "py"
      case .javascript, .typescript: return ending.map { ["js", "cjs", "mjs"].contains($0) } ?? true
      case .go: return false
      }
    }
  }

  /// Modules that no grammar reads.
  static func isCompiled(_ path: String, _ language: Language) -> Bool {
    (language == .python ? [".so", ".pyc"] : [".node"]).contains { path.hasSuffix($0) }
  }

  private func judge(
    _ source: [UInt8], _ request: SandboxRequest, _ language: Language
  ) async throws(SandboxError) -> [Violation] {
    let rules = CodeRules(language: language, profile: request.profile, files: Set(request.files.map(\.path)))
    // A helper may have died of the program before; a second death is this one's doing.
    for _ in 0..<2 {
      let helper = try helper(language)
      if let answer = await helper.ask(source, within: Self.deadline) {
        guard let facts = CodeFacts.decode(answer) else { break }
        return rules.judge(facts)
      }
      helpers[language] = nil
      let ending = await helper.end()
      // One that never began says nothing about the program.
      if let failure = ending.failure { throw .broken("the validator: \(failure)") }
    }
    return [unchecked("could not be checked in time", "make it simpler, or use the profile off")]
  }

  /// What was checked of a TypeScript program is the JavaScript that it became.
  private func placed(_ violations: [Violation], _ request: SandboxRequest) -> [Violation] {
    guard request.language == .typescript, let map = SourceMap(in: request.code) else { return violations }
    return violations.compactMap(map.place)
  }

  func shutdown() async {
    isOver = true
    let all = helpers.values
    helpers = [:]
    for helper in all { _ = await helper.end() }
  }

  private func unchecked(_ message: String, _ suggestion: String) -> Violation {
    Violation(
      rule: "unchecked", severity: .critical, line: 1, column: 1, message: "the program \(message)",
      suggestion: suggestion)
  }

  private func helper(_ language: Language) throws(SandboxError) -> FactHelper {
    guard !isOver else { throw .cancelled }
    if let helper = helpers[language], !helper.isOver { return helper }
    let (arguments, script) =
      switch language {
      case .python: (["-I", "-S"], FactScripts.python)
      case .javascript, .typescript: (["--expose-internals"], FactScripts.javaScript)
      // Judged by `GoRules`, without a process.
      case .go: throw .broken("there is no validator's process for Go")
      }
    let runtime = runtime
    let helper = try FactHelper { onEvent throws(SandboxError) in
      try runtime.startHelper(
        language, script: script, arguments: arguments, limits: Self.limits, onEvent: onEvent)
    }
    helpers[language] = helper
    return helper
  }

  /// One question at a time to a helper. The guard's loop is what makes a woken waiter safe against a newcomer.
  private func enter(_ language: Language) async {
    while isBusy.contains(language) {
      await withCheckedContinuation { waiting[language, default: []].append($0) }
    }
    isBusy.insert(language)
  }

  private func leave(_ language: Language) {
    isBusy.remove(language)
    guard var rest = waiting[language], !rest.isEmpty else { return }
    let next = rest.removeFirst()
    waiting[language] = rest
    next.resume()
  }
}
