public import Base

/// The levels of swift-log, lowest first.
public enum LogLevel: String, Sendable, Codable, CaseIterable, Comparable {
  case trace, debug, info, notice, warning, error, critical

  public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }

  private var rank: Int {
    switch self {
    case .trace: 0
    case .debug: 1
    case .info: 2
    case .notice: 3
    case .warning: 4
    case .error: 5
    case .critical: 6
    }
  }
}

/// One line of the log. `message` and `metadata` may hold outside bytes: a face draws them through `DisplayText` only.
public struct LogRecord: Sendable, Codable, Equatable {
  public var timeMilliseconds: Int64
  public var level: LogLevel
  /// The room that said it.
  public var label: String
  public var message: String
  public var metadata: [String: String]

  public init(
    timeMilliseconds: Int64, level: LogLevel, label: String, message: String, metadata: [String: String] = [:]
  ) {
    self.timeMilliseconds = timeMilliseconds
    self.level = level
    self.label = label
    self.message = message
    self.metadata = metadata
  }
}

/// One line of the audit file. A command leaves two: before it runs (`outcome` nil) and after.
public struct AuditRecord: Sendable, Codable, Equatable {
  public var id: String
  public var timeMilliseconds: Int64
  public var actor: String
  public var origin: Caller.Origin
  public var action: String
  public var target: String
  /// `ok`, or the failure's code and message; nil while it runs.
  public var outcome: String?

  public init(
    id: String, timeMilliseconds: Int64, actor: String, origin: Caller.Origin, action: String, target: String,
    outcome: String? = nil
  ) {
    self.id = id
    self.timeMilliseconds = timeMilliseconds
    self.actor = actor
    self.origin = origin
    self.action = action
    self.target = target
    self.outcome = outcome
  }
}

/// A row of `signalbox config`.
public struct SettingReport: Sendable, Codable, Equatable {
  public enum Source: String, Sendable, Codable {
    case flag, environment, file
    case secretFile = "secret file"
    case `default`
  }

  public var name: String
  public var environment: String
  public var flag: String?
  /// Secrets show as `set` or `not set`.
  public var value: String
  public var unit: String?
  public var source: Source
  /// The variable, the file and line, or the flag that set it.
  public var origin: String?
  public var meaning: String

  public init(
    name: String, environment: String, flag: String?, value: String, unit: String?, source: Source, origin: String?,
    meaning: String
  ) {
    self.name = name
    self.environment = environment
    self.flag = flag
    self.value = value
    self.unit = unit
    self.source = source
    self.origin = origin
    self.meaning = meaning
  }
}

/// A row of `signalbox doctor` (CONTRACT, Commands).
public struct DoctorFinding: Sendable, Codable, Equatable {
  public enum State: String, Sendable, Codable {
    case ok, missing, weak
  }

  public var component: String
  public var state: State
  public var version: String?
  public var usedFor: String
  /// What works without it.
  public var without: String
  /// The exact command that mends it; nil when nothing is to be done.
  public var fix: String?

  public init(component: String, state: State, version: String?, usedFor: String, without: String, fix: String?) {
    self.component = component
    self.state = state
    self.version = version
    self.usedFor = usedFor
    self.without = without
    self.fix = fix
  }
}

/// A folder the node knows.
public struct ProjectSummary: Sendable, Codable, Equatable {
  public var id: ProjectID
  public var path: String

  public init(id: ProjectID, path: String) {
    self.id = id
    self.path = path
  }
}
