internal import DequeModule
internal import Synchronization

/// Decides what this node may serve: the one place where the first level, the rules and the state of the link meet. It
/// does no I/O and knows no clock, so that a simulation can drive two of them through any order of events.
///
///     away ──join──> recovering ──reopen──> open ──any fault──> away
///
/// Away: the first level answers or nobody does, and invalidations are kept as rules without a number, which fit every
/// stamp, until the journal has been replayed. Recovering: messages are collected. Open: the second level is read, and
/// messages are applied as they come; they are numbered without gaps, and a gap is a fault. Reopening empties the first
/// level, because what changed while nobody listened is unknown.
final class Coherence: Sendable {
  enum Phase: Sendable, Equatable {
    case away
    case recovering
    case open
  }

  /// A place in one history. The id tells two histories apart that share a number.
  struct Position: Sendable, Equatable {
    var epoch: String
    var sequence: UInt64
    var id: String
  }

  private struct State {
    var phase = Phase.away
    /// Counts connections; what belongs to an earlier one has no say.
    var life: UInt64 = 0
    var position: Position?
    /// The furthest place this node knows to have been committed: its position, or a commit of its own whose message
    /// is still on its way. A data set that does not reach it has lost something.
    var mark: Position?
    var collected: Deque<LogEntry> = []
    var hasOverflown = false
    /// Rules up to here have no victims in the second level any more.
    var swept: UInt64 = 0
  }

  static let collectedMax = 100_000

  let store: CacheStore
  let rules: RuleBook
  private let state = Mutex(State())

  init(store: CacheStore, rules: RuleBook) {
    self.store = store
    self.rules = rules
  }

  var phase: Phase { state.withLock { $0.phase } }
  var position: Position? { state.withLock { $0.position } }
  var mark: Position? { state.withLock { $0.mark } }

  /// The life in which the second level may be read, and how far the log has been applied; nil when it may not.
  var opened: (life: UInt64, sequence: UInt64)? {
    state.withLock { $0.phase == .open ? ($0.life, $0.position?.sequence ?? 0) : nil }
  }

  func isOpen(_ life: UInt64) -> Bool { state.withLock { $0.phase == .open && $0.life == life } }

  // MARK: Link

  /// A position remembered from before this process, to recognise a data set that went back in time.
  func recall(_ position: Position) { state.withLock { $0.mark = $0.mark ?? position } }

  /// A rule of the journal was committed while joining.
  func replayed(_ entries: [LogEntry], epoch: String) {
    state.withLock { state in
      for entry in entries { advanceMark(&state, entry, epoch) }
    }
  }

  private func advanceMark(_ state: inout State, _ entry: LogEntry, _ epoch: String) {
    if let mark = state.mark, mark.epoch == epoch, mark.sequence >= entry.sequence { return }
    state.mark = Position(epoch: epoch, sequence: entry.sequence, id: entry.id)
  }

  /// Whether a data set has lost something this node knows of: its epoch is an older one, its numbers end earlier, or
  /// `line`, what it holds at our place, is not what we know. A line that is gone cannot be checked and counts as lost.
  /// Epochs are sixteen hexadecimal digits that grow.
  static func hasGoneBack(from known: Position, to epoch: String, _ sequence: UInt64, line: LogEntry?) -> Bool {
    guard known.epoch == epoch else { return epoch < known.epoch }
    guard known.sequence <= sequence else { return true }
    return known.sequence > 1 && (known.id.isEmpty || line?.id != known.id)
  }

  /// A new connection is being prepared: collect what it says.
  func join() -> UInt64 {
    state.withLock { state in
      state.life += 1
      state.phase = .recovering
      state.collected = []
      state.hasOverflown = false
      return state.life
    }
  }

  /// The connection failed, or is no longer trusted. True for the first to notice.
  @discardableResult
  func leave(_ life: UInt64) -> Bool {
    state.withLock { state in
      guard state.life == life, state.phase != .away else { return false }
      state.phase = .away
      state.collected = []
      return true
    }
  }

