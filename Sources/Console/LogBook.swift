internal import ControlPlane

/// The log lines the console keeps, and the part of them that level and filter let through. Lines are formatted when
/// they are drawn, not when they come, so that a busy log costs a comparison each and no more.
struct LogBook {
  /// Lines kept; the oldest go, in steps of `step`, so that one line more does not move twenty thousand.
  static let capacity = 20_000
  static let step = 1_000

  private(set) var records: [LogRecord] = []
  /// Positions in `records` of the lines that are let through, oldest first.
  private(set) var visible: [Int] = []
  private(set) var level: LogLevel = .trace
  private(set) var filter: LogFilter?
  private(set) var isFollowing = true
  private(set) var cursor = ListCursor()

  var count: Int { visible.count }

  /// The selected line; nil while there is none.
  var selected: LogRecord? {
    visible.indices.contains(cursor.selected) ? records[visible[cursor.selected]] : nil
  }

  /// Lines that came live. `height`: rows of the pane.
  mutating func append(_ added: [LogRecord], height: Int) {
    for record in added {
      records.append(record)
      if lets(record) { visible.append(records.count - 1) }
    }
    trim()
    follow(height: height)
  }

  /// Lines that were asked for, among which some may have come live already.
  mutating func merge(_ older: [LogRecord], height: Int) {
    var known: [Int64: [LogRecord]] = [:]
    for record in records { known[record.timeMilliseconds, default: []].append(record) }
    let added = older.filter { record in !(known[record.timeMilliseconds]?.contains(record) ?? false) }
    guard !added.isEmpty else { return }
    records = (added + records).enumerated()
      .sorted { ($0.element.timeMilliseconds, $0.offset) < ($1.element.timeMilliseconds, $1.offset) }
      .map(\.element)
    select(height: height)
  }

  mutating func setLevel(_ level: LogLevel, height: Int) {
    self.level = level
    select(height: height)
  }

  mutating func setFilter(_ filter: LogFilter?, height: Int) {
    self.filter = filter
    select(height: height)
  }

  mutating func setFollowing(_ isFollowing: Bool, height: Int) {
    self.isFollowing = isFollowing
    follow(height: height)
  }

  /// Moving up stops following; reaching the last line follows again.
  mutating func move(by distance: Int, height: Int) {
    cursor.move(by: distance, count: count, height: height)
    isFollowing = cursor.selected >= count - 1
  }

  mutating func select(row: Int, height: Int) {
    cursor.select(row, count: count, height: height)
    isFollowing = cursor.selected >= count - 1
  }

  mutating func scroll(by distance: Int, height: Int) {
    cursor.scroll(by: distance, count: count, height: height)
    isFollowing = cursor.top + height >= count && distance > 0
    follow(height: height)
  }

  /// After the window changed.
  mutating func settle(height: Int) {
    cursor.settle(count: count, height: height)
    follow(height: height)
  }

  private func lets(_ record: LogRecord) -> Bool {
    record.level >= level && filter?.matches(record) ?? true
  }

  private mutating func select(height: Int) {
    trim(isRebuilding: true)
    visible = records.indices.filter { lets(records[$0]) }
    cursor.settle(count: count, height: height)
    follow(height: height)
  }

  private mutating func follow(height: Int) {
    guard isFollowing else { return }
    cursor.select(count - 1, count: count, height: height)
  }

  private mutating func trim(isRebuilding: Bool = false) {
    guard records.count > Self.capacity else { return }
    let removed = min(records.count, records.count - Self.capacity + Self.step)
    records.removeFirst(removed)
    guard !isRebuilding else { return }
    let hidden = visible.firstIndex { $0 >= removed } ?? visible.count
    visible = visible[hidden...].map { $0 - removed }
    cursor.shift(removed: hidden)
  }
}
