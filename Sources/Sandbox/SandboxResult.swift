/// How a run went. The fields are those of the contract's run document; times in milliseconds.
public struct SandboxResult: Sendable, Equatable, Codable {
  /// A layer of isolation or a limit, as asked for and as the kernel reported it.
  public struct Check: Sendable, Equatable, Codable {
    public var expected: String
    public var actual: String
    public var ok: Bool
  }

  /// The limits, and who enforces them on the whole tree.
  public struct Limits: Sendable, Equatable, Codable {
    public var memoryBytes: Int
    public var cpuPercent: Int
    public var timeoutMilliseconds: Int
    public var processes: Int
    public var tmpBytes: Int
    public var outputBytes: Int
    /// `cgroup` or `rlimit`.
    public var enforcedBy: String
  }

  /// A file that the program left in its work folder, or changed.
  public struct File: Sendable, Equatable, Codable {
    public var path: String
    public var bytes: Int
  }

  public var id: String
  public var language: Language
  public var backend: String
  public var stdout: String
  public var stderr: String
  public var stdoutTruncated = false
  public var stderrTruncated = false
  /// Nil when a signal ended it, when it was stopped, or when it never ran.
  public var exitCode: Int?
  /// Such as `SIGSEGV`.
  public var signal: String?
  public var timedOut = false
  public var outOfMemory = false
  public var blocked = false
  /// Stopped by its caller or an operator.
  public var killed = false
  public var cached = false
  /// Whether an interpreter was already up and waited for the program.
  public var isWarm = false
  public var violations: [Violation] = []
  public var limits: Limits
  public var verified: [String: Check] = [:]
  public var queueMilliseconds = 0
  public var startMilliseconds = 0
  public var durationMilliseconds = 0
  public var cleanupMilliseconds = 0
  /// The most memory the whole tree had at once; nil without a control group.
  public var memoryPeakBytes: Int?
  public var files: [File] = []
  /// Contents of `files` that fit, by path; not part of the document.
  public var artefacts: [String: [UInt8]] = [:]

  private enum CodingKeys: String, CodingKey {
    case id, language, backend, stdout, stderr, stdoutTruncated, stderrTruncated, exitCode, signal, timedOut
    case outOfMemory, blocked, killed, cached, isWarm = "warm", violations, limits, verified, queueMilliseconds,
      startMilliseconds
    case durationMilliseconds, cleanupMilliseconds, memoryPeakBytes, files
  }

  public enum Outcome: String, Sendable, Codable, CaseIterable {
    case succeeded, failed, timedOut, outOfMemory, blocked, killed
  }

  public var outcome: Outcome {
    if blocked { return .blocked }
    if timedOut { return .timedOut }
    if outOfMemory { return .outOfMemory }
    if killed { return .killed }
    return exitCode == 0 ? .succeeded : .failed
  }
}

/// What validation found in a program.
public struct Violation: Sendable, Equatable, Codable {
  public enum Severity: String, Sendable, Codable { case critical, high }

  public var rule: String
  public var severity: Severity
  /// From 1.
  public var line: Int
  /// From 1.
  public var column: Int
  public var message: String
  public var suggestion: String
}

/// What happens while a run goes on.
public enum RunEvent: Sendable, Equatable {
  case started
  case stdout([UInt8])
  case stderr([UInt8])
}
