public import Base

/// Which sockets a person wants to see, in the grammar of `RowFilter`: text, `re:`, `field=value` and, for what is
/// counted, `queue>64K` (bytes), `rtt>100` (milliseconds), `age<60` (seconds).
public struct SocketFilter {
  /// Ages are counted from `now`, in milliseconds since 1970.
  private struct Row {
    let record: SocketRecord
    let now: Int64
  }

  private static let language = RowFilter<Row>.Language(
    [
      RowField("id") { $0.record.id }, RowField("user") { $0.record.user }, RowField("agent") { $0.record.agent },
      RowField("room", any: { row, fits in row.record.rooms.contains(where: fits) }),
      RowField("transport") { $0.record.transport.rawValue }, RowField("state") { $0.record.state.rawValue },
      RowField("address", isSearched: false) { $0.record.address }, RowField("node") { $0.record.node },
      RowField("rtt", number: { $0.record.rttMilliseconds }), RowField("in", number: { $0.record.inPerSecond }),
      RowField("out", number: { $0.record.outPerSecond }),
      RowField("queue", number: { Double($0.record.queuedBytes) }),
      RowField("age", number: { Double($0.now - $0.record.connectedAt) / 1_000 }),
      RowField("idle", number: { Double($0.record.idleMilliseconds) / 1_000 }),
      RowField("rooms", number: { Double($0.record.roomCount) }),
    ], line: { $0.record.plainLine })

  private let filter: RowFilter<Row>

  /// Whether it asks where clients are on the net, which only `address=` does: that is for operators.
  public var asksForAddresses: Bool { filter.named.contains("address") }

  /// Nil for text that asks for nothing; throws `invalid` or `limit`.
  public static func parse(_ text: String) throws(Failure) -> SocketFilter? {
    try RowFilter<Row>.parse(text, language).map { SocketFilter(filter: $0) }
  }

  /// `now`: milliseconds since 1970.
  public func matches(_ record: SocketRecord, now: Int64) -> Bool {
    filter.matches(Row(record: record, now: now))
  }
}

extension SocketRecord {
  /// The record as one line, without its address: what a regular expression sees and `y` copies.
  public var plainLine: String {
    let names = [id, user, agent].compactMap(\.self) + rooms
    return (names + [transport.rawValue, state.rawValue, node]).joined(separator: " ")
  }
}

extension SocketQuery {
  /// The page of `records` that is asked for. `now`: milliseconds since 1970. Throws as `check` does.
  public func page(of records: [SocketRecord], now: Int64) throws(Failure) -> SocketPage {
    try check()
    let filter = try filter.flatMap { text throws(Failure) in try SocketFilter.parse(text) }
    let matching = filter.map { filter in records.filter { filter.matches($0, now: now) } } ?? records
    let sockets = sorted(matching).dropFirst(offset).prefix(limit).map { matching[$0] }
    return SocketPage(sockets: sockets, offset: offset, matching: matching.count, total: records.count)
  }

  /// The places of `records` in the order that is wanted. Places are sorted and not records, by keys made once: of
  /// thousands of rows a page shows dozens, and the others need not be moved.
  private func sorted(_ records: [SocketRecord]) -> [Int] {
    func ranked<Key: Comparable>(by key: (SocketRecord) -> Key) -> [Int] {
      let keys = records.map(key)
      return records.indices.sorted { left, right in
        let (one, other) = isDescending ? (right, left) : (left, right)
        return keys[one] == keys[other] ? records[one].id < records[other].id : keys[one] < keys[other]
      }
    }
    return switch self.sort {
    case .id: ranked(by: \.id)
    case .user: ranked { $0.agent ?? $0.user }
    case .rooms: ranked(by: \.roomCount)
    case .transport: ranked(by: \.transport.rawValue)
    case .state: ranked(by: \.state.rank)
    case .rtt: ranked { $0.rttMilliseconds ?? -1 }
    case .in: ranked(by: \.inPerSecond)
    case .out: ranked(by: \.outPerSecond)
    case .queue: ranked(by: \.queuedBytes)
    // The youngest has connected last.
    case .age: ranked { -$0.connectedAt }
    case .idle: ranked(by: \.idleMilliseconds)
    }
  }
}

extension SocketRecord.State {
  /// What needs an eye first is the greatest.
  fileprivate var rank: Int {
    switch self {
    case .idle: 0
    case .live: 1
    case .slow: 2
    case .closing: 3
    }
  }
}
