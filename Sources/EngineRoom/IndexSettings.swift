/// What the index is told at its start.
public struct IndexSettings: Sendable {
  /// SIGNALBOX_STATE_MAX, in bytes: of the whole state folder.
  public var stateBytesMax: Int
  /// SIGNALBOX_ROOTS: folders, absolute, under which callers of the API may add projects; nil: those the node was
  /// started with.
  public var roots: [String]?
  /// Whether projects without an index are indexed when the node starts or hears of them.
  public var indexesUnasked: Bool
  /// SIGNALBOX_WATCH: whether changes are seen without being told.
  public var watches: Bool
  /// SIGNALBOX_WATCH=worktree: whether edits that nobody has committed count.
  public var readsWorkTree = false
  /// Threads of one run; 0: one a processor, eight at most.
  public var workers: Int
  public var remote = RemoteIndexSettings()

  public init(
    stateBytesMax: Int = 20 << 30, roots: [String]? = nil, indexesUnasked: Bool = true, watches: Bool = true,
    workers: Int = 0
  ) {
    self.stateBytesMax = stateBytesMax
    self.roots = roots
    self.indexesUnasked = indexesUnasked
    self.watches = watches
    self.workers = workers
  }
}
