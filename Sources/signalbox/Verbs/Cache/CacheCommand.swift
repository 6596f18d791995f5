internal import ArgumentParser

struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache", abstract: "Read, write and invalidate what agents share.",
    subcommands: [
      CacheGetCommand.self, CacheSetCommand.self, CacheDeleteCommand.self, CacheStatsCommand.self,
      CacheInvalidateCommand.self,
    ])

  /// Of one value (CONTRACT, Cache).
  static let valueBytesMax = 16 << 20
}

/// What every verb of `cache` takes.
struct CacheNamespaceOption: ParsableArguments {
  @Option(help: "Namespace of the keys: a-z 0-9 -, at most 63.")
  var namespace = "default"
}
