public import Base

/// Which sockets a person wants to see: text that a row must contain, `re:` a regular expression over it, `field=value`
/// one field (a part of it, or all of it when `*` or `?` stand in the value), `field>number` or `field<number` for what
/// is counted (`queue>64K`, `rtt>100`), and `!` in front of any of them for the rows that do not match. Several, with
/// spaces between them, must all hold. Letter case never matters.
public struct SocketFilter {
  private enum Test {
    case contains([UInt8])
    case pattern(PosixPattern)
    case part(Field, [UInt8])
    case glob(Field, Glob)
    case above(Measure, Double)
    case below(Measure, Double)
  }

  private enum Field: String, CaseIterable {
    case id, user, agent, room, transport, state, address, node
  }

  /// Milliseconds, events a second, bytes, seconds.
  private enum Measure: String, CaseIterable {
    case rtt, `in`, out, queue, age, idle, rooms
  }

  /// Whether it asks where clients are on the net, which only `address=` does: that is for operators.
  public var asksForAddresses: Bool {
    tests.contains { entry in
      switch entry.test {
      case .part(let field, _), .glob(let field, _): field == .address
      default: false
      }
    }
  }

  /// Bytes of the longest filter, and terms in one.
  public static let bytesMax = 512
  public static let termsMax = 8

  private let tests: [(test: Test, isInverted: Bool)]

  /// Nil for text that asks for nothing; throws `invalid` or `limit`.
  public static func parse(_ text: String) throws(Failure) -> SocketFilter? {
    guard text.utf8.count <= bytesMax else { throw Failure(.limit, "the filter is longer than \(bytesMax) bytes") }
    let words = text.split(separator: " ")
    guard words.count <= termsMax else { throw Failure(.limit, "the filter has more than \(termsMax) terms") }
    var tests: [(test: Test, isInverted: Bool)] = []
    for word in words {
      let isInverted = word.hasPrefix("!")
      let rest = isInverted ? word.dropFirst() : word
      if !rest.isEmpty { tests.append((try test(rest), isInverted)) }
    }
    return tests.isEmpty ? nil : SocketFilter(tests: tests)
  }

  private static func test(_ text: Substring) throws(Failure) -> Test {
    if text.hasPrefix("re:") { return .pattern(try PosixPattern(String(text.dropFirst(3)))) }
    guard let index = text.firstIndex(where: { "=<>".contains($0) }), index != text.startIndex else {
      return .contains(folded(text))
    }
    let name = text[..<index].lowercased()
    let value = text[text.index(after: index)...]
    guard text[index] == "=" else {
      guard let measure = Measure(rawValue: name) else {
        let known = Measure.allCases.map(\.rawValue).joined(separator: ", ")
        throw Failure(.invalid, "the filter compares '\(shown(name))'", hint: "what can be compared: \(known)")
      }
      guard let number = number(String(value)) else {
        throw Failure(.invalid, "the filter compares \(name) with no number", hint: "such as \(name)>100")
      }
      return text[index] == ">" ? .above(measure, number) : .below(measure, number)
    }
    guard let field = Field(rawValue: name) else {
      let known = Field.allCases.map(\.rawValue).joined(separator: ", ")
      throw Failure(.invalid, "the filter names the field '\(shown(name))'", hint: "fields: \(known)")
    }
    guard value.contains(where: { "*?".contains($0) }) else { return .part(field, folded(value)) }
    return .glob(field, try Glob(value.lowercased()))
  }

  /// `64K` as well as `0.5`.
  private static func number(_ text: String) -> Double? {
    if let whole = Quantity.bytes(text) { return Double(whole) }
    guard let number = Double(text), number.isFinite else { return nil }
    return number
  }

  private static func shown(_ name: String) -> DisplayText { DisplayText(name).truncated(to: 40) }

  /// `now`: milliseconds since 1970.
  public func matches(_ record: SocketRecord, now: Int64) -> Bool {
    tests.allSatisfy { Self.isHit($0.test, record, now) != $0.isInverted }
  }

  private static func isHit(_ test: Test, _ record: SocketRecord, _ now: Int64) -> Bool {
    switch test {
    case .contains(let wanted):
      Field.allCases.contains { field in
        field != .address && texts(field, record).contains { holds($0, wanted) }
      }
    case .pattern(let pattern): pattern.matches(record.plainLine)
    case .part(let field, let wanted): texts(field, record).contains { holds($0, wanted) }
    case .glob(let field, let glob): texts(field, record).contains { glob.matches($0.lowercased()) }
    case .above(let measure, let number): value(measure, record, now).map { $0 > number } ?? false
    case .below(let measure, let number): value(measure, record, now).map { $0 < number } ?? false
    }
  }

  private static func texts(_ field: Field, _ record: SocketRecord) -> [String] {
    switch field {
    case .id: [record.id]
    case .user: [record.user]
    case .agent: [record.agent].compactMap(\.self)
    case .room: record.rooms
    case .transport: [record.transport.rawValue]
    case .state: [record.state.rawValue]
    case .address: [record.address]
    case .node: [record.node]
    }
  }

  private static func value(_ measure: Measure, _ record: SocketRecord, _ now: Int64) -> Double? {
    switch measure {
    case .rtt: record.rttMilliseconds
    case .in: record.inPerSecond
    case .out: record.outPerSecond
    case .queue: Double(record.queuedBytes)
    case .age: Double(now - record.connectedAt) / 1_000
    case .idle: Double(record.idleMilliseconds) / 1_000
    case .rooms: Double(record.roomCount)
    }
  }

  /// Letters of ASCII in lower case; other bytes as they are.
  private static func folded(_ text: Substring) -> [UInt8] { text.utf8.map(fold) }

  private static func fold(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 32 : byte }

  private static func holds(_ text: String, _ wanted: [UInt8]) -> Bool {
    guard let first = wanted.first else { return true }
    let bytes = Array(text.utf8)
    guard bytes.count >= wanted.count else { return false }
    for start in 0...(bytes.count - wanted.count) where fold(bytes[start]) == first {
      var length = 1
      while length < wanted.count, fold(bytes[start + length]) == wanted[length] { length += 1 }
      if length == wanted.count { return true }
    }
    return false
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
