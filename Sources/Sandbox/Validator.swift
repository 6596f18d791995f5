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
    guard request.code.utf8.count <= Self.sourceBytesMax else {
      return [unchecked("has more than \(Self.sourceBytesMax) bytes", "pass data as a file")]
    }
    if request.language == .go { return GoRules(profile: request.profile).judge(request) }
    let language = request.language.checked
    await enter(language)
    defer { leave(language) }
    // A helper may have died of the program before; a second death is this one's doing.
    for _ in 0..<2 {
      let helper = try helper(language)
      if let answer = await helper.ask(Array(request.code.utf8), within: Self.deadline) {
        guard let facts = CodeFacts.decode(answer) else { break }
        return placed(CodeRules(language: language, profile: request.profile).judge(facts), request)
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
