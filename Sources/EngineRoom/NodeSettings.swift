public import Access
public import ControlPlane

/// All that a node is told at its start. Built once from the resolved settings; no room reads the environment.
public struct NodeSettings: Sendable {
  /// Where the log goes besides the ring.
  public enum LogDestination: Sendable, Equatable {
    /// Headless in the foreground.
    case standardError(isJSON: Bool)
    /// A console is embedded, or the node runs in the background: the rotated file of the state folder.
    case file
  }

  /// Of the program, such as `0.1.0`.
  public var version: String
  /// Absolute path of the state folder.
  public var stateFolder: String
  public var socketPath: String
  /// Members of this group (its id) may attach; nil: the owner only.
  public var socketGroup: UInt32?
  public var access: AccessSettings
  /// 0: any free port.
  public var apiPort: Int
  /// Those this node runs.
  public var engines: Set<Engine>
  public var cache: CacheSettings
  public var gateway: GatewaySettings
  public var index: IndexSettings
  public var runs: RunSettings
  public var logLevel: LogLevel
  public var logDestination: LogDestination
  /// How the embedded console is named to others.
  public var operatorLabel: String
  /// Folders to make known at the start.
  public var projectPaths: [String]
  /// Every setting with its provenance, for `signalbox config` through the node.
  public var reports: [SettingReport]
  public var doctor: DoctorSettings

  public init(
    version: String, stateFolder: String, socketPath: String, socketGroup: UInt32? = nil, access: AccessSettings,
    apiPort: Int, engines: Set<Engine> = Engine.built, cache: CacheSettings = CacheSettings(),
    gateway: GatewaySettings = GatewaySettings(), index: IndexSettings = IndexSettings(),
    runs: RunSettings = RunSettings(),
    logLevel: LogLevel = .info, logDestination: LogDestination = .standardError(isJSON: false),
    operatorLabel: String = "operator", projectPaths: [String] = [], reports: [SettingReport] = [],
    doctor: DoctorSettings
  ) {
    self.version = version
    self.stateFolder = stateFolder
    self.socketPath = socketPath
    self.socketGroup = socketGroup
    self.access = access
    self.apiPort = apiPort
    self.engines = engines
    self.cache = cache
    self.gateway = gateway
    self.index = index
    self.runs = runs
    self.logLevel = logLevel
    self.logDestination = logDestination
    self.operatorLabel = operatorLabel
    self.projectPaths = projectPaths
    self.reports = reports
    self.doctor = doctor
  }

  /// The embedded console: the person who started the node may do everything.
  var consoleCaller: Caller { Caller(actor: operatorLabel, origin: .console, grants: .operator) }
}
