import Base
import ControlPlane
import EngineRoom
import RedisLink
import Testing

@testable import signalbox

@Suite struct SettingsResolverTests {
  private static let token = "0123456789abcdef0123456789abcdef"

  @Test func everySettingHasItsDefaultWhenNothingIsGiven() throws {
    let settings = try SettingsFixture().resolve()
    #expect(settings.redis == nil)
    #expect(settings.dockerHost == "unix:///var/run/docker.sock")
    #expect(settings.apiPort == 8_000)
    #expect(settings.host == "127.0.0.1")
    #expect(settings.corsOrigin.isEmpty)
    #expect(settings.stateFolder == "/home/ada/.local/state/signalbox")
    #expect(settings.socket == "/home/ada/.local/state/signalbox/signalbox.sock")
    #expect(settings.logLevel == .info)
    #expect(settings.logFormat == .text)
    #expect(settings.operatorName == "ada")
    #expect(settings.theme == "signalbox-dark")
    #expect(settings.token == nil)
    #expect(settings.warnings.isEmpty)
    #expect(settings.reports.map(\.name) == SettingsTable.rows.map(\.name))
    #expect(settings.reports.allSatisfy { $0.source == .default })
  }

  @Test func theGatewayHasTheDefaultsOfTheContract() throws {
    let gateway = try SettingsFixture().resolve().gateway
    #expect(gateway == GatewaySettings(), "the table and the struct agree")
    #expect(gateway.port == 3_001 && gateway.socketIOKey == "socket.io" && gateway.payloadBytesMax == 1_000_000)
    #expect(gateway.pingIntervalMilliseconds == 25_000 && gateway.pingTimeoutMilliseconds == 20_000)
    #expect(gateway.throttleRate == 10 && gateway.publishRate == 100 && gateway.publishBurst == 200)
    #expect(gateway.recoveryMinutes == 10)
  }

  @Test(arguments: [
    ("WEBSOCKET_PORT", "65536"), ("WEBSOCKET_PORT", "-1"), ("SIGNALBOX_SOCKETIO_KEY", "a b"),
    ("SIGNALBOX_SOCKETS_MAX", "0"), ("SIGNALBOX_QUEUE_BYTES", "1K"), ("SIGNALBOX_QUEUE_FRAMES", "1"),
    ("SIGNALBOX_SLOW_POLICY", "drop"), ("SIGNALBOX_THROTTLE_RATE", "fast"), ("SIGNALBOX_THROTTLE_POLICY", "none"),
    ("SIGNALBOX_PING_INTERVAL_MS", "0"), ("SIGNALBOX_PAYLOAD_MAX", "1"), ("SIGNALBOX_COMPRESSION", "yes"),
    ("SIGNALBOX_RECOVERY_MINUTES", "100000"), ("SIGNALBOX_LOOPS", "1000"),
  ])
  func aWrongValueOfTheGatewayIsRefusedByName(variable: String, value: String) throws {
    var fixture = SettingsFixture()
    fixture.environment[variable] = value
    let failure = #expect(throws: Failure.self) { try fixture.resolve() }
    #expect(failure?.code == .invalid && failure?.line.contains(variable) == true)
    #expect(failure?.line.contains(value) == true)
  }

  @Test func theGatewayIsToldWhatIsSet() throws {
    var fixture = SettingsFixture()
    fixture.environment = fixture.environment.merging([
      "WEBSOCKET_PORT": "0", "SIGNALBOX_SOCKETIO_KEY": "io", "SIGNALBOX_SLOW_POLICY": "disconnect",
      "SIGNALBOX_THROTTLE_POLICY": "newest", "SIGNALBOX_COMPRESSION": "off", "SIGNALBOX_QUEUE_BYTES": "64K",
      "REDIS_URL": "redis://127.0.0.1:6400", "SIGNALBOX_NAMESPACE": "sb2",
    ]) { $1 }
    let gateway = try fixture.resolve().gateway
    #expect(gateway.port == 0 && gateway.socketIOKey == "io" && gateway.slowPolicy == .disconnect)
    #expect(gateway.throttlePolicy == .newest && !gateway.isCompressing && gateway.queueBytesMax == 64 << 10)
    #expect(gateway.redis != nil && gateway.prefix == "sb2")
  }

