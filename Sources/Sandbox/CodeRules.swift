internal import ControlPlane

/// The rules of layer 1: facts in, findings out. They catch mistakes and honest attempts early and say what to do
/// instead; they are not the boundary, which is the sandbox itself.
struct CodeRules: Sendable {
  var language: Language
  var profile: SandboxRequest.Profile
  /// Names of the files that come with the program: modules of its own, which are checked like it.
  var files: Set<String> = []

  static let findingsMax = 100

  func judge(_ facts: CodeFacts) -> [Violation] {
    guard profile != .off else { return [] }
    if let error = facts.error { return [unreadable(error)] }
    let all = facts.facts ?? []
    var modules: [String: Set<String>] = [:]
    for fact in all where fact.kind == "bound" {
      modules[fact.value, default: []].insert(fact.base.isEmpty ? fact.value : fact.base)
    }
    let found = all.compactMap { fact in
      language == .python ? pythonFinding(fact, modules) : javaScriptFinding(fact)
    }
    return Array(found.prefix(Self.findingsMax))
  }

  /// A program that CPython cannot parse does nothing but say so, and the parser here is the one that would run it.
  /// For JavaScript it is another one, so that what it cannot read has not been checked.
  private func unreadable(_ error: CodeFacts.Unreadable) -> Violation {
    let isHarmless = language == .python && !error.text.contains("too deeply nested")
    return Violation(
      rule: "syntax", severity: isHarmless ? .high : .critical, line: error.line, column: error.column,
      message: "the program cannot be parsed: \(error.text.prefix(200))", suggestion: "correct the syntax")
  }

  /// `severity` is that of the strict profile; under `standard`, what is only suspicious is a warning.
  func finding(
    _ fact: CodeFacts.Fact, _ rule: String, _ severity: Violation.Severity, _ message: String, _ suggestion: String,
    softens: Bool = false
  ) -> Violation {
    Violation(
      rule: rule, severity: softens && profile == .standard ? .high : severity, line: fact.line,
      column: fact.column, message: message, suggestion: suggestion)
  }

  /// `random|Random` is `random` in front and `Random` behind.
  static func context(_ fact: CodeFacts.Fact) -> (before: String, after: String) {
    let parts = fact.base.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
    return (parts.first.map(String.init) ?? "", parts.count > 1 ? String(parts[1]) : "")
  }
}
