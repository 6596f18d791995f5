internal import Base
internal import ControlPlane
internal import EngineRoom
internal import RedisLink

/// Every setting with its final value: built once, at the start, and never changed.
struct Settings: Sendable {
  let redis: RedisURL?
  /// Prefix of what nodes share in Redis.
  let namespace: String
  let engines: Set<Engine>
  let cacheTTLDays: Int
  let cacheFirstLevelBytes: Int
  let gateway: GatewaySettings
  let index: IndexSettings
  let runs: RunSettings
  let dockerHost: String
  /// Empty: same origin only. `["*"]`: any.
  let corsOrigin: [String]
  let apiPort: Int
  let host: String
  let token: Secret?
  let jwtSecret: Secret?
  let jwksFile: String?
  let jwtIssuer: String?
  let jwtAudience: String?
  /// Addresses and CIDR blocks.
  let trustedProxies: [String]
  let stateFolder: String
  let socket: String
  let socketGroup: String?
  let logLevel: LogLevel
  let logFormat: LogFormat
  let operatorName: String
  let theme: String
  /// One row for each setting, in the table's order.
  let reports: [SettingReport]
  /// What is accepted but deserves a word on stderr.
  let warnings: [String]
  /// The file that was read, if any.
  let configFile: String?

  /// `resolved` has been parsed by the table's rules: a value of another kind is a defect of the table.
  init(_ resolved: [String: SettingsResolver.Resolved], warnings: [String], configFile: String?) {
    let values = Values(resolved: resolved)
    redis = values.redis("redisUrl")
    namespace = values.required("namespace")
    engines = Set(values.list("engines").compactMap(Engine.init(rawValue:)))
    cacheTTLDays = values.integer("cacheTtlDays")
    cacheFirstLevelBytes = values.integer("cacheL1Max")
    gateway = Self.gateway(values)
    index = Self.index(values)
    runs = Self.runs(values)
    dockerHost = values.required("dockerHost")
    corsOrigin = values.list("corsOrigin")
    apiPort = values.integer("apiPort")
    host = values.required("host")
    token = values.secret("token")
    jwtSecret = values.secret("jwtSecret")
    jwksFile = values.text("jwksFile")
    jwtIssuer = values.text("jwtIssuer")
    jwtAudience = values.text("jwtAudience")
    trustedProxies = values.list("trustedProxies")
    stateFolder = values.required("state")
    socket = values.required("socket")
    socketGroup = values.text("socketGroup")
    logLevel = LogLevel(rawValue: values.required("logLevel")) ?? .info
    logFormat = LogFormat(rawValue: values.required("logFormat")) ?? .text
    operatorName = values.required("operator")
    theme = values.required("theme")
    reports = SettingsTable.rows.map { Self.report($0, resolved[$0.name]) }
    self.warnings = warnings
    self.configFile = configFile
  }

  private static func gateway(_ values: Values) -> GatewaySettings {
    var gateway = GatewaySettings()
    gateway.port = values.integer("websocketPort")
    gateway.redis = values.redis("redisUrl")
    gateway.socketIOKey = values.required("socketioKey")
    gateway.prefix = values.required("namespace")
    gateway.connectionsMax = values.integer("socketsMax")
    gateway.queueBytesMax = values.integer("queueBytes")
    gateway.queueFramesMax = values.integer("queueFrames")
    gateway.slowPolicy = .init(rawValue: values.required("slowPolicy")) ?? .dropOldest
    gateway.throttleRate = values.integer("throttleRate")
    gateway.throttlePolicy = .init(rawValue: values.required("throttlePolicy")) ?? .merge
    gateway.publishRate = values.integer("publishRate")
    gateway.publishBurst = values.integer("publishBurst")
    gateway.pingIntervalMilliseconds = values.integer("pingIntervalMs")
    gateway.pingTimeoutMilliseconds = values.integer("pingTimeoutMs")
    gateway.payloadBytesMax = values.integer("payloadMax")
    gateway.isCompressing = values.required("compression") == "on"
    gateway.recoveryMinutes = values.integer("recoveryMinutes")
    gateway.loops = values.integer("loops")
    return gateway
  }

