internal import ControlPlane

/// Every setting there is. An engine adds its rows with itself; help, the file's schema, `signalbox config` and every
/// refusal are made from this one table.
enum SettingsTable {
  static let rows: [Setting] = [
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
