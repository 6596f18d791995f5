import Base
import Testing

/// The grammar of every list's filter.
struct RowFilterTests {
  private struct Row {
    var name: String
    var note = ""
    var size: Double?
  }

  private static let rows = [
    Row(name: "Alpha", note: "is away", size: 10), Row(name: "beta", note: "away it is", size: 70_000),
    Row(name: "gamma", note: "say \"ok\":true"), Row(name: "delta", note: "a=b > c"),
  ]

  private static let closed = RowFilter<Row>.Language(
    [RowField("name") { $0.name }, RowField("note") { $0.note }, RowField("size", number: { $0.size })],
    line: { "\($0.name) \($0.note)" })
  private static let open = RowFilter<Row>.Language(
    [RowField("name") { $0.name }, RowField("note") { $0.note }], line: { $0.name },
    other: { row, name in name == "initial" ? row.name.first.map(String.init) : nil })

  private static func names(_ text: String, _ language: RowFilter<Row>.Language) throws -> [String] {
    let filter = try RowFilter.parse(text, language)
    return rows.filter { filter?.matches($0) ?? true }.map(\.name)
  }

  @Test(arguments: [
    ("", ["Alpha", "beta", "gamma", "delta"]), ("!", ["Alpha", "beta", "gamma", "delta"]),
    ("ALPHA", ["Alpha"]), ("is away", ["Alpha", "beta"]), ("\"is away\"", ["Alpha"]), ("!\"is away\" away", ["beta"]),
    ("note=\"is away\"", ["Alpha"]), ("re:\"beta a\"", ["beta"]), ("re:^(alpha|gamma) ", ["Alpha", "gamma"]),
    ("\"ok\":true", ["gamma"]), ("\"is", []), ("name=*a", ["Alpha", "beta", "gamma", "delta"]),
    ("name=?eta", ["beta"]), ("name=eta", ["beta"]), ("size>64K", ["beta"]), ("size<64K", ["Alpha"]),
    ("!size>64K", ["Alpha", "gamma", "delta"]), ("size>9.5 !beta", ["Alpha"]), (">", ["delta"]), ("=b", ["delta"]),
  ])
  func whatIsAskedForIsFound(text: String, names: [String]) throws {
    #expect(try Self.names(text, Self.closed) == names)
  }

  @Test(arguments: [
    ("nosuch=1", "the filter names the field 'nosuch' (fields: name, note, size)"),
    ("name>3", "the filter compares 'name' (what can be compared: size)"),
    ("size>x", "the filter compares size with no number (such as size>100)"),
    ("size=3", "the filter's size is a number (compare it: size>100 or size<100)"),
    ("a b c d e f g h i", "the filter has more than 8 terms"),
  ])
  func whatIsWrongIsOneLineWithWhatIsAccepted(text: String, line: String) {
    let failure = #expect(throws: Failure.self) { try Self.names(text, Self.closed) }
    #expect(failure?.line == line)
  }

  @Test func aListMayHaveFieldsThatNobodyKnowsBeforehand() throws {
    #expect(try Self.names("initial=g", Self.open) == ["gamma"])
    #expect(try Self.names("nosuch=g", Self.open).isEmpty)
    #expect(try Self.names("a=b", Self.open).isEmpty, "a name of a field, and not a text")
    #expect(try Self.names("b>", Self.open).isEmpty, "where nothing is counted, the sign is a letter")
  }
}
