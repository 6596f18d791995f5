public import Base

/// One program to run in the sandbox.
public struct RunRequest: Sendable, Codable, Equatable {
  /// A file that the program finds in its work folder.
  public struct File: Sendable, Codable, Equatable {
    /// Relative, without `..`.
    public var path: String
    public var content: Blob

    public init(path: String, content: Blob) {
      self.path = path
      self.content = content
    }
  }

  /// Chosen by a face that wants to follow the run's events from the first; 8…64 of `[A-Za-z0-9-]`. A taken one is
  /// refused. Nil: the node chooses.
  public var id: String?
  /// `python`, `javascript`, `typescript` or `go`.
  public var language: String
  public var code: String
  public var files: [File]
  public var input: Blob
  public var arguments: [String]
  /// Nil: SANDBOX_TIMEOUT_MS.
  public var timeoutMilliseconds: Int?
  /// Nil: 512 MiB.
  public var memoryBytes: Int?
  /// `strict`, `standard` or `off`.
  public var profile: String
  /// Whether the result of the same request may be replayed, and this one kept for that.
  public var isCached: Bool
  /// Whose `project:ID` room hears `run-finished`.
  public var project: ProjectID?

  public init(
    id: String? = nil, language: String, code: String, files: [File] = [], input: Blob = Blob([]),
    arguments: [String] = [], timeoutMilliseconds: Int? = nil, memoryBytes: Int? = nil, profile: String = "strict",
    isCached: Bool = true, project: ProjectID? = nil
  ) {
    self.id = id
    self.language = language
    self.code = code
    self.files = files
    self.input = input
    self.arguments = arguments
    self.timeoutMilliseconds = timeoutMilliseconds
    self.memoryBytes = memoryBytes
    self.profile = profile
    self.isCached = isCached
    self.project = project
  }
}

/// How a run ended.
public enum RunOutcome: String, Sendable, Codable, CaseIterable {
  case succeeded, failed, timedOut, outOfMemory, blocked, killed
  /// The sandbox itself failed: the program was not run, or nothing can be said of it.
  case error
}

/// A run in one line: what lists, panes and events show.
public struct RunSummary: Sendable, Codable, Equatable {
  public enum State: String, Sendable, Codable {
    case queued, running, finished
  }

  public var id: String
  public var state: State
  public var language: String
  public var backend: String
  /// Who asked for it.
  public var actor: String
  public var project: ProjectID?
  /// The program's first line that says something; outside bytes.
  public var title: String
  /// When it was asked for, in milliseconds since 1970.
  public var timeMilliseconds: Int64
  /// Nil until it ends.
  public var outcome: RunOutcome?
  public var exitCode: Int?
  public var signal: String?
  public var isCached: Bool
  public var queueMilliseconds: Int
  public var startMilliseconds: Int
  /// Of the program itself; while it runs: so far.
  public var durationMilliseconds: Int
  public var memoryPeakBytes: Int?
  /// The rules that blocked it, or what the sandbox failed of.
  public var reason: String?

  public init(
    id: String, state: State, language: String, backend: String = "", actor: String, project: ProjectID? = nil,
    title: String = "", timeMilliseconds: Int64, outcome: RunOutcome? = nil, exitCode: Int? = nil,
    signal: String? = nil, isCached: Bool = false, queueMilliseconds: Int = 0, startMilliseconds: Int = 0,
    durationMilliseconds: Int = 0, memoryPeakBytes: Int? = nil, reason: String? = nil
  ) {
    self.id = id
    self.state = state
    self.language = language
    self.backend = backend
    self.actor = actor
    self.project = project
    self.title = title
    self.timeMilliseconds = timeMilliseconds
    self.outcome = outcome
    self.exitCode = exitCode
    self.signal = signal
    self.isCached = isCached
    self.queueMilliseconds = queueMilliseconds
    self.startMilliseconds = startMilliseconds
    self.durationMilliseconds = durationMilliseconds
    self.memoryPeakBytes = memoryPeakBytes
    self.reason = reason
  }
}

/// How a run went: the JSON of `signalbox run` (CONTRACT, Commands). Times in milliseconds.
public struct RunResult: Sendable, Codable, Equatable {
  /// A layer of isolation or a limit, as asked for and as the kernel reported it.
  public struct Check: Sendable, Codable, Equatable {
    public var expected: String
    public var actual: String
    public var ok: Bool

    public init(expected: String, actual: String, ok: Bool) {
      self.expected = expected
      self.actual = actual
      self.ok = ok
    }
  }

  /// The limits, and who enforces them on the whole tree.
  public struct Limits: Sendable, Codable, Equatable {
    public var memoryBytes: Int
    public var cpuPercent: Int
    public var timeoutMilliseconds: Int
    public var processes: Int
    public var tmpBytes: Int
    public var outputBytes: Int
    /// `cgroup`, `docker` or `rlimit`.
    public var enforcedBy: String

    public init(
      memoryBytes: Int, cpuPercent: Int, timeoutMilliseconds: Int, processes: Int, tmpBytes: Int, outputBytes: Int,
      enforcedBy: String
    ) {
      self.memoryBytes = memoryBytes
      self.cpuPercent = cpuPercent
      self.timeoutMilliseconds = timeoutMilliseconds
      self.processes = processes
      self.tmpBytes = tmpBytes
      self.outputBytes = outputBytes
      self.enforcedBy = enforcedBy
    }
  }

  /// What validation found in a program.
  public struct Violation: Sendable, Codable, Equatable {
    public enum Severity: String, Sendable, Codable {
      /// Blocks the program.
      case critical
      /// Warns.
      case high
    }

