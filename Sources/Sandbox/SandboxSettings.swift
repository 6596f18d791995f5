/// How the engine is set up.
public struct SandboxSettings: Sendable, Equatable {
  public enum Require: String, Sendable, CaseIterable {
    /// All four layers, or no run.
    case all
    /// Isolation, with weaker limits where no control group can be had; every result says so.
    case isolation
  }

  public enum Backend: String, Sendable, CaseIterable {
    /// Bubblewrap where it can be had, else Docker.
    case auto
    case bubblewrap, docker
  }

  public var backend = Backend.auto
  public var docker = DockerSettings()
  public var require: Require
  /// Path of sandbox-launcher; nil: beside this executable.
  public var launcher: String?
  public var bubblewrap: String
  /// Interpreters by language, where the first one found is not the one wanted.
  public var interpreters: [Language: String]
  /// Folders of packages that programs may read, under the same path.
  public var packageFolders: [String]
  /// Where interpreters are looked for, besides /usr/bin and /usr/local/bin: the form of PATH.
  public var searchPath: String
  public var concurrencyMax: Int
  public var waitingMax: Int
  /// Interpreters that are kept up and waiting, by language; a language that is not here has none.
  public var warm: [Language: Int]
  /// Tests only: control groups are left out as if none could be made.
  var ignoresControlGroups = false

  public init(
    require: Require = .all, launcher: String? = nil, bubblewrap: String = "/usr/bin/bwrap",
    interpreters: [Language: String] = [:], packageFolders: [String] = [], searchPath: String = "",
    concurrencyMax: Int = 8, waitingMax: Int = 1_000, warm: [Language: Int] = [.python: 2, .javascript: 2]
  ) {
    self.require = require
    self.launcher = launcher
    self.bubblewrap = bubblewrap
    self.interpreters = interpreters
    self.packageFolders = packageFolders
    self.searchPath = searchPath
    self.concurrencyMax = concurrencyMax
    self.waitingMax = waitingMax
    self.warm = warm
  }
}
