internal import ControlPlane

extension CodeRules {
  static let nodeModules: Set<String> = [
    "assert", "assert/strict", "async_hooks", "buffer", "console", "constants", "crypto", "diagnostics_channel",
    "events", "path", "path/posix", "perf_hooks", "punycode", "querystring", "readline", "readline/promises",
    "stream", "stream/promises", "stream/web", "string_decoder", "timers", "timers/promises", "url", "util",
    "util/types", "zlib", "test",
  ]
  static let nodeFileModules: Set<String> = ["fs", "fs/promises", "os", "worker_threads"]
  static let processNames: Set<String> = [
    "stdout", "stderr", "stdin", "argv", "exit", "exitCode", "hrtime", "nextTick", "memoryUsage", "uptime", "on",
    "once", "version", "versions", "platform", "arch", "cwd", "env", "emitWarning", "cpuUsage", "off", "pid",
  ]
  private static let networkNames: Set<String> = ["fetch", "WebSocket", "XMLHttpRequest", "EventSource"]
  private static let globalNames: Set<String> = ["globalThis", "global"]
  private static let runtimeNames: Set<String> = [
    "__proto__", "prepareStackTrace", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__",
    "mainModule", "captureStackTrace", "_load", "_compile", "callee", "caller", "getBuiltinModule", "_linkedBinding",
    "dlopen",
  ]

  func javaScriptFinding(_ fact: CodeFacts.Fact) -> Violation? {
    switch fact.kind {
    case "import": nodeImport(fact)
    case "meta":
      finding(fact, "import-meta", .critical, "import.meta is not allowed", "name files relative to the work folder")
    case "name": nodeName(fact)
    case "attribute": nodeAttribute(fact)
    case "text" where fact.value == "constructor" || Self.runtimeNames.contains(fact.value):
      finding(
        fact, "computed-attribute", .critical, "a text that names \(fact.value), which reaches into the runtime",
        "use classes", softens: true)
    case "computed":
      finding(
        fact, "computed-attribute", .critical, "a property whose name is put together",
        "write the name out, or use a Map", softens: true)
    default: nil
    }
  }

  private func nodeImport(_ fact: CodeFacts.Fact) -> Violation? {
    let name = fact.value.hasPrefix("node:") ? String(fact.value.dropFirst(5)) : fact.value
    if name.isEmpty {
      return finding(fact, "import", .critical, "a module whose name is computed", "write the module's name out")
    }
    if name.hasPrefix("./"), !name.contains("..") { return ownModule(fact, String(name.dropFirst(2))) }
    if Self.nodeModules.contains(name) { return nil }
    if profile == .standard, Self.nodeFileModules.contains(name) { return nil }
    let suggestion: String
    switch name {
    case "fs", "fs/promises", "os": suggestion = "use the profile standard, which allows files of the work folder"
    case "net", "http", "https", "http2", "dgram", "dns", "tls", "axios", "node-fetch", "undici":
      suggestion = "there is no network in the sandbox: pass the data as a file or as input"
    case "child_process", "cluster": suggestion = "there are no other programs in the sandbox"
    default: suggestion = "use a module of the allowlist, or pass the module as a file and require './name.js'"
    }
    return finding(
      fact, "import", .critical, "the module \(name.prefix(100)) is not allowed under \(profile.rawValue)", suggestion)
  }

  /// A file that came with the run. Node takes any ending it does not know for a script, and what has none for a file
  /// or a folder of that name.
  private func ownModule(_ fact: CodeFacts.Fact, _ path: String) -> Violation? {
    let ending = path.split(separator: "/").last?.split(separator: ".").dropFirst().last ?? ""
    let isChecked = ["", "js", "cjs", "mjs", "json"].contains(ending)
    guard !isChecked || files.contains("\(path)/package.json") else { return nil }
    return finding(
      fact, "import", .critical, "what would be loaded as \(path.prefix(100)) has not been checked",
      "name a .js file that comes with the run")
  }

  private func nodeName(_ fact: CodeFacts.Fact) -> Violation? {
    let name = fact.value
    if name == "eval" || name == "Function" {
      return finding(
        fact, "dynamic-code", .critical, "\(name) runs code that cannot be checked",
        "use JSON.parse, or a table of functions", softens: true)
    }
    if fact.base == "typeof" { return nil }
    if Self.networkNames.contains(name) { return network(fact, name) }
    switch name {
    case "WebAssembly", "Reflect", "globalThis", "global", "process", "require", "arguments":
      return finding(
        fact, "global", .critical, "\(name) as a value can reach everything", "use what you need of it by name",
        softens: true)
    case "module":
      return finding(fact, "global", .high, "module as a value", "use module.exports")
    default: return nil
    }
  }

  private func network(_ fact: CodeFacts.Fact, _ name: String) -> Violation {
    finding(
      fact, "network", .critical, "\(name) needs a network, and the sandbox has none",
      "pass the data as a file or as input")
  }

  private func nodeAttribute(_ fact: CodeFacts.Fact) -> Violation? {
    let (before, after) = Self.context(fact)
    let name = fact.value
    if Self.runtimeNames.contains(name) {
      return finding(fact, "interpreter", .critical, "\(name) reaches into the runtime", "use classes", softens: true)
    }
    if name == "constructor", after != "name", after != "===" {
      return finding(
        fact, "constructor", .critical, "a constructor reached through an object can make code out of text",
        "use the class's name, or compare with ===", softens: true)
    }
    // The global object may have come out of a call, or as `this`.
    let isProcess = before == "process" || before.hasSuffix(".process") && name == "binding"
    if isProcess, !Self.processNames.contains(name) {
      return finding(
        fact, "process", .critical, "process.\(name) is not allowed", "use stdin, stdout, argv and exit")
    }
    if Self.globalNames.contains(before) || ["Reflect", "WebAssembly", "arguments"].contains(before) {
      return finding(
        fact, "global", .critical, "\(before).\(name) can reach everything", "use what you need by name", softens: true)
    }
    if before == "require", name != "main" {
      return finding(fact, "import", .critical, "require.\(name) is not allowed", "use require('name')")
    }
    if before == "module", name != "exports" {
      return finding(fact, "global", .critical, "module.\(name) is not allowed", "use module.exports")
    }
    return nil
  }
}
