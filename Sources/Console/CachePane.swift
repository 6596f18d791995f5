internal import Base

/// What is kept, and for whom it was enough.
struct CachePane: EnginePane {
  let id = PaneID.cache

  static let purpose = "Hit rates of both levels, namespaces, evictions and invalidations."

  static let actions = [
    Action(
      id: "cache.invalidate", title: "Invalidate keys, after a dry run",
      keys: [.character("i")], hint: .init(group: .act, label: "invalidate", rank: 8), verb: "invalidate",
      changesNode: true, refusal: { $0.refusal(of: .cache) }, run: { _, _ in [] })
  ]
}
