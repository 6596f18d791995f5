internal import RedisLink

/// Reading the log of invalidations.
enum RedisLog {
  struct Contents {
    var entries: [LogEntry]
    /// The number of the last invalidation, whether or not its line is still there.
    var sequence: UInt64
    /// Values with an older stamp may be dead without a line that says so.
    var floor: UInt64
  }

  private static let pageSize = 5_000

  static func read(_ level: RedisSecondLevel) async throws(RedisError) -> Contents {
    var entries: [LogEntry] = []
    var from = "-"
    while entries.count <= CacheLimits.logEntries * 2 {
      let reply = try await level.connection.send(
        RedisCommand(
          "XRANGE", .text(level.keyspace.log), .text(from), "+", "COUNT", .integer(Int64(pageSize))),
        deadline: .seconds(2))
      let page = Self.entries(reply)
      guard page.count == (reply.elements ?? []).count else {
        throw .protocolViolation("the cache's log has a line that is none")
      }
      entries += page
      guard page.count == pageSize, let last = page.last else { break }
      from = "(\(last.sequence)-0"
    }
    let number = try await level.connection.send(RedisCommand("GET", .text(level.keyspace.sequence)))
    guard let sequence = number.integer.flatMap({ UInt64(exactly: $0) }), sequence > 0 else {
      throw .protocolViolation("the cache's number of invalidations is none")
    }
    return contents(entries, sequence)
  }

  /// The first number is 2: a new data set begins at 1. What the sweeper has removed needs neither line nor floor.
  static func contents(_ entries: [LogEntry], _ sequence: UInt64) -> Contents {
    var swept: UInt64 = 1
    for entry in entries {
      if case .swept(let through) = entry.rule { swept = max(swept, through) }
    }
    let first = entries.first?.sequence ?? sequence + 1
    let floor = swept >= first - 1 ? 0 : first - 1
    let living = entries.filter { $0.sequence > swept || $0.sequence == entries.last?.sequence }
    return Contents(entries: living, sequence: entries.last?.sequence ?? sequence, floor: floor)
  }

  static func entries(_ reply: RedisValue) -> [LogEntry] {
    (reply.elements ?? []).compactMap { line in
      guard let pair = line.elements, pair.count == 2, let name = pair[0].text, let fields = pair[1].elements,
        fields.count == 4, let id = fields[1].text, let bytes = fields[3].bytes,
        let sequence = name.split(separator: "-").first.flatMap({ UInt64($0) }), let rule = InvalidationRule(bytes)
      else { return nil }
      return LogEntry(sequence: sequence, id: id, rule: rule)
    }
  }
}
