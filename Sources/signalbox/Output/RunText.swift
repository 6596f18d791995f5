internal import ArgumentParser
internal import Base
internal import ControlPlane
internal import Glibc

/// Runs for people, and the code that a run ends the command with.
enum RunText {
  private static let signals: [String: Int32] = [
    "SIGHUP": SIGHUP, "SIGINT": SIGINT, "SIGQUIT": SIGQUIT, "SIGILL": SIGILL, "SIGTRAP": SIGTRAP, "SIGABRT": SIGABRT,
    "SIGBUS": SIGBUS, "SIGFPE": SIGFPE, "SIGKILL": SIGKILL, "SIGUSR1": SIGUSR1, "SIGSEGV": SIGSEGV,
    "SIGUSR2": SIGUSR2, "SIGPIPE": SIGPIPE, "SIGALRM": SIGALRM, "SIGTERM": SIGTERM, "SIGXCPU": SIGXCPU,
    "SIGXFSZ": SIGXFSZ, "SIGSYS": SIGSYS,
  ]

  /// CONTRACT, Commands.
  static func exitCode(_ result: RunResult) -> ExitCode {
    if result.blocked { return .blocked }
    if result.timedOut { return .timedOut }
    if let code = result.exitCode { return ExitCode(Int32(code)) }
    return ExitCode(128 + (result.signal.flatMap { signals[$0] } ?? SIGKILL))
  }

  /// What the exit code does not say, for standard error.
  static func remarks(_ result: RunResult, program: String) -> [String] {
    var lines = result.violations.filter { result.blocked || $0.severity == .critical || isWatched }.map { finding in
      "\(safe(program)):\(finding.line):\(finding.column): \(finding.severity.rawValue) \(safe(finding.rule)): "
        + "\(safe(finding.message))\(finding.suggestion.isEmpty ? "" : " (\(safe(finding.suggestion)))")"
    }
    let limits = result.limits
    if result.blocked { lines.append("signalbox: validation blocked the program; --profile off runs it as it is") }
    if result.timedOut {
      let time = Quantity.describe(milliseconds: Int64(limits.timeoutMilliseconds))
      lines.append("signalbox: the program was stopped after \(time)")
    }
    if result.outOfMemory {
      lines.append("signalbox: the program ran out of its \(Quantity.describe(bytes: Int64(limits.memoryBytes)))")
    }
    if result.killed { lines.append("signalbox: the run was killed") }
    for (name, isTruncated) in [("stdout", result.stdoutTruncated), ("stderr", result.stderrTruncated)]
    where isTruncated {
      lines.append("signalbox: \(name) is cut after \(Quantity.describe(bytes: Int64(limits.outputBytes)))")
    }
    return lines
  }

  /// One line of `status`.
  static func summary(_ sandbox: SandboxSnapshot) -> String {
    let latency = sandbox.latency
    let times = [latency.p50, latency.p95, latency.p99].map { Quantity.fixed($0, digits: 0) }.joined(separator: "/")
    return "\(safe(sandbox.backend))  running \(sandbox.running)  queued \(sandbox.queued)  warm \(sandbox.warm)  "
      + "total \(sandbox.total)  failed \(sandbox.failed)  timed out \(sandbox.timedOut)  blocked \(sandbox.blocked)  "
      + "success \(Quantity.fixed(sandbox.successRate * 100, digits: 1)) %  p50/p95/p99 \(times) ms"
  }

  static func list(_ runs: [RunSummary]) -> String {
    Table.render(
      header: ["ID", "WHEN", "STATE", "LANGUAGE", "TIME", "BY", "PROGRAM"],
      rows: runs.map { run in
        [
          run.id, Timestamp.iso8601(run.timeMilliseconds), state(run), run.language,
          Quantity.describe(milliseconds: Int64(run.durationMilliseconds)), run.actor, run.title,
        ]
      })
  }

  static func page(_ detail: RunDetail) -> String {
    let run = detail.summary
    var lines = [
      row("run", run.id), row("state", state(run)), row("language", run.language), row("by", run.actor),
      row("when", Timestamp.iso8601(run.timeMilliseconds)),
    ]
    if let project = run.project { lines.append(row("project", project.rawValue)) }
    if let reason = run.reason { lines.append(row("reason", reason)) }
    guard let result = detail.result else { return lines.joined(separator: "\n") }
    lines += [
      row(
        "time",
        "queue \(result.queueMilliseconds)  start \(result.startMilliseconds)  "
          + "run \(result.durationMilliseconds)  cleanup \(result.cleanupMilliseconds) ms"),
      row(
        "limits",
        "memory \(Quantity.describe(bytes: Int64(result.limits.memoryBytes)))  "
          + "cpu \(result.limits.cpuPercent) %  processes \(result.limits.processes)  by \(result.limits.enforcedBy)"),
    ]
    if let peak = result.memoryPeakBytes { lines.append(row("memory", Quantity.describe(bytes: Int64(peak)))) }
    lines += result.verified.sorted { $0.key < $1.key }.map { name, check in
      row("verified", "\(name)  \(check.ok ? "ok" : "WRONG")  \(check.actual)")
    }
    lines += result.files.map { row("file", "\(Quantity.describe(bytes: Int64($0.bytes)))  \($0.path)") }
    lines += remarks(result, program: "program")
    for (name, text) in [("program", detail.code), ("stdout", result.stdout), ("stderr", result.stderr)]
    where !text.isEmpty {
      lines.append("--- \(name)")
      lines += DisplayText.lines(of: text, max: 100_000).map(\.text)
    }
    return lines.joined(separator: "\n")
  }

  private static func state(_ run: RunSummary) -> String {
    guard run.state == .finished else { return run.state.rawValue }
    let cause = run.signal ?? run.exitCode.map { $0 == 0 ? "" : "exit \($0)" } ?? ""
    let words = [run.outcome?.rawValue ?? "ended", cause, run.isCached ? "cached" : ""]
    return words.filter { !$0.isEmpty }.joined(separator: " ")
  }

  private static func row(_ label: String, _ text: String) -> String { "\(Table.pad(label, 9)) \(safe(text))" }

  private static func safe(_ text: String) -> String { DisplayText(text).truncated(to: 1_000).text }

  /// Whether a person reads standard error.
  private static var isWatched: Bool { isatty(STDERR_FILENO) == 1 }
}
