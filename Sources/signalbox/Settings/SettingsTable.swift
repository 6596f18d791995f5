internal import ControlPlane
internal import EngineRoom

/// Every setting there is. An engine adds its rows with itself; help, the file's schema, `signalbox config` and every
/// refusal are made from this one table.
enum SettingsTable {
  static let rows: [Setting] = shared + gateway + index + sandbox + node

  private static let shared: [Setting] = [
    Setting(
      "REDIS_URL", .redis, default: .unset("embedded store, no peers"),
      "Redis server shared by the nodes; TLS (rediss://) is not supported"),
    Setting(
      "SIGNALBOX_NAMESPACE", .prefix, default: .value("signalbox"),
      "prefix of every Redis key and channel but Socket.IO's; nodes with one prefix share one cache"),
    Setting("SIGNALBOX_ENGINES", .engines, default: .value("all"), "engines this node runs"),
    Setting(
      "CACHE_TTL_DAYS", .integer(1...365), unit: "days", default: .value("30"), "life of what is cached without a ttl"),
    Setting(
      "CACHE_L1_MAX", .bytes(1 << 20...1 << 40), unit: "bytes", default: .value("256M"),
      "size of the cache's in-process level"),
  ]

  /// Of the gateway. Bounds of one socket hold for each of them.
  private static let gateway: [Setting] = [
    Setting(
      "WEBSOCKET_PORT", .integer(0...65_535), default: .value("3001"), "port of the gateway; 0: any free one"),
    Setting(
      "SIGNALBOX_SOCKETIO_KEY", .prefix, default: .value("socket.io"),
      "prefix of the Redis channels shared with other Socket.IO servers and emitters"),
    Setting(
      "SIGNALBOX_SOCKETS_MAX", .integer(1...1_000_000), unit: "sockets", default: .value("100000"),
      "sockets this node takes; fewer when its open files have less room (doctor says how much)"),
    Setting(
      "SIGNALBOX_QUEUE_BYTES", .bytes(64 << 10...1 << 30), unit: "bytes", default: .value("1M"),
      "what may wait for one socket"),
    Setting(
      "SIGNALBOX_QUEUE_FRAMES", .integer(16...1_000_000), unit: "frames", default: .value("4096"),
      "events that may wait for one socket"),
    Setting(
      "SIGNALBOX_SLOW_POLICY", .choice(GatewaySettings.SlowPolicy.allCases.map(\.rawValue)),
      default: .value("drop-oldest"), "what happens to a socket that cannot keep up"),
    Setting(
      "SIGNALBOX_THROTTLE_RATE", .integer(0...10_000), unit: "a second", default: .value("10"),
      "deliveries of agent-thought and task-update to a room and to a user, on each node; 0: not throttled"),
    Setting(
      "SIGNALBOX_THROTTLE_POLICY", .choice(GatewaySettings.ThrottlePolicy.allCases.map(\.rawValue)),
      default: .value("merge"), "what becomes of those beyond the rate"),
    Setting(
      "SIGNALBOX_PUBLISH_RATE", .integer(1...1_000_000), unit: "events a second", default: .value("100"),
      "what one connection may publish"),
    Setting(
      "SIGNALBOX_PUBLISH_BURST", .integer(1...1_000_000), unit: "events", default: .value("200"),
      "what one connection may publish at once"),
    Setting(
      "SIGNALBOX_PING_INTERVAL_MS", .integer(1_000...300_000), unit: "milliseconds", default: .value("25000"),
      "time between two heartbeats"),
    Setting(
      "SIGNALBOX_PING_TIMEOUT_MS", .integer(1_000...300_000), unit: "milliseconds", default: .value("20000"),
      "how long a heartbeat may stay unanswered"),
    Setting(
      "SIGNALBOX_PAYLOAD_MAX", .bytes(1 << 10...16 << 20), unit: "bytes", default: .value("1000000"),
      "largest packet from a client"),
    Setting(
      "SIGNALBOX_COMPRESSION", .choice(["on", "off"]), default: .value("on"),
      "whether WebSockets may compress (permessage-deflate)"),
    Setting(
      "SIGNALBOX_RECOVERY_MINUTES", .integer(0...1_440), unit: "minutes", default: .value("10"),
      "how long a lost connection may come back to what it missed; 0: not at all"),
    Setting(
      "SIGNALBOX_LOOPS", .integer(0...256), unit: "threads", default: .value("0"),
      "threads that own the sockets, dealt to in turn; 0: half of the processors, one after the other"),
  ]