  private static func index(_ values: Values) -> IndexSettings {
    var index = IndexSettings(stateBytesMax: values.integer("stateMax"))
    index.watches = values.required("watch") != "off"
    index.readsWorkTree = values.required("watch") == "worktree"
    let roots = values.list("roots")
    if !roots.isEmpty { index.roots = roots }
    index.remote = RemoteIndexSettings(
      choice: .init(rawValue: values.required("embedder")) ?? .auto, key: values.secret("openaiApiKey"),
      baseURL: values.text("openaiBaseUrl"), model: values.required("openaiEmbeddingModel"),
      pineconeKey: values.secret("pineconeApiKey"), pineconeHost: values.text("pineconeIndexHost"))
    return index
  }

  private static func runs(_ values: Values) -> RunSettings {
    var runs = RunSettings()
    runs.timeoutMilliseconds = values.integer("sandboxTimeoutMs")
    runs.memoryBytesMax = values.integer("sandboxMemoryMax")
    runs.backend = .init(rawValue: values.required("sandboxBackend")) ?? .auto
    runs.require = .init(rawValue: values.required("sandboxRequire")) ?? .all
    runs.pythonImage = values.required("sandboxImagePython")
    runs.nodeImage = values.required("sandboxImageNode")
    runs.dockerRuntime = values.text("sandboxDockerRuntime")
    runs.dockerHost = values.required("dockerHost")
    runs.concurrencyMax = values.integer("sandboxConcurrency")
    runs.waitingMax = values.integer("sandboxQueue")
    runs.warmPython = values.integer("sandboxWarmPython")
    runs.warmNode = values.integer("sandboxWarmNode")
    runs.packageFolders = values.text("sandboxPackages").map { [$0] } ?? []
    return runs
  }

  /// The settings of this process: its flags, its environment, its files.
  static func load(_ flags: SettingFlags, environment: [String: String]) throws(Failure) -> Settings {
    try SettingsResolver(
      flags: flags, environment: environment, login: .current(environment: environment),
      readFile: FileReading.of(_:bytesMax:)
    ).resolve()
  }

  /// A node that others can reach must ask who they are. Nodes call this before they listen; commands need not.
  func requireCredentialBeyondLoopback() throws(Failure) {
    guard token == nil, jwtSecret == nil, jwksFile == nil, !isLoopback else { return }
    throw Failure(
      .invalid, "host is '\(host)', which others can reach, but there is no credential",
      hint: "set SIGNALBOX_TOKEN, SIGNALBOX_JWT_SECRET or SIGNALBOX_JWKS_FILE, or listen on 127.0.0.1")
  }

  private var isLoopback: Bool {
    // The digits keep out a name such as 127.example.com.
    host == "localhost" || host == "::1" || (host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." })
  }

  private static func report(_ row: Setting, _ resolved: SettingsResolver.Resolved?) -> SettingReport {
    SettingReport(
      name: row.name, environment: row.environment, flag: row.flag ?? row.fileFlag,
      value: resolved?.value?.shown ?? "not set", unit: row.unit, source: resolved?.source ?? .default,
      origin: resolved?.origin, meaning: row.meaning)
  }

  /// Values by name and kind.
  private struct Values {
    let resolved: [String: SettingsResolver.Resolved]

    func text(_ name: String) -> String? {
      guard case .text(let text) = resolved[name]?.value else { return nil }
      return text
    }

    func required(_ name: String) -> String {
      guard let text = text(name) else { preconditionFailure("the setting \(name) has a text in every case") }
      return text
    }

    func integer(_ name: String) -> Int {
      guard case .integer(let number) = resolved[name]?.value else {
        preconditionFailure("the setting \(name) has a number in every case")
      }
      return number
    }

    func list(_ name: String) -> [String] {
      guard case .list(let items) = resolved[name]?.value else { return [] }
      return items
    }

    func secret(_ name: String) -> Secret? {
      guard case .secret(let secret) = resolved[name]?.value else { return nil }
      return secret
    }

    func redis(_ name: String) -> RedisURL? {
      guard case .redis(let url) = resolved[name]?.value else { return nil }
      return url
    }
  }
}
