internal import ArgumentParser
internal import Base
internal import ControlPlane

struct CacheStatsCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Show hits, misses, sizes and invalidations since the node's start.")

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    let cache = try await withCache(call) { try await $0.snapshot().cache }
    guard let cache else {
      throw Failure(.unavailable, "this node does not run the cache", hint: "name it in SIGNALBOX_ENGINES")
    }
    try StandardOutput.say(json ? try JSONText.of(cache) : CacheText.page(cache))
  }
}
