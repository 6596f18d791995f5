internal import Sandbox

/// What the sandbox is told at its start.
public struct RunSettings: Sendable, Equatable {
  public enum Backend: String, Sendable, CaseIterable {
    /// bubblewrap where it can be had, else the Docker Engine.
    case auto
    case bubblewrap, docker
  }

  public enum Require: String, Sendable, CaseIterable {
    /// All four layers, or no run.
    case all
    /// Isolation, with weaker limits where no control group can be had; every result says so.
    case isolation
  }

  /// SANDBOX_TIMEOUT_MS: of a run that names none.
  public var timeoutMilliseconds = 30_000
  /// SANDBOX_MEMORY_MAX: the most that a run may ask for.
  public var memoryBytesMax = 2 << 30
  /// Of a run that asks for none.
  var memoryBytes: Int { min(SandboxLimits().memoryBytes, memoryBytesMax) }
  /// SANDBOX_BACKEND.
  public var backend = Backend.auto
  /// SANDBOX_REQUIRE.
  public var require = Require.all
  /// SANDBOX_IMAGE_PYTHON and SANDBOX_IMAGE_NODE.
  public var pythonImage = "python:3.11-alpine"
  public var nodeImage = "node:22-alpine"
  /// SANDBOX_DOCKER_RUNTIME; nil: the engine's own.
  public var dockerRuntime: String?
  /// DOCKER_HOST.
  public var dockerHost = "unix:///var/run/docker.sock"
  /// SANDBOX_CONCURRENCY: programs that run at a time.
  public var concurrencyMax = 16
  /// SANDBOX_QUEUE: programs that may wait.
  public var waitingMax = 1_000
  /// SANDBOX_PACKAGES: folders that every program may read, under the same path.
  public var packageFolders: [String] = []
  /// SANDBOX_WARM_PYTHON and SANDBOX_WARM_NODE: interpreters that are up and wait for a program.
  public var warmPython = 2
  public var warmNode = 2
  /// PATH, where interpreters are looked for.
  public var searchPath = ""
  /// Path of sandbox-launcher; nil: beside this executable.
  public var launcher: String?

  public init() {}

  /// Throws when DOCKER_HOST names nothing that is used.
  func sandbox() throws(SandboxError) -> SandboxSettings {
    var sandbox = SandboxSettings(
      require: require == .all ? .all : .isolation, launcher: launcher, packageFolders: packageFolders,
      searchPath: searchPath, concurrencyMax: concurrencyMax, waitingMax: waitingMax,
      warm: [.python: warmPython, .javascript: warmNode])
    sandbox.backend = SandboxSettings.Backend(rawValue: backend.rawValue) ?? .auto
    let images: [Language: String] = [.python: pythonImage, .javascript: nodeImage]
    sandbox.docker.images = images
    sandbox.docker.runtime = dockerRuntime
    // An address that cannot be used matters only to whoever needs it.
    do throws(SandboxError) { sandbox.docker.address = try DockerAddress(dockerHost) } catch {
      if backend == .docker { throw error }
      sandbox.backend = .bubblewrap
    }
    return sandbox
  }
}
