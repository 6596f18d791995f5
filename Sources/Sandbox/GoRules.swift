internal import ControlPlane

/// The rules of layer 1 for Go: what may be imported, and the few names of allowed packages that reach outside.
struct GoRules: Sendable {
  var profile: SandboxRequest.Profile

  private static let packages: Set<String> = [
    "bufio", "bytes", "cmp", "context", "crypto", "embed", "encoding", "errors", "flag", "fmt", "hash", "html",
    "image", "io", "io/fs", "io/ioutil", "iter", "log", "log/slog", "maps", "math", "mime", "net/netip", "net/url",
    "os", "os/signal", "path", "path/filepath", "reflect", "regexp", "regexp/syntax", "runtime", "runtime/debug",
    "runtime/metrics", "slices", "sort", "strconv", "strings", "structs", "sync", "sync/atomic", "testing", "time",
    "time/tzdata", "unicode", "unique", "weak",
  ]
  private static let families = [
    "archive/", "compress/", "container/", "crypto/", "encoding/", "go/", "hash/", "html/", "image/", "index/",
    "math/", "mime/", "testing/", "text/", "unicode/",
  ]
  private static let refused: Set<String> = ["crypto/tls", "go/build", "go/importer"]
  private static let standardPackages: Set<String> = [
    "os/user", "runtime/pprof", "runtime/trace", "go/build", "go/importer",
  ]
  private static let processNames: Set<String> = ["StartProcess", "FindProcess"]

  func judge(_ request: SandboxRequest) -> [Violation] {
    guard profile != .off else { return [] }
    var found: [Violation] = []
    for file in GoProgram.sources(request) {
      let isProgram = file.path == request.language.programName
      for var violation in judge(GoSource(String(decoding: file.content, as: UTF8.self))) {
        if !isProgram { violation.message += ", in \(file.path)" }
        found.append(violation)
      }
    }
    return Array(found.prefix(CodeRules.findingsMax))
  }

  func judge(_ source: GoSource) -> [Violation] {
    if let (text, place) = source.objection {
      return [violation("syntax", .critical, place, "the program cannot be parsed: \(text)", "correct the syntax")]
    }
    return source.imports.compactMap(judge)
      + source.directives.map { name, place in
        violation(
          "directive", .critical, place, "\(name) reaches past what can be imported", "use what packages offer")
      } + source.selectors.compactMap(judge)
  }

  private func judge(_ selector: GoSource.Selector) -> Violation? {
    guard selector.package == "os", Self.processNames.contains(selector.name) else { return nil }
    return violation(
      "process", .critical, selector.place, "os.\(selector.name) is for other processes, and there are none",
      "do it in the program itself")
  }

  private func judge(_ entry: GoSource.Import) -> Violation? {
    let path = entry.path
    // Names of a package without its own in front cannot be told from the program's.
    if path == "os", entry.name == "." {
      return violation("import", .critical, entry.place, "os is imported without a name", "write import \"os\"")
    }
    let isFamily = Self.families.contains { path.hasPrefix($0) } && !Self.refused.contains(path)
    if Self.packages.contains(path) || isFamily { return nil }
    if profile == .standard, Self.standardPackages.contains(path) { return nil }
    let severity: Violation.Severity = profile == .standard && path == "unsafe" ? .high : .critical
    return violation(
      "import", severity, entry.place, "the package \(path.prefix(100)) is not allowed under \(profile.rawValue)",
      suggestion(path))
  }

  private func suggestion(_ path: String) -> String {
    if path == "C" { return "there is no C in the sandbox: write it in Go" }
    if path == "os/exec" || path == "plugin" { return "there are no other programs in the sandbox" }
    if path == "net" || path.hasPrefix("net/") || path == "crypto/tls" {
      return "there is no network in the sandbox: pass the data as a file or as input"
    }
    if path == "syscall" { return "use the package os" }
    if path == "unsafe" { return "use encoding/binary or math.Float64bits" }
    if Self.standardPackages.contains(path) { return "use the profile standard" }
    return path.contains(".")
      ? "use the standard library, or pass what you need of it as further .go files"
      : "use another package of the standard library"
  }

  private func violation(
    _ rule: String, _ severity: Violation.Severity, _ place: GoSource.Place, _ message: String, _ suggestion: String
  ) -> Violation {
    Violation(
      rule: rule, severity: severity, line: place.line, column: place.column, message: message, suggestion: suggestion)
  }
}