    public var rule: String
    public var severity: Severity
    /// From 1.
    public var line: Int
    /// From 1.
    public var column: Int
    public var message: String
    public var suggestion: String

    public init(rule: String, severity: Severity, line: Int, column: Int, message: String, suggestion: String) {
      self.rule = rule
      self.severity = severity
      self.line = line
      self.column = column
      self.message = message
      self.suggestion = suggestion
    }
  }

  /// A file that the program left in its work folder, or changed.
  public struct File: Sendable, Codable, Equatable {
    public var path: String
    public var bytes: Int

    public init(path: String, bytes: Int) {
      self.path = path
      self.bytes = bytes
    }
  }

  public var id: String
  public var language: String
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
  public var violations: [Violation] = []
  public var limits: Limits
  public var verified: [String: Check] = [:]
  public var queueMilliseconds = 0
  public var startMilliseconds = 0
  public var durationMilliseconds = 0
  public var cleanupMilliseconds = 0
  /// The most memory the whole tree had at once; nil when nobody counted.
  public var memoryPeakBytes: Int?
  public var files: [File] = []

  public init(id: String, language: String, backend: String, stdout: String, stderr: String, limits: Limits) {
    self.id = id
    self.language = language
    self.backend = backend
    self.stdout = stdout
    self.stderr = stderr
    self.limits = limits
  }

  public var outcome: RunOutcome {
    if blocked { return .blocked }
    if timedOut { return .timedOut }
    if outOfMemory { return .outOfMemory }
    if killed { return .killed }
    return exitCode == 0 ? .succeeded : .failed
  }
}

/// Everything the run log has of one run.
public struct RunDetail: Sendable, Codable, Equatable {
  public var summary: RunSummary
  /// Nil until it ends, and when the sandbox itself failed.
  public var result: RunResult?
  public var code: String

  public init(summary: RunSummary, result: RunResult? = nil, code: String) {
    self.summary = summary
    self.result = result
    self.code = code
  }
}

/// A piece of what a program wrote, as it comes. Not every piece reaches every listener; the result has it all.
public struct RunOutput: Sendable, Codable, Equatable {
  public enum Stream: String, Sendable, Codable { case stdout, stderr }

  public var id: String
  /// Who asked for the run, and so may read this.
  public var actor: String
  public var stream: Stream
  public var bytes: Blob
  /// Bytes of this stream before the piece: a gap tells that pieces are missing.
  public var offset: Int

  public init(id: String, actor: String, stream: Stream, bytes: Blob, offset: Int = 0) {
    self.id = id
    self.actor = actor
    self.stream = stream
    self.bytes = bytes
    self.offset = offset
  }
}

/// A page of the run log, newest first.
public struct RunQuery: Sendable, Codable, Equatable {
  public static let limitMax = 1_000

  /// Words that id, title, language, actor or project hold; nil for all.
  public var text: String?
  public var outcome: RunOutcome?
  /// The newest so many. 1…1,000.
  public var limit: Int

  public init(text: String? = nil, outcome: RunOutcome? = nil, limit: Int = 100) {
    self.text = text
    self.outcome = outcome
    self.limit = limit
  }
}

/// The sandbox in `status` (CONTRACT, Commands). Counters run from the start of the node.
public struct SandboxSnapshot: Sendable, Codable, Equatable {
  /// A language, and whether programs of it can be run here.
  public struct Language: Sendable, Codable, Equatable {
    public var name: String
    /// Of the interpreter or compiler; nil when there is none.
    public var version: String?
    /// Why it cannot be run, with the fix; nil when it can.
    public var missing: String?
    /// Started interpreters that wait for a program.
    public var warm: Int

    public init(name: String, version: String? = nil, missing: String? = nil, warm: Int = 0) {
      self.name = name
      self.version = version
      self.missing = missing
      self.warm = warm
    }
  }

  /// What a program may use.
  public struct Limits: Sendable, Codable, Equatable {
    /// Of a run that names none.
    public var timeoutMilliseconds: Int
    public var memoryBytes: Int
    /// The most that a run may ask for.
    public var memoryBytesMax: Int

    public init(timeoutMilliseconds: Int, memoryBytes: Int, memoryBytesMax: Int) {
      self.timeoutMilliseconds = timeoutMilliseconds
      self.memoryBytes = memoryBytes
      self.memoryBytesMax = memoryBytesMax
    }
  }

  /// Runs kept in `recent`.
  public static let recentMax = 32

  /// `bubblewrap`, `docker` or `none`.
  public var backend: String
  public var running = 0
  public var queued = 0
  public var warm = 0
  public var total: UInt64 = 0
  public var succeeded: UInt64 = 0
  public var failed: UInt64 = 0
  public var timedOut: UInt64 = 0
  public var outOfMemory: UInt64 = 0
  public var blocked: UInt64 = 0
  public var killed: UInt64 = 0
  /// Runs that the sandbox itself failed.
  public var errors: UInt64 = 0
  public var cached: UInt64 = 0
  /// Succeeded by all that ended; 1 when none has.
  public var successRate = 1.0
  /// Of programs, without queue and start.
  public var latency = LatencySummary()
  /// From the end of the queue to the program's first instruction.
  public var startLatency = LatencySummary()
  /// Most runs at a time.
  public var concurrencyMax = 0
  /// Nil: a node that does not say.
  public var limits: Limits?
  public var languages: [Language] = []
  /// Those that wait or run, oldest first, at most 256.
  public var active: [RunSummary] = []
  /// Those that ended, newest first.
  public var recent: [RunSummary] = []

  public init(backend: String) { self.backend = backend }
}