  @Test func flagBeatsEnvironmentBeatsFileBeatsDefault() throws {
    var fixture = SettingsFixture.file("theme: x\napiPort: 3\n")
    #expect(try fixture.resolve().apiPort == 3)
    #expect(try fixture.resolve().reports.first { $0.name == "apiPort" }?.origin == "\(SettingsFixture.defaultFile):2")
    fixture.environment["SIGNALBOX_API_PORT"] = "2"
    #expect(try fixture.resolve().apiPort == 2)
    fixture.arguments = ["--api-port", "1"]
    let settings = try fixture.resolve()
    #expect(settings.apiPort == 1)
    let report = try #require(settings.reports.first { $0.name == "apiPort" })
    #expect(report.source == .flag)
    #expect(report.origin == "--api-port")
    #expect(report.environment == "SIGNALBOX_API_PORT")
  }

  @Test(arguments: [
    ("SIGNALBOX_API_PORT", "apiPort", "--api-port"), ("REDIS_URL", "redisUrl", "--redis-url"),
    ("CORS_ORIGIN", "corsOrigin", "--cors-origin"), ("SIGNALBOX_STATE", "state", "--state"),
    ("SIGNALBOX_JWKS_FILE", "jwksFile", "--jwks-file"), ("DOCKER_HOST", "dockerHost", "--docker-host"),
  ])
  func namesFollowFromTheVariable(environment: String, name: String, flag: String) throws {
    let row = try #require(SettingsTable.rows.first { $0.environment == environment })
    #expect(row.name == name)
    #expect(row.flag == flag)
  }

  @Test func noNameIsUsedTwice() {
    #expect(Set(SettingsTable.fileKeys).count == SettingsTable.fileKeys.count)
    #expect(Set(SettingsTable.flags).count == SettingsTable.flags.count)
    #expect(Set(SettingsTable.environmentNames).count == SettingsTable.environmentNames.count)
  }

