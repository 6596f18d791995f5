import Base
import EngineRoom
import ControlPlane
import Testing

@testable import signalbox

@Suite struct OutputTests {
  private static let snapshot = Snapshot(
    node: "a1b2c3d4", version: "0.1.0", uptimeSeconds: 7_870.4,
    health: Health(components: [
      .init(name: "redis", state: .degraded, reason: "refused\u{1B}[2J", since: 1_000),
      .init(name: "api", state: .ok, since: 0),
    ]),
    phase: .ready,
    projects: [
      ProjectSummary(id: ProjectID(folderName: "api"), path: "/srv/api"),
      ProjectSummary(id: ProjectID(folderName: "web"), path: "/srv/we\u{202E}b"),
    ],
    process: ProcessSnapshot(
      processID: 42, cpuSeconds: 1, cpuPercent: 0.14, residentBytes: 32 << 20, openFiles: 12, openFilesMax: 1_024,
      threads: 9),
    control: ControlSnapshot(clients: 1, commands: 3), bench: BenchSnapshot())

  @Test func theStatusPageIsAlignedAndSafe() {
    #expect(
      StatusText.page(Self.snapshot) == """
        node      a1b2c3d4  0.1.0  ready  up 2h 11m
        health    degraded
                  redis: refused\\x1b[2J, since 1970-01-01T00:00:01.000Z
        process   pid 42  cpu 0.1 %  memory 32.0 MiB  files 12/1024  threads 9
        control   clients 1  commands 3 (0 failed)  http 0 (0 refused)  p50/p95/p99 0.0/0.0/0.0 ms
        bench     no run yet
        peers     none
        projects  api  /srv/api
                  web  /srv/we\\u{202e}b
        """)
  }

  @Test func theStatusLineIsOneSentence() {
    let line = StatusText.line(Self.snapshot)
    #expect(
      line
        == "node a1b2c3d4, ready, health degraded, up 2h 11m, 2 projects, 0 peers, 1 client, redis: refused\\x1b[2J")
  }

  @Test func onlyWhatDoesNotChangeByItselfIsNews() {
    var later = Self.snapshot
    later.uptimeSeconds += 5
    later.process.cpuSeconds += 1
    later.process.residentBytes += 4_096
    later.control.httpRequests += 9
    #expect(StatusText.steady(later) == StatusText.steady(Self.snapshot))
    later.control.clients += 1
    #expect(StatusText.steady(later) != StatusText.steady(Self.snapshot))
  }

  @Test func aLogLineIsOneLineWhateverItHolds() {
    let record = LogRecord(
      timeMilliseconds: 0, level: .warning, label: "gateway", message: "a\nb\u{9B}1m",
      metadata: ["z": "two words", "a": "1"])
    #expect(
      LogText.line(record) == #"1970-01-01T00:00:00.000Z warning  gateway: a\nb\x9b1m a=1 z="two words""#)
  }

  @Test func tornAuditLinesAreLeftOutAndTheNewestKept() throws {
    func line(_ id: String, _ time: Int64) throws -> String {
      try JSONText.of(
        AuditRecord(
          id: id, timeMilliseconds: time, actor: "ada", origin: .commandLine, action: "project.add", target: "api"))
    }
    let lines = [try line("1", 10), "garbage", try line("2", 20), try line("3", 30), "{\"id\":\"4"]
    #expect(AuditFile.records(lines, query: AuditQuery(limit: 2)).map(\.id) == ["2", "3"])
    #expect(AuditFile.records(lines, query: AuditQuery(sinceMilliseconds: 20)).map(\.id) == ["2", "3"])
    #expect(AuditText.table([]) == "no audited command")
    #expect(AuditText.table(AuditFile.records(lines, query: AuditQuery())).split(separator: "\n").count == 4)
  }

  @Test func tablesAlignAndEscape() {
    let text = Table.render(header: ["ID", "PATH"], rows: [["a", "x\ny"], ["long", ""]])
    #expect(text == "ID    PATH\na     x\\ny\nlong")
  }

  @Test func aBenchReportShowsTheChange() {
    func report(_ value: Double) -> BenchReport {
      BenchReport(
        id: "r1", commit: "abc", timeMilliseconds: 0,
        machine: .init(cores: 4, memoryBytes: 1 << 30, kernel: "6.1", load: 0.5),
        results: [
          .init(
            suite: "control", name: "round trip", value: value, unit: "ms", target: 40, samples: 100,
            figures: [value, value, value])
        ])
    }
    var after = report(3)
    #expect(!BenchText.report(after).contains("VERDICT"))
    after.comparison = BenchComparison(before: [report(2)], after: [after])
    let text = BenchText.report(after)
    #expect(text.contains("+50.0 %") && text.contains("yes") && text.contains("regressed"))
    #expect(BenchText.history([]) == "no bench run")
    #expect(BenchText.history([report(50)]).contains("r1"))
  }

  private static let socket = SocketRecord(
    id: "AQID", user: "ada\u{1B}[2J", isVerified: false, agent: "bot", rooms: ["task:1", "task:2"], roomCount: 9,
    rttMilliseconds: 12.34, inPerSecond: 1.25, queuedBytes: 2_048, queuedFrames: 3, connectedAt: 1_000,
    address: "127.0.0.1:7", node: "cafe0001")

  @Test func aListOfSocketsSaysWhatItLeavesOut() {
    let page = SocketPage(sockets: [Self.socket], matching: 41, total: 50)
    let lines = SocketsText.table(page, now: 61_000).split(separator: "\n").map(String.init)
    #expect(lines.count == 3 && lines[0].hasPrefix("ID") && lines[2] == "and 40 more: --limit, --filter")
    #expect(lines[1].hasPrefix("AQID  ada\\x1b[2J?  bot    websocket  live   12.3 ms"))
    #expect(lines[1].contains("1m 00s") && lines[1].hasSuffix("task:1 task:2 +7"))
    #expect(SocketsText.table(SocketPage(), now: 1) == "no sockets")
    #expect(SocketsText.table(SocketPage(total: 3), now: 1) == "none of 3 sockets fits the filter")
  }

  @Test func aSocketsPageHasItsRoomsAndLastEvents() {
    let detail = SocketDetail(
      socket: Self.socket, rooms: ["a", "b"],
      recent: [.init(timeMilliseconds: 2_000, direction: .out, event: "e\n", room: nil, bytes: 5)], eventsIn: 7,
      expiresAt: 5_000)
    let page = SocketsText.page(detail, now: 61_000)
    #expect(page.contains("user     ada\\x1b[2J (unverified)  agent bot"))
    #expect(page.contains("rooms    2\n  a\n  b\n") && page.contains("token    ends 1970-01-01T00:00:05"))
    #expect(page.contains("1970-01-01T00:00:02.000Z  out  e\\n") && !page.contains("\u{1B}"))
  }

  @Test func whatWasKickedAndSentIsToldInALine() {
    #expect(SocketsText.report(KickReport(kicked: ["a"], missing: [])) == "kicked 1 socket")
    #expect(SocketsText.report(KickReport(kicked: [], missing: ["a", "b"])) == "kicked 0 sockets; not there: a, b")
    let receipt = PublishReceipt(room: "r", event: "e", sockets: 1, reach: .localOnly, isHeld: true)
    #expect(
      SocketsText.receipt(receipt)
        == "sent e to r: 1 socket of this node; Redis is away: other nodes do not hear of it; "
        + "the throttle holds it for its next batch")
    var counted = PublishReceipt(room: "r", event: "e", sockets: 5)
    counted.isComplete = true
    #expect(SocketsText.receipt(counted) == "sent e to r: 5 sockets")
    counted.isComplete = false
    #expect(SocketsText.receipt(counted) == "sent e to r: at least 5 sockets, not every node said how many it has")
    counted.acknowledged = 4
    #expect(SocketsText.receipt(counted) == "sent e to r: 4 of 5 sockets acknowledged it in time")
    var page = SocketPage(total: 3)
    page.peers = [.init(node: "n\u{1B}2", sockets: 41)]
    #expect(SocketsText.table(page, now: 1).hasSuffix("\nthis node 3; other nodes, not listed: n\\x1b2 41"))
  }

  @Test func aDoctorsPageNamesStatePurposeAndFix() {
    let page = DoctorText.page([
      DoctorFinding(component: "git", state: .ok, version: "2.39.5", usedFor: "commits", without: "less", fix: nil),
      DoctorFinding(component: "go", state: .missing, version: nil, usedFor: "Go", without: "others", fix: "apt-get x"),
    ])
    #expect(page.contains("ok       git 2.39.5") && page.contains("missing  go\n") && page.contains("fix: apt-get x"))
    #expect(page.contains("2 looked at, 1 missing, 0 weak"))
    #expect(!page.contains("without: less"))
  }

  @Test(arguments: [
    ("2h", 10_000_000 - 7_200_000), ("500ms", 10_000_000 - 500), ("1970-01-01T00:00:05Z", 5_000),
    ("9000000000000d", nil), ("5", nil), ("yesterday", nil), ("", nil), ("-2h", nil),
  ])
  func sinceIsAnAgeOrATime(text: String, expected: Int?) {
    struct Fixed: WallClock { func nowMilliseconds() -> Int64 { 10_000_000 } }
    let parsed = try? TimeArgument.milliseconds(text, clock: Fixed())
    #expect(parsed == expected.map(Int64.init))
  }

  @Test func usageErrorsAreOneLineWithTheNearestName() {
    #expect(
      UsageText.line("Unknown option '--redis-ur'") == "Unknown option '--redis-ur' (did you mean --redis-url?)")
    #expect(
      UsageText.line("Unexpected argument 'lst'\n", innerVerbs: ["list", "add"])
        == "Unexpected argument 'lst'; one of list, add (did you mean list?)")
    #expect(UsageText.line("a\n  b.") == "a b")
  }

  @Test func distanceCountsEditsAndSwaps() {
    #expect(Suggestion.distance(Array("statsu".utf8), Array("status".utf8)) == 1)
    #expect(Suggestion.distance([], Array("ab".utf8)) == 2)
    #expect(Suggestion.distance(Array("kitten".utf8), Array("sitting".utf8)) == 3)
  }
}
