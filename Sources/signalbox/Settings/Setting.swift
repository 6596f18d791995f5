internal import Base
internal import EngineRoom

/// One row of the settings table. The names follow from the environment variable: the file key is the variable without
/// `SIGNALBOX_` in lower camel case, the flag the same in kebab case.
struct Setting: Sendable {
  /// What a value may look like, with its range.
  enum Kind: Sendable, Equatable {
    /// 1…`max` bytes without control characters.
    case text(max: Int)
    case choice([String])
    case integer(ClosedRange<Int>)
    /// A path; relative ones belong to the working folder, in the file to the file's own folder.
    case path
    /// Paths, comma-separated.
    case folders
    /// A Unix socket path, 107 bytes at most (`sun_path` of unix(7), with its final zero).
    case socketPath
    /// A host name or an address to listen on.
    case host
    /// Origins of RFC 6454, comma-separated, or `*` alone.
    case origins
    /// Addresses or CIDR blocks, comma-separated.
    case networks
    case redis
    /// `512M`, `10K`, or a plain number of bytes.
    case bytes(ClosedRange<Int>)
    /// What stands before names that nodes share.
    case prefix
    /// Names of engines, comma-separated, or `all` alone.
    case engines
    case docker
    /// A theme's name or path.
    case theme
    /// Never shown, never a flag; also read from the file that `NAME_FILE` names.
    case secret(minBytes: Int)
  }

  /// What holds when nobody set it.
  enum Fallback: Sendable, Equatable {
    /// Nothing; the text says what that means.
    case unset(String)
    case value(String)
    /// Worked out from the login; the text is the rule, for help and README.
    case derived(String)
  }

  let name: String
  let environment: String
  let kind: Kind
  let unit: String?
  let fallback: Fallback
  let meaning: String

  init(_ environment: String, _ kind: Kind, unit: String? = nil, default fallback: Fallback, _ meaning: String) {
    name = Self.fileKey(environment)
    self.environment = environment
    self.kind = kind
    self.unit = unit
    self.fallback = fallback
    self.meaning = meaning
  }

  var isSecret: Bool {
    if case .secret = kind { true } else { false }
  }

  /// `--api-port`; for a secret nil, because arguments are visible to every user of the machine.
  var flag: String? { isSecret ? nil : "--\(Self.kebab(name))" }

  /// `--token-file`, `SIGNALBOX_TOKEN_FILE` and `tokenFile`: where the secret lies.
  var fileFlag: String? { isSecret ? "--\(Self.kebab(name))-file" : nil }
  var fileEnvironment: String? { isSecret ? "\(environment)_FILE" : nil }
  var fileName: String? { isSecret ? "\(name)File" : nil }

  /// Whether a YAML list is as good as commas.
  var isList: Bool { kind == .origins || kind == .networks || kind == .engines || kind == .folders }

  /// What is allowed, as the end of a refusal: "… must be a whole number from 1 to 65535".
  var allowed: String {
    switch kind {
    case .text(let max): "1 to \(max) bytes of text without control characters"
    case .choice(let names): "one of \(names.joined(separator: ", "))"
    case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .path: "a path"
    case .folders: "paths, comma-separated"
    case .socketPath: "a path of at most 107 bytes"
    case .host: "an IP address or a host name, such as 127.0.0.1"
    case .origins: "origins such as https://app.example, comma-separated, or *"
    case .networks: "addresses or CIDR blocks such as 10.0.0.0/8, comma-separated"
    case .redis: "redis://[user:pass@]host:port[/db] or unix:///path"
    case .bytes(let range):
      "a size from \(Quantity.describe(bytes: Int64(range.lowerBound))) to "
        + "\(Quantity.describe(bytes: Int64(range.upperBound))), such as 256M"
    case .prefix: "1 to 64 of A-Z a-z 0-9 . _ -"
    case .engines: "all, or some of \(Engine.allCases.map(\.rawValue).joined(separator: ", ")), comma-separated"
    case .docker: "unix:///path of the Docker Engine's socket, or tcp://host:port"
    case .theme: "a theme's name or the path of a theme file"
    case .secret(let minBytes): "at least \(minBytes) bytes"
    }
  }

  /// `SIGNALBOX_API_PORT` → `apiPort`, `REDIS_URL` → `redisUrl`.
  static func fileKey(_ environment: String) -> String {
    let prefix = "SIGNALBOX_"
    let bare = environment.hasPrefix(prefix) ? String(environment.dropFirst(prefix.count)) : environment
    let words = bare.lowercased().split(separator: "_")
    guard let first = words.first else { return "" }
    return words.dropFirst().reduce(String(first)) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
  }

  /// `apiPort` → `api-port`.
  static func kebab(_ name: String) -> String {
    name.reduce(into: "") { text, letter in
      if letter.isUppercase { text += "-" }
      text += letter.lowercased()
    }
  }
}
