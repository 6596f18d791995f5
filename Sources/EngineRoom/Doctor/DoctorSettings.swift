public import RedisLink

/// What `Doctor` looks at. All of it is passed in, so that a test can hide a program by giving another `PATH`.
public struct DoctorSettings: Sendable {
  /// A port some face listens on.
  public struct Port: Sendable, Equatable {
    public var name: String
    public var host: String
    public var port: Int

    public init(name: String, host: String, port: Int) {
      self.name = name
      self.host = host
      self.port = port
    }
  }

  public var redis: RedisURL?
  /// `unix:///path` or `tcp://host:port`.
  public var dockerHost: String
  /// Images that the sandbox would ask the Docker Engine for.
  public var dockerImages: [String]
  public var stateFolder: String
  /// `PATH`, `TERM`, `LANG` and the others of the process that asks.
  public var environment: [String: String]
  public var ports: [Port]
  /// The report of the last crash; nil: `crash/last.txt` in the state folder.
  public var crashReport: String?
  /// Control socket of the node that may run; nil: it is not asked.
  public var socket: String?
  /// Of this program.
  public var version: String
  /// Path of sandbox-launcher; nil: beside this executable.
  public var launcher: String?
  /// How long each probe may take.
  public var deadline: Duration

  public init(
    redis: RedisURL?, dockerHost: String, dockerImages: [String] = [], stateFolder: String,
    environment: [String: String], ports: [Port], crashReport: String? = nil, socket: String? = nil,
    version: String = "", deadline: Duration = .seconds(2)
  ) {
    self.redis = redis
    self.dockerHost = dockerHost
    self.dockerImages = dockerImages
    self.stateFolder = stateFolder
    self.environment = environment
    self.ports = ports
    self.crashReport = crashReport
    self.socket = socket
    self.version = version
    self.deadline = deadline
  }
}
