internal import ControlPlane
internal import Glibc

/// From what the launcher reported to the result that callers see. Pure.
struct SandboxOutcome {
  var request: SandboxRequest
  var backend: String
  /// Whether limits hold for the whole tree.
  var isGrouped: Bool
  var ending: SandboxSession.Ending

  func result(id: String, queued: Duration) throws(SandboxError) -> SandboxRun {
    if let failure = ending.failure { throw .broken(failure) }
    let reason = ending.fields["reason"] ?? "unknown"
    guard ending.fields["clean"] == "1" else { throw .broken("its processes could not all be ended") }
    guard !ending.checks.isEmpty else {
      if reason == "killed" || reason == "hangup" { return stopped(id, queued) }
      throw .broken("it did not start (\(reason)): \(String(decoding: ending.stderr.prefix(500), as: UTF8.self))")
    }
    var result = stopped(id, queued)
    result.killed = false
    result.outOfMemory = outOfMemory
    switch reason {
    case "exit": setStatus(&result)
    case "timeout": result.timedOut = true
    case "killed", "hangup": result.killed = true
    case "lost" where outOfMemory: result.signal = "SIGKILL"
    default: throw .broken("it ended for no known reason (\(reason))")
    }
    // Memory that ran out while the deadline or an operator ended it did not decide the run.
    if result.timedOut || result.killed { result.outOfMemory = false }
    return result
  }

  private func stopped(_ id: String, _ queued: Duration) -> SandboxRun {
    var result = RunResult(
      id: id, language: request.language.rawValue, backend: backend,
      stdout: String(decoding: ending.stdout, as: UTF8.self), stderr: String(decoding: ending.stderr, as: UTF8.self),
      limits: limits)
    result.killed = true
    result.stdoutTruncated = number("stdoutBytes") > request.limits.outputBytes
    result.stderrTruncated = number("stderrBytes") > request.limits.outputBytes
    result.verified = ending.checks
    result.queueMilliseconds = queued.milliseconds
    result.startMilliseconds = ending.readyAfter.milliseconds
    result.durationMilliseconds = number("runMilliseconds")
    result.cleanupMilliseconds = number("cleanupMilliseconds")
    result.memoryPeakBytes = memoryPeak
    // By their bytes: two names of a folder may be one and the same to `String`.
    let given = Dictionary(request.allFiles.map { (Array($0.path.utf8), $0.content) }) { first, _ in first }
    let left = zip(ending.files, ending.contents).filter { file, content in
      content == nil || given[Array(file.path.utf8)] != content
    }.sorted { $0.0.path < $1.0.path }
    result.files = left.map(\.0)
    var run = SandboxRun(result)
    run.contents = left.map(\.1)
    return run
  }

  private var limits: RunResult.Limits {
    RunResult.Limits(
      memoryBytes: request.limits.memoryBytes, cpuPercent: request.limits.cpuPercent,
      timeoutMilliseconds: request.limits.timeoutMilliseconds, processes: request.limits.processes,
      tmpBytes: request.limits.tmpBytes, outputBytes: request.limits.outputBytes,
      enforcedBy: isGrouped ? "cgroup" : "rlimit")
  }

  private func number(_ name: String) -> Int { ending.fields[name].flatMap(Int.init) ?? 0 }

  private func statistic(_ file: String) -> String? {
    ending.statistics.first { $0.key.hasSuffix("/" + file) }?.value
  }

  private var memoryPeak: Int? {
    (statistic("memory.max_usage_in_bytes") ?? statistic("memory.peak")).flatMap { text in
      Int(text.split(whereSeparator: \.isWhitespace).first ?? "")
    }
  }

  /// Whether the kernel killed something of the run for memory: the `oom_kill` count of the group.
  private var outOfMemory: Bool {
    let text = statistic("memory.oom_control") ?? statistic("memory.events") ?? ""
    return text.split(separator: "\n").contains { line in
      let words = line.split(separator: " ")
      return words.count == 2 && words[0] == "oom_kill" && words[1] != "0"
    }
  }

  /// A wait status as wait(2) packs it.
  private func setStatus(_ result: inout SandboxRun) {
    let status = number("status")
    if status & 0x7F == 0 {
      result.exitCode = (status >> 8) & 0xFF
    } else {
      result.signal = Self.signalName(Int32(status & 0x7F))
    }
  }

  private static let names: [Int32: String] = [
    SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGABRT: "SIGABRT",
    SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1", SIGSEGV: "SIGSEGV",
    SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM", SIGXCPU: "SIGXCPU",
    SIGXFSZ: "SIGXFSZ", SIGSYS: "SIGSYS",
  ]

  static func signalName(_ number: Int32) -> String { names[number] ?? "signal \(number)" }
}

extension Duration {
  var milliseconds: Int { Int(components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000) }
}