  @Test(arguments: [
    ("SIGNALBOX_API_PORT", "0"), ("SIGNALBOX_API_PORT", "65536"), ("SIGNALBOX_API_PORT", "abc"),
    ("SIGNALBOX_API_PORT", "-1"), ("SIGNALBOX_API_PORT", " 80"), ("SIGNALBOX_API_PORT", "+80"),
    ("SIGNALBOX_API_PORT", "99999999999999999999"), ("SIGNALBOX_API_PORT", ""), ("SIGNALBOX_LOG_LEVEL", "loud"),
    ("SIGNALBOX_LOG_FORMAT", "xml"), ("REDIS_URL", "rediss://h:1"), ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "redis://h:99999"), ("REDIS_URL", "redis://h/x"), ("REDIS_URL", "unix://relative"),
    ("REDIS_URL", ""), ("CACHE_TTL_DAYS", "0"), ("CACHE_TTL_DAYS", "366"), ("CACHE_L1_MAX", "64K"),
    ("CACHE_L1_MAX", "-1"), ("CACHE_L1_MAX", "lots"), ("SIGNALBOX_NAMESPACE", "a*"), ("SIGNALBOX_ENGINES", "all,cache"),
    ("SIGNALBOX_ENGINES", "indexes"), ("SIGNALBOX_ENGINES", "cahce"), ("SIGNALBOX_ENGINES", "cache,"),
    ("DOCKER_HOST", "/var/run/docker.sock"), ("DOCKER_HOST", "unix://x"),
    ("CORS_ORIGIN", "app.example"), ("CORS_ORIGIN", "https://app.example/"), ("CORS_ORIGIN", "*,https://a.example"),
    ("CORS_ORIGIN", "https://a.example,,https://b.example"), ("SIGNALBOX_TRUSTED_PROXIES", "10.0.0.0/33"),
    ("SIGNALBOX_TRUSTED_PROXIES", "10.0.0/8"), ("SIGNALBOX_TRUSTED_PROXIES", "::1/129"),
    ("SIGNALBOX_TRUSTED_PROXIES", "10.0.0.0/"), ("SIGNALBOX_HOST", "127.0.0"), ("SIGNALBOX_HOST", "a b"),
    ("SIGNALBOX_HOST", "-x"), ("SIGNALBOX_STATE", "a\u{1B}[2Jb"), ("SIGNALBOX_THEME", "a\nb"),
    ("SIGNALBOX_SOCKET", "/" + String(repeating: "x", count: 107)),
    ("SIGNALBOX_ROOTS", "/srv,"), ("SIGNALBOX_EMBEDDER", "gpt"), ("PINECONE_INDEX_HOST", "https://"),
    ("SIGNALBOX_STATE_MAX", "15M"), ("SIGNALBOX_STATE_MAX", "much"),
    ("SIGNALBOX_OPERATOR", String(repeating: "x", count: 129)),
  ])
  func aValueThatBreaksItsRuleIsRefusedInOneLine(name: String, value: String) throws {
    let failure = try #require(SettingsFixture(environment: [name: value]).refusal())
    let row = try #require(SettingsTable.rows.first { $0.environment == name })
    #expect(failure.exitCode == 64)
    #expect(failure.message.contains(name))
    #expect(failure.message.contains(row.allowed))
    #expect(!failure.line.contains("\n") && !failure.line.contains("\u{1B}"))
  }

  @Test(arguments: [
    ("SIGNALBOX_TRUSTED_PROXIES", "10.0.0.0/8, ::1/128,192.0.2.7"), ("CORS_ORIGIN", "*"),
    ("CORS_ORIGIN", "https://a.example, http://localhost:3000,http://[::1]:80"), ("SIGNALBOX_HOST", "::"),
    ("SIGNALBOX_HOST", "node-1.example"), ("REDIS_URL", "redis://u:p%40ss@[::1]:6380/3"),
    ("REDIS_URL", "unix:///run/redis.sock"), ("CACHE_TTL_DAYS", "365"), ("CACHE_L1_MAX", "512M"),
    ("SIGNALBOX_NAMESPACE", "team-1.a_b"), ("SIGNALBOX_ENGINES", "cache,cache"), ("SIGNALBOX_ENGINES", "all"),
    ("REDIS_URL", "redis://localhost"), ("DOCKER_HOST", "tcp://h:2375"),
    ("SIGNALBOX_LOG_LEVEL", "critical"), ("SIGNALBOX_API_PORT", "65535"),
  ])
  func aValueThatFollowsItsRuleIsTaken(name: String, value: String) {
    #expect(SettingsFixture(environment: [name: value]).refusal() == nil)
  }

  @Test func noRefusalAndNoReportShowsAPassword() throws {
    for text in ["redis://u:hunter2@h:x", "redis://:hunter2@h/y", "rediss://u:hunter2@h:1"] {
      let failure = try #require(SettingsFixture(environment: ["REDIS_URL": text]).refusal())
      #expect(!failure.line.contains("hunter2"))
    }
    let settings = try SettingsFixture(
      environment: ["REDIS_URL": "redis://u:hunter2@h:1", "SIGNALBOX_TOKEN": Self.token]
    ).resolve()
    #expect(settings.redis?.password?.reveal() == "hunter2")
    #expect(settings.token?.reveal() == Self.token)
    let shown = String(describing: settings.reports) + SettingsText.table(settings.reports)
    #expect(!shown.contains("hunter2") && !shown.contains(Self.token))
    #expect(settings.reports.first { $0.name == "token" }?.value == "set")
    #expect(settings.reports.first { $0.name == "jwtSecret" }?.value == "not set")
    let short = try #require(SettingsFixture(environment: ["SIGNALBOX_TOKEN": "hunter2"]).refusal())
    #expect(short.line.contains("at least 32 bytes") && !short.line.contains("hunter2"))
  }

  @Test func relativePathsBelongToTheirSource() throws {
    var fixture = SettingsFixture.file("state: data\njwksFile: ~/keys.json\n")
    #expect(try fixture.resolve().stateFolder == "/home/ada/.config/signalbox/data")
    #expect(try fixture.resolve().jwksFile == "/home/ada/keys.json")
    fixture.arguments = ["--state=./here"]
    #expect(try fixture.resolve().stateFolder == "/srv/app/here")
  }

  @Test func theSocketLiesInTheRuntimeFolderElseInTheStateFolder() throws {
    var fixture = SettingsFixture(environment: ["SIGNALBOX_STATE": "/s"])
    #expect(try fixture.resolve().socket == "/s/signalbox.sock")
    fixture.environment["XDG_RUNTIME_DIR"] = "/run/user/7"
    #expect(try fixture.resolve().socket == "/run/user/7/signalbox.sock")
    fixture.environment["SIGNALBOX_SOCKET"] = "/tmp/own.sock"
    #expect(try fixture.resolve().socket == "/tmp/own.sock")
  }

  @Test func aStateFolderTooDeepForASocketNamesTheSettingThatHelps() throws {
    let deep = "/" + String(repeating: "x", count: 120)
    let failure = try #require(SettingsFixture(environment: ["SIGNALBOX_STATE": deep]).refusal())
    #expect(failure.code == .invalid && failure.line.contains("SIGNALBOX_SOCKET"))
  }

  @Test func theXDGFoldersAreFollowedWhenAbsolute() throws {
    var fixture = SettingsFixture(
      environment: ["XDG_STATE_HOME": "/xs", "XDG_CONFIG_HOME": "/xc"],
      files: ["/xc/signalbox/config.yaml": .bytes(Array("apiPort: 9".utf8), mode: 0o600)])
    #expect(try fixture.resolve().stateFolder == "/xs/signalbox")
    #expect(try fixture.resolve().apiPort == 9)
    fixture.environment = ["XDG_STATE_HOME": "relative"]
    #expect(try fixture.resolve().stateFolder == "/home/ada/.local/state/signalbox")
  }

  @Test func theOperatorIsTheLoginAndTheSSHClient() throws {
    let fixture = SettingsFixture(environment: ["SSH_CONNECTION": "192.0.2.9 5 192.0.2.1 22"])
    #expect(try fixture.resolve().operatorName == "ada@192.0.2.9")
  }

  @Test func onlyLoopbackNeedsNoCredential() throws {
    let open = try SettingsFixture(environment: ["SIGNALBOX_HOST": "0.0.0.0"]).resolve()
    #expect(throws: Failure.self) { try open.requireCredentialBeyondLoopback() }
    let name = try SettingsFixture(environment: ["SIGNALBOX_HOST": "127.example.com"]).resolve()
    #expect(throws: Failure.self) { try name.requireCredentialBeyondLoopback() }
    for environment in [
      ["SIGNALBOX_HOST": "0.0.0.0", "SIGNALBOX_TOKEN": Self.token], ["SIGNALBOX_HOST": "localhost"], [:],
      ["SIGNALBOX_HOST": "127.0.0.5"],
    ] {
      try SettingsFixture(environment: environment).resolve().requireCredentialBeyondLoopback()
    }
  }

  @Test func aMistypedVariableIsPointedOut() throws {
    let settings = try SettingsFixture(environment: ["SIGNALBOX_API_PROT": "1", "SIGNALBOX_SEED": "4"]).resolve()
    #expect(settings.warnings.count == 1)
    #expect(settings.warnings.first?.contains("SIGNALBOX_API_PORT") == true)
  }
}
