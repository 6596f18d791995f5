internal import CodeIndex

/// Vectors of remote models in the node's own namespace of the cache, so that what one node paid for serves all.
struct CachedVectors: VectorCache {
  private static let namespace = "sb-vectors"
  /// Reads and writes under way at once.
  private static let atOnce = 16

  private let cache: CacheEngine

  init(_ cache: CacheEngine) { self.cache = cache }

  func values(for keys: [String]) async -> [String: [UInt8]] {
    await inTurn(keys) { key in
      // A cache that is away has nothing.
      (try? await cache.own(Self.namespace, key)).flatMap(\.self).map { (key, $0) }
    }.reduce(into: [:]) { $0[$1.0] = $1.1 }
  }

  func store(_ values: [String: [UInt8]]) async {
    _ = await inTurn(Array(values)) { key, value -> Bool? in
      // What cannot be stored is asked for again another time.
      try? await cache.setOwn(Self.namespace, key, value)
      return nil
    }
  }

  /// A few at a time.
  private func inTurn<Item: Sendable, Value: Sendable>(
    _ items: [Item], _ body: @escaping @Sendable (Item) async -> Value?
  ) async -> [Value] {
    await withTaskGroup(of: Value?.self) { group in
      var values: [Value] = []
      for (number, item) in items.enumerated() {
        if number >= Self.atOnce, let value = await group.next() ?? nil { values.append(value) }
        group.addTask { await body(item) }
      }
      for await case let value? in group { values.append(value) }
      return values
    }
  }
}
