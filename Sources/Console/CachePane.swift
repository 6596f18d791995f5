internal import Base
internal import ControlPlane

/// What is kept, and for whom it was enough.
struct CachePane: EnginePane, ListPane {
  let id = PaneID.cache

  static let purpose = "Hit rates of both levels, namespaces, evictions and invalidations."

  /// What is known of the engine.
  enum Knowledge: Equatable {
    case nothing, absent
    case present(CacheSnapshot)
  }

  /// What may be drawn: changes of anything else change no picture.
  private(set) var knowledge = Knowledge.nothing
  private(set) var trend = CacheTrend()
  /// By name, so that no row jumps when its figures grow.
  var list = RowList(CachePane.shape)
  /// Newest first.
  private(set) var invalidations: [CacheInvalidated] = []

  static let actions = [
    Action(
      id: "cache.invalidate", title: "Invalidate keys, after a dry run",
      keys: [.character("i")],
      hint: .init(group: .act, label: "invalidate", short: "inval", rank: 8, home: .cache), verb: "invalidate",
      argument: InvalidateForm.usage, changesNode: true, refusal: { $0.refusal(of: .cache) },
      run: { model, input in model.askToInvalidate(input.argument) })
  ]

  var snapshot: CacheSnapshot? {
    if case .present(let snapshot) = knowledge { snapshot } else { nil }
  }

  var isAway: Bool { snapshot?.redis.state == .away }

  /// Those that the filter lets through.
  var namespaces: [CacheSnapshot.Namespace] { list.rows }
  var cursor: ListCursor { list.cursor }
  var selected: CacheSnapshot.Namespace? { list.selected }

  // MARK: - News

  mutating func take(_ news: News, height: Int) -> Bool {
    switch news {
    case .snapshot(let snapshot): return take(snapshot, height: height)
    case .events(let events): return take(events)
    default: return false
    }
  }

  private mutating func take(_ snapshot: Snapshot, height: Int) -> Bool {
    let old = knowledge
    guard let cache = snapshot.cache else {
      knowledge = .absent
      trend = CacheTrend()
      list.set([])
      invalidations = []
      return old != .absent
    }
    let isMoved = trend.add(cache, uptime: snapshot.uptimeSeconds)
    let shown = cache.asShown
    knowledge = .present(shown)
    let isSame = knowledge == old && invalidations == cache.lastInvalidations
    guard !isSame else { return isMoved }
    invalidations = cache.lastInvalidations
    list.set(cache.namespaces.sorted { $0.name < $1.name })
    settle(height: height)
    return true
  }

  /// How many there are, shown or not.
  var namespaceCount: Int { list.all.count }

  /// The snapshot says it a moment later, and may have said it already.
  private mutating func take(_ events: [Event]) -> Bool {
    var isChanged = false
    for event in events {
      guard case .cacheInvalidated(let done) = event.body, snapshot != nil else { continue }
      let isKnown = invalidations.contains { known in
        known.namespace == done.namespace && known.strategy == done.strategy && known.object == done.object
          && abs(known.timeMilliseconds - done.timeMilliseconds) < 1_000
      }
      guard !isKnown else { continue }
      invalidations = [done] + invalidations.prefix(Self.invalidationsMax - 1)
      isChanged = true
    }
    return isChanged
  }

  /// Lines of the list of invalidations at most.
  static let invalidationsMax = 16

  // MARK: - Rows

  func plan(height: Int) -> CachePlan {
    CachePlan(
      height: height, isAway: isAway, namespaces: namespaces.count, invalidations: invalidations.count)
  }

  func tableRows(_ height: Int) -> Int {
    let plan = plan(height: height)
    return Table.rowsMax(height: plan.table, count: namespaces.count, hasHeader: plan.hasHeader)
  }

  func tableTop(_ height: Int) -> Int {
    let plan = plan(height: height)
    return plan.above + plan.charts + (plan.hasHeader ? 1 : 0)
  }

  var selectedText: String? { selected?.name }
}

/// Which lines of the pane a height has room for: the namespaces get what they need of what is left, the invalidations
/// the rest, and at least a third.
struct CachePlan: Equatable {
  let hasLink: Bool
  let hasMemory: Bool
  let hasLatency: Bool
  let hasHeader: Bool
  /// Lines of charts: reads, evictions, and how long the second level takes.
  let charts: Int
  let table: Int
  /// An empty line between the two lists.
  let gap: Int
  /// Lines of invalidations, their heading included.
  let below: Int

  /// Lines above the table: hit rate, split, and those that fit of Redis, memory and latencies.
  var above: Int { 2 + [hasLink, hasMemory, hasLatency].count { $0 } }

  init(height: Int, isAway: Bool, namespaces: Int, invalidations: Int) {
    hasLink = height >= 8 || (isAway && height >= 4)
    hasMemory = height >= 6 || (height >= 4 && !isAway)
    hasLatency = height >= 13
    hasHeader = height >= 8
    charts = height >= 32 ? 7 : 0
    let rest = max(0, height - 2 - charts - [hasLink, hasMemory, hasLatency].count { $0 })
    let wanted = height >= 8 ? max(1, invalidations) + 1 : 0
    let least = height >= 13 ? min(wanted, rest / 3) : min(wanted, 1)
    table = min(rest - least, max(1, namespaces) + (hasHeader ? 1 : 0))
    gap = height >= 8 && rest - least > table ? 1 : 0
    below = min(wanted, rest - table - gap)
  }
}

extension CacheSnapshot {
  /// Without what no picture shows, so that an idle cache stays equal to itself.
  var asShown: CacheSnapshot {
    var shown = self
    shown.redis.latencyMilliseconds = redis.latencyMilliseconds.map { ($0 * 10).rounded() / 10 }
    for path in [\CacheSnapshot.readLatency, \.writeLatency, \.invalidateLatency] {
      shown[keyPath: path] = self[keyPath: path].rounded(digits: 2)
    }
    return shown
  }
}
