/// Who depends on whom, for a node that stands alone; with Redis the same lies in sorted sets there. An edge goes
/// from a key to the keys that named it in `dependsOn`.
///
/// The closure is a breadth-first walk with a set of what was seen, so cycles end by themselves, and it stops at a
/// limit; the caller then invalidates the whole namespace, which is safe. When edges outgrow their bound the graph
/// forgets all of them and answers every question with "too many", until it is emptied: also safe.
struct DependencyGraph: Sendable {
  private struct Vertex: Hashable {
    let namespace: String
    let key: String
  }

  private var dependents: [Vertex: Set<String>] = [:]
  private(set) var edges = 0
  private(set) var hasOverflown = false
  let edgesMax: Int

  init(edgesMax: Int = 200_000) { self.edgesMax = edgesMax }

  mutating func add(_ namespace: String, key: String, dependsOn keys: [String]) {
    guard !hasOverflown else { return }
    for dependency in keys {
      let isNew = dependents[Vertex(namespace: namespace, key: dependency), default: []].insert(key).inserted
      if isNew { edges += 1 }
    }
    if edges > edgesMax {
      hasOverflown = true
      dependents = [:]
      edges = 0
    }
  }

  /// `keys` and everything that depends on them, nearest first; nil when that is more than `limit`.
  func closure(_ namespace: String, of keys: [String], limit: Int) -> [String]? {
    guard !hasOverflown else { return nil }
    var found: [String] = []
    var seen: Set<String> = []
    for key in keys where seen.insert(key).inserted { found.append(key) }
    var next = 0
    while next < found.count {
      guard found.count <= limit else { return nil }
      for dependent in dependents[Vertex(namespace: namespace, key: found[next])] ?? []
      where seen.insert(dependent).inserted {
        found.append(dependent)
      }
      next += 1
    }
    return found
  }

  /// Forgets the edges that begin at `keys`: whatever hung on them is gone.
  mutating func remove(_ namespace: String, _ keys: [String]) {
    for key in keys {
      edges -= dependents.removeValue(forKey: Vertex(namespace: namespace, key: key))?.count ?? 0
    }
  }

  /// Keeps only edges to keys that `isAlive` or that lead on to one. Called by the sweeper: edges of expired entries
  /// would otherwise stay for ever.
  mutating func prune(isAlive: (String, String) -> Bool) {
    var live: [Vertex: Set<String>] = [:]
    var queue: [Vertex] = []
    var upstream: [Vertex: [String]] = [:]
    for (vertex, keys) in dependents {
      for key in keys {
        let dependent = Vertex(namespace: vertex.namespace, key: key)
        upstream[dependent, default: []].append(vertex.key)
        if isAlive(vertex.namespace, key) { queue.append(dependent) }
      }
    }
    var seen = Set(queue)
    while let vertex = queue.popLast() {
      for key in upstream[vertex] ?? [] {
        let source = Vertex(namespace: vertex.namespace, key: key)
        live[source, default: []].insert(vertex.key)
        if seen.insert(source).inserted { queue.append(source) }
      }
    }
    dependents = live
    edges = live.values.reduce(0) { $0 + $1.count }
    hasOverflown = false
  }
}