  private static let index: [Setting] = [
    Setting(
      "SIGNALBOX_EMBEDDER", .choice(RemoteIndexSettings.Choice.allCases.map(\.rawValue)), default: .value("auto"),
      "model of the index; auto: the server's for projects that were allowed, once there is a key; openai: for all"),
    Setting(
      "OPENAI_API_KEY", .secret(minBytes: 1), default: .unset("none"), "key of the embeddings server"),
    Setting(
      "OPENAI_BASE_URL", .web, default: .unset("https://api.openai.com/v1"),
      "embeddings server that speaks OpenAI's form, with its version"),
    Setting(
      "OPENAI_EMBEDDING_MODEL", .text(max: 128), default: .value("text-embedding-3-small"),
      "model that the embeddings server is asked for"),
    Setting(
      "PINECONE_API_KEY", .secret(minBytes: 1), default: .unset("embedded store"), "key of the index in Pinecone"),
    Setting(
      "PINECONE_INDEX_HOST", .web, default: .unset("embedded store"), "address of the index in Pinecone"),
    Setting(
      "SIGNALBOX_ROOTS", .folders, default: .unset("the folders the node is started with"),
      "folders under which callers of the API may add projects"),
    Setting(
      "SIGNALBOX_WATCH", .choice(["on", "worktree", "off"]), default: .value("on"),
      "whether commits, and files of folders without git, are seen and indexed without being told; "
        + "worktree (or --watch-worktree): edits that are not committed as well"),
    Setting(
      "SIGNALBOX_STATE_MAX", .bytes(16 << 20...1 << 50), unit: "bytes", default: .value("20G"),
      "size of the state folder past which nothing new is indexed; health is degraded from 80 %"),
  ]

  private static let sandbox: [Setting] = [
    Setting(
      "SANDBOX_TIMEOUT_MS", .integer(1_000...300_000), unit: "milliseconds", default: .value("30000"),
      "how long a program may run when its caller names no time"),
    Setting(
      "SANDBOX_MEMORY_MAX", .bytes(64 << 20...64 << 30), unit: "bytes", default: .value("2G"),
      "most memory that a program's caller may ask for; who asks for none has 512M"),
    Setting(
      "SANDBOX_BACKEND", .choice(RunSettings.Backend.allCases.map(\.rawValue)), default: .value("auto"),
      "what isolates programs; auto: bubblewrap where it can be had, else the Docker Engine"),
    Setting(
      "SANDBOX_REQUIRE", .choice(RunSettings.Require.allCases.map(\.rawValue)), default: .value("all"),
      "all: four layers or no run; isolation: weaker limits where no control group can be had"),
    Setting(
      "SANDBOX_IMAGE_PYTHON", .text(max: 512), default: .value("python:3.11-alpine"),
      "image of Python programs in the Docker Engine"),
    Setting(
      "SANDBOX_IMAGE_NODE", .text(max: 512), default: .value("node:22-alpine"),
      "image of JavaScript programs in the Docker Engine"),
    Setting(
      "SANDBOX_DOCKER_RUNTIME", .text(max: 128), default: .unset("the engine's own"),
      "another OCI runtime of the Docker Engine, such as runsc (gVisor)"),
    Setting(
      "SANDBOX_CONCURRENCY", .integer(1...1_000), unit: "programs", default: .value("16"),
      "programs that run at a time; the others wait, owners in turn"),
    Setting(
      "SANDBOX_QUEUE", .integer(0...100_000), unit: "programs", default: .value("1000"),
      "programs that may wait; beyond, a run is refused"),
    Setting(
      "SANDBOX_WARM_PYTHON", .integer(0...64), unit: "interpreters", default: .value("2"),
      "Python interpreters that are up and wait for a program; 4 MB each"),
    Setting(
      "SANDBOX_WARM_NODE", .integer(0...64), unit: "interpreters", default: .value("2"),
      "Node interpreters that are up and wait for a program; 8 MB each"),
    Setting(
      "SANDBOX_PACKAGES", .path, default: .unset("none"),
      "folder of packages that every program may read, under the same path"),
  ]

