import Base
import Testing

@testable import ControlPlane

struct SocketQueryTests {
  private static let now: Int64 = 1_000_000_000

  private static let records: [SocketRecord] = (0..<200).map { index in
    SocketRecord(
      id: "s\(String(index + 1_000).dropFirst())", user: index % 2 == 0 ? "claude" : "codex",
      isVerified: index % 2 == 0, agent: index % 5 == 0 ? "refactor" : nil, rooms: ["task:\(index % 7)"],
      transport: SocketRecord.Transport.allCases[index % 3], state: index % 10 == 9 ? .slow : .live,
      rttMilliseconds: index % 4 == 0 ? nil : Double(index), inPerSecond: Double(index % 3),
      outPerSecond: Double(index % 6), queuedBytes: index % 10 == 9 ? 70_000 + index : 0,
      connectedAt: now - Int64(index) * 1_000, idleMilliseconds: Int64(index) * 10,
      address: "10.0.0.\(index):5\(index)", node: "cafe0001")
  }

  private static func count(_ filter: String) throws -> Int {
    try SocketQuery(filter: filter).page(of: records, now: now).matching
  }

  @Test(arguments: [
    ("", 200), ("claude", 100), ("CLAUDE", 100), ("!claude", 100), ("user=cod", 100), ("user=cod*", 100),
    ("user=od*", 0), ("agent=refactor", 40), ("agent=REFACTOR", 40), ("!agent=refactor", 160), ("state=slow", 20),
    ("transport=ws", 0), ("transport=websocket", 67), ("queue>64K", 20), ("queue<1", 180), ("rtt>100", 75),
    ("!rtt>100", 125), ("age>150", 49), ("idle<1", 100), ("in>1.5", 66), ("claude state=slow", 0),
    ("codex state=slow", 20), ("re:^s00[0-4] ", 5), ("re:task:[12]$", 0), ("room=task:3", 29), ("address=10.0.0.7:", 1),
    ("10.0.0.7", 0), ("rooms>0", 200), ("nosuch", 0),
  ])
  func aFilterFindsWhatItNames(filter: String, matching: Int) throws {
    #expect(try Self.count(filter) == matching)
  }

  @Test(arguments: [
    "nosuch=1", "size>5", "queue>many", "rtt>", "re:(", "re:(a)\\1", "user=[*",
    String(repeating: "a", count: 513), "a b c d e f g h i",
  ])
  func aWrongFilterIsRefusedInOneLine(filter: String) {
    let failure = #expect(throws: Failure.self) { try Self.count(filter) }
    #expect(failure?.line.isEmpty == false && failure?.line.contains("\n") == false)
  }

  @Test(arguments: SocketQuery.Order.allCases)
  func everyOrderIsTotalAndItsReverseIsItsMirror(order: SocketQuery.Order) throws {
    let up = try SocketQuery(sort: order, limit: 200).page(of: Self.records, now: Self.now)
    let again = try SocketQuery(sort: order, limit: 200).page(of: Self.records.reversed(), now: Self.now)
    let down = try SocketQuery(sort: order, isDescending: true, limit: 200).page(of: Self.records, now: Self.now)
    #expect(up == again)
    #expect(up.sockets.map(\.id) == down.sockets.map(\.id).reversed())
    #expect(up.sockets.count == 200)
  }

  @Test func theYoungestComesFirstByAgeAndTheFullestQueueLast() throws {
    let byAge = try SocketQuery(sort: .age, limit: 3).page(of: Self.records, now: Self.now)
    #expect(byAge.sockets.map(\.id) == ["s000", "s001", "s002"])
    let byQueue = try SocketQuery(sort: .queue, isDescending: true, limit: 2).page(of: Self.records, now: Self.now)
    #expect(byQueue.sockets.map(\.id) == ["s199", "s189"])
    let byState = try SocketQuery(sort: .state, isDescending: true, limit: 1).page(of: Self.records, now: Self.now)
    #expect(byState.sockets.first?.state == .slow)
  }

  @Test func pagesCoverEverythingOnce() throws {
    var ids: [String] = []
    for offset in stride(from: 0, to: 100, by: 30) {
      let page = try SocketQuery(filter: "claude", sort: .id, offset: offset, limit: 30)
        .page(of: Self.records, now: Self.now)
      #expect(page.matching == 100 && page.total == 200 && page.offset == offset)
      ids += page.sockets.map(\.id)
    }
    #expect(ids.count == 100 && Set(ids).count == 100)
    let beyond = try SocketQuery(offset: 1_000).page(of: Self.records, now: Self.now)
    #expect(beyond.sockets.isEmpty && beyond.matching == 200)
  }

  @Test func boundsAreChecked() {
    for query in [SocketQuery(limit: 0), SocketQuery(limit: 1_001), SocketQuery(offset: -1)] {
      #expect(throws: Failure.self) { try query.check() }
    }
  }

  @Test func anOrderIsReadWithItsDirection() throws {
    var query = SocketQuery()
    try query.sort(by: "-queue")
    #expect(query.sort == .queue && query.isDescending)
    try query.sort(by: "rtt")
    #expect(query.sort == .rtt && !query.isDescending)
    for text in ["", "-", "size", "--queue", "Queue"] {
      var query = query
      #expect(throws: Failure.self) { try query.sort(by: text) }
    }
  }

  @Test func onlyTheFilterThatNamesAddressesAsksForThem() throws {
    #expect(try SocketFilter.parse("address=10.*")?.asksForAddresses == true)
    #expect(try SocketFilter.parse("x !address=10.0.0.1")?.asksForAddresses == true)
    #expect(try SocketFilter.parse("10.0.0.1 re:10 user=address")?.asksForAddresses == false)
    #expect(Self.records[0].plainLine.contains("10.0.0.") == false)
  }
}
