internal import FoundationEssentials

/// The environment of the test itself.
public enum Environment {
  public static func all() -> [String: String] { ProcessInfo.processInfo.environment }

  /// That environment with every setting of signalbox and of its services removed, so that what a developer has set
  /// cannot change a test; `changes` on top (nil removes).
  public static func clean(_ changes: [String: String?] = [:]) -> [String: String] {
    let prefixes = ["SIGNALBOX_", "REDIS_", "OPENAI_", "PINECONE_", "CACHE_", "SANDBOX_", "WEBSOCKET_", "XDG_", "GIT_"]
    let names = ["CORS_ORIGIN", "DOCKER_HOST", "NO_COLOR"]
    var environment = all().filter { entry in
      !names.contains(entry.key) && !prefixes.contains { entry.key.hasPrefix($0) }
    }
    for (name, value) in changes { environment[name] = value }
    return environment
  }
}