  private static let node: [Setting] = [
    Setting("DOCKER_HOST", .docker, default: .value("unix:///var/run/docker.sock"), "Docker Engine API"),
    Setting("CORS_ORIGIN", .origins, default: .unset("same origin only"), "web origins that may call this node"),
    Setting("SIGNALBOX_API_PORT", .integer(1...65_535), default: .value("8000"), "port of the HTTP API"),
    Setting(
      "SIGNALBOX_HOST", .host, default: .value("127.0.0.1"),
      "address to listen on; any but loopback needs a token, a JWT secret or a key set"),
    Setting(
      "SIGNALBOX_TOKEN", .secret(minBytes: 32), default: .unset("none"), "shared bearer token; it grants everything"),
    Setting(
      "SIGNALBOX_JWT_SECRET", .secret(minBytes: 32), default: .unset("none"), "key of JWTs signed with HS256"),
    Setting(
      "SIGNALBOX_JWKS_FILE", .path, default: .unset("none"), "key set (JSON) of JWTs signed with RS256, ES256, EdDSA"),
    Setting("SIGNALBOX_JWT_ISSUER", .text(max: 1_024), default: .unset("not checked"), "the iss a JWT must carry"),
    Setting("SIGNALBOX_JWT_AUDIENCE", .text(max: 1_024), default: .unset("not checked"), "the aud a JWT must carry"),
    Setting(
      "SIGNALBOX_TRUSTED_PROXIES", .networks, default: .unset("none"), "proxies whose X-Forwarded-For is believed"),
    Setting(
      "SIGNALBOX_STATE", .path, default: .derived("$XDG_STATE_HOME/signalbox"),
      "folder of logs, audit and history; created with mode 0700"),
    Setting(
      "SIGNALBOX_SOCKET", .socketPath,
      default: .derived("$XDG_RUNTIME_DIR/signalbox.sock, else signalbox.sock in the state folder"),
      "control socket of the node"),
    Setting(
      "SIGNALBOX_SOCKET_GROUP", .text(max: 32), default: .unset("owner only"),
      "group whose members may use the control socket"),
    Setting(
      "SIGNALBOX_LOG_LEVEL", .choice(LogLevel.allCases.map(\.rawValue)), default: .value("info"),
      "least severe level that is logged"),
    Setting(
      "SIGNALBOX_LOG_FORMAT", .choice(LogFormat.allCases.map(\.rawValue)), default: .value("text"),
      "form of log lines"),
    Setting(
      "SIGNALBOX_OPERATOR", .text(max: 128), default: .derived("login name and SSH client"),
      "how this console is named to others: a label, not a credential"),
    Setting("SIGNALBOX_THEME", .theme, default: .value("signalbox-dark"), "colours of the console"),
  ]

  /// The row of a file key.
  static func row(named name: String) -> Setting? { rows.first { $0.name == name } }

  /// Every key a file may have.
  static var fileKeys: [String] { rows.flatMap { [$0.name, $0.fileName].compactMap(\.self) } }

  /// Every flag that belongs to a setting, and `--config`.
  static var flags: [String] { ["--config"] + rows.compactMap { $0.flag ?? $0.fileFlag } }

  /// The variables a process may set, `NAME_FILE` of secrets included.
  static var environmentNames: [String] { rows.flatMap { [$0.environment, $0.fileEnvironment].compactMap(\.self) } }

  /// The settings as the root's help shows them, in lines of at most 80 characters.
  static var helpText: String {
    let lines = rows.map { row in "  \(Table.pad(row.flag ?? row.fileFlag ?? "", 20)) \(row.environment)" }
    let head = "SETTINGS (flag > environment > --config FILE > default; explained by 'config'):"
    return ([head] + lines).joined(separator: "\n")
  }
}

/// The form of log lines on stderr and in the log file.
enum LogFormat: String, Sendable, CaseIterable {
  case text, json
}