  /// A committed rule arrived. False when one before it is missing: leave, and join anew.
  func receive(_ entry: LogEntry, life: UInt64) -> Bool {
    state.withLock { state in
      guard state.life == life else { return true }
      switch state.phase {
      case .away: return true
      case .recovering:
        guard state.collected.count < Self.collectedMax else {
          state.hasOverflown = true
          return true
        }
        state.collected.append(entry)
        return true
      case .open: return advance(&state, entry)
      }
    }
  }

  /// Another node wrote these keys.
  func written(_ keys: [CacheKey], life: UInt64) {
    guard isOpen(life) else { return }
    for key in keys { store.drop(key) }
  }

  /// The end of joining: the journal is replayed, `log` is everything the data set still knows, and `floor` what it has
  /// forgotten. False when more came into the journal meanwhile, or the log and the messages do not meet.
  func reopen(
    _ life: UInt64, epoch: String, sequence: UInt64, log: [LogEntry], floor: UInt64, isSettled: () -> Bool
  ) -> Bool {
    state.withLock { state in
      guard state.life == life, state.phase == .recovering, !state.hasOverflown, isSettled() else { return false }
      state.swept = 0
      rules.reset(floor: floor)
      store.dropAll()
      let last = log.last
      for entry in log { rules.add(entry.rule, sequence: entry.sequence) }
      state.position = Position(
        epoch: epoch, sequence: last?.sequence ?? sequence, id: last?.id ?? "")
      state.mark = state.position
      while let entry = state.collected.popFirst() {
        guard advance(&state, entry) else { return false }
      }
      state.phase = .open
      return true
    }
  }

  private func advance(_ state: inout State, _ entry: LogEntry) -> Bool {
    guard let position = state.position else { return false }
    if entry.sequence <= position.sequence { return true }
    guard entry.sequence == position.sequence + 1 else { return false }
    if case .swept(let through) = entry.rule { state.swept = max(state.swept, through) } else { _ = apply(entry) }
    state.position = Position(epoch: position.epoch, sequence: entry.sequence, id: entry.id)
    advanceMark(&state, entry, position.epoch)
    return true
  }

  // MARK: Rules

  /// Our own commit was confirmed: in force at once, before its message comes round. Returns what left the first level
  /// by name; nil when that life is over: Redis may have gone back to before the commit since, so it has to be made
  /// again.
  func committed(_ entries: [LogEntry], life: UInt64) -> [CacheItem]? {
    state.withLock { state in
      guard state.phase == .open, state.life == life, let epoch = state.position?.epoch else { return nil }
      return entries.flatMap { entry in
        advanceMark(&state, entry, epoch)
        // Forgetting can wait for the message.
        if case .swept = entry.rule { return [CacheItem]() }
        return apply(entry)
      }
    }
  }

  /// The same for a node that stands alone: nothing there can be lost.
  func applied(_ entry: LogEntry) -> [CacheItem] { apply(entry) }

  /// Whether `purge` has rules to forget.
  var hasSwept: Bool { state.withLock { $0.swept > 0 } }

  /// Removes from the first level what rules have killed, and then forgets the rules that the sweeper is done with:
  /// entries of the first level meet a rule only when they are asked for, so until this walk they still need it.
  func purge() {
    let swept = state.withLock { state in
      defer { state.swept = 0 }
      return state.swept
    }
    store.walk { items in
      for item in items where !rules.verdict(on: item, since: 0).isValid { _ = store.remove(item) }
      return true
    }
    if swept > 0 { rules.forget(through: swept) }
  }

  /// Keeps a rule in force while it cannot be committed. Nil when the link is open again: commit it instead.
  /// `promise` runs while the link cannot reopen.
  func keep(_ rule: InvalidationRule, promise: () -> Void) -> [CacheItem]? {
    state.withLock { state in
      guard state.phase != .open else { return nil }
      promise()
      return apply(LogEntry(sequence: .max, id: "", rule: rule))
    }
  }

  private func apply(_ entry: LogEntry) -> [CacheItem] {
    switch entry.rule {
    case .keys(let namespace, let keys, _):
      return keys.compactMap { store.drop(CacheKey(unchecked: $0, namespace)) }
    case .swept: break
    default: rules.add(entry.rule, sequence: entry.sequence)
    }
    return []
  }
}
