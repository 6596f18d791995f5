import ControlPlane
import Testing

@testable import Console

struct LogBookTests {
  private static func records(_ range: Range<Int>) -> [LogRecord] {
    range.map { ModelFixture.record("line \($0)", level: $0 % 2 == 0 ? .info : .warning, at: Int64($0)) }
  }

  @Test func theOldestGoAndWhatIsLetThroughStaysRight() {
    var book = LogBook()
    book.setLevel(.warning, height: 10)
    for start in stride(from: 0, to: 50_000, by: 500) { book.append(Self.records(start..<(start + 500)), height: 10) }
    #expect(book.records.count <= LogBook.capacity)
    #expect(book.records.last?.message == "line 49999")
    #expect(book.visible.allSatisfy { book.records[$0].level == .warning })
    #expect(book.visible.count == book.records.count { $0.level == .warning })
    #expect(book.selected?.message == "line 49999")
  }

  @Test func linesThatCameLiveAndWereAskedForAreShownOnce() {
    var book = LogBook()
    book.append(Self.records(90..<110), height: 10)
    book.merge(Self.records(0..<100), height: 10)
    #expect(book.records.map(\.message) == (0..<110).map { "line \($0)" })
  }

  @Test func movingUpStopsFollowingAndReachingTheEndFollowsAgain() {
    var book = LogBook()
    book.append(Self.records(0..<100), height: 10)
    #expect(book.isFollowing && book.cursor.top == 90)
    book.move(by: -3, height: 10)
    #expect(!book.isFollowing)
    book.append(Self.records(100..<120), height: 10)
    #expect(book.selected?.message == "line 96" && book.cursor.top == 90)
    book.move(by: 1_000, height: 10)
    #expect(book.isFollowing && book.selected?.message == "line 119")
  }

  /// The node logs a command as well, for whoever reads its file; the console has it from the command itself.
  @Test func aCommandAndARunAreToldOnceWithWhoItWas() {
    var fixture = SandboxFixture.console()
    fixture.type("66")
    var audit = AuditRecord(
      id: "a-1", timeMilliseconds: 0, actor: "ann", origin: .console, action: "sandbox.run", target: "python",
      outcome: nil)
    func events(_ told: String) -> [Event] {
      let line = ModelFixture.record(
        "ann \(audit.action) \(audit.target): \(told)", label: "operator", metadata: ["id": "a-1"])
      return [Event(timeMilliseconds: 0, body: .command(audit)), Event(timeMilliseconds: 0, body: .log(line))]
    }
    audit.outcome = "ok"
    let run = SandboxFixture.run(1, .finished, .succeeded, title: "x")
    fixture.receive(.events(events("r-551 succeeded after 3 ms") + [Event(timeMilliseconds: 0, body: .run(run))]))
    func count(_ text: String) -> Int { fixture.screen.split(separator: "\n").count { $0.contains(text) } }
    #expect(count("ann sandbox.run") == 0)
    #expect(count("INFO  sandbox  \(run.id)") == 1, "\(fixture.screen)")
    audit.action = "project.add"
    fixture.receive(.events(events("ok")))
    #expect(count("ann project.add python: ok") == 1)
  }
}
