import Base
import RedisLink
import TestKit

@testable import Cache

/// A running cache of one test.
final class Node: Sendable {
  let cache: Cache
  private let task: Task<Void, Never>

  init(_ url: String, folder: String? = nil, change: (inout CacheOptions) -> Void = { _ in }) throws {
    var options = CacheOptions(.redis(try RedisURL(url), prefix: "test"), node: .random())
    options.stateFolder = folder
    // Slow machines: the default of 50 ms would open the breaker for no fault.
    options.redis.commandDeadline = .milliseconds(500)
    change(&options)
    let cache = try Cache(options)
    self.cache = cache
    task = Task { await cache.run() }
  }

  deinit { task.cancel() }

  func stop() async {
    task.cancel()
    await task.value
  }

  var isConnected: Bool { cache.statistics().link.state == .connected }

  func connected() async -> Bool { await eventually { self.isConnected } }
}

func key(_ name: String, _ namespace: String = "ns") throws -> CacheKey {
  try CacheKey(CacheNamespace(namespace), name)
}

func text(_ item: CacheItem?) -> String? { item.map { String(decoding: $0.value, as: UTF8.self) } }
