internal import Base
internal import ControlPlane

/// What the namespaces are filtered and sorted by.
extension CachePane {
  var filterHint: DisplayText { "hit<50 bytes>1M !not re:REGEX Enter Esc" }

  static let shape = RowList<CacheSnapshot.Namespace>.Shape(
    [
      .init("namespace", "NAMESPACE", text: { $0.name }),
      .init("hit", "HIT", number: { $0.hits + $0.misses == 0 ? nil : $0.hitRate * 100 }),
      .init("keys", "KEYS", number: { Double($0.entries) }), .init("bytes", "BYTES", number: { Double($0.bytes) }),
      .init("sets", "SETS", number: { Double($0.sets) }), .init("inval", "INVAL", number: { Double($0.invalidations) }),
      .init("evict", "EVICT", number: { Double($0.evictions) }),
      .init("expire", "EXPIRE", number: { Double($0.expirations) }),
      .init("errors", "ERRORS", number: { Double($0.errors) }),
    ], id: { $0.name }, line: { $0.name })

  /// The invalidations that the list under the table shows: the filter is its too.
  var shownInvalidations: [CacheInvalidated] {
    guard !filter.isEmpty else { return invalidations }
    let names = Set(namespaces.map(\.name))
    return invalidations.filter { names.contains($0.namespace) }
  }
}
