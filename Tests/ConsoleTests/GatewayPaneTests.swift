import Base
import ControlPlane
import Testing

@testable import Console

struct GatewayPaneTests {
  private static let sizes = [(80, 24), (120, 40), (200, 60)]

  private static func pane(_ fixture: ModelFixture) -> String { PanePicture.text(fixture, .sockets) }

  private static func compare(_ fixture: ModelFixture, with name: String) throws {
    let text = pane(fixture)
    #expect(text == (try Golden.text("sockets-\(name)", written: text)))
  }

  @Test(arguments: sizes) func aBusyGatewayIsShown(_ size: (Int, Int)) throws {
    try Self.compare(GatewayFixture(size.0, size.1).model, with: "busy-\(size.0)x\(size.1)")
  }

  @Test(arguments: sizes) func anOutageIsShownWithItsAge(_ size: (Int, Int)) throws {
    let fixture = GatewayFixture(size.0, size.1, redis: GatewayFixture.away)
    try Self.compare(fixture.model, with: "away-\(size.0)x\(size.1)")
    #expect(Self.pane(fixture.model).contains("▲ redis down 14 s"))
  }

  @Test(arguments: sizes) func anEmptyGatewaySaysWhereToConnect(_ size: (Int, Int)) throws {
    let fixture = GatewayFixture(size.0, size.1, sockets: 0)
    try Self.compare(fixture.model, with: "empty-\(size.0)x\(size.1)")
    #expect(Self.pane(fixture.model).contains("no sockets yet"))
    #expect(Self.pane(fixture.model).contains("ws://127.0.0.1:3001/ws"))
  }

  @Test(arguments: sizes) func zoomedTheSelectedSocketIsShownWhole(_ size: (Int, Int)) throws {
    var fixture = GatewayFixture(size.0, size.1)
    fixture.type("11j")
    try Self.compare(fixture.model, with: "zoom-\(size.0)x\(size.1)")
    let id = try #require(fixture.pane.selected?.id)
    #expect(fixture.screen.contains("id \(id)") && fixture.screen.contains("agent-thought"))
  }

  @Test func aNodeWithoutTheEngineSaysSoAndOneThatIsNotHeardYetToo() throws {
    var fixture = ModelFixture(width: 120, height: 40)
    #expect(Self.pane(fixture).contains("asking the node"))
    fixture.receive(.snapshot(ModelFixture.snapshot()))
    #expect(Self.pane(fixture).contains("this node runs no gateway engine"))
    fixture.type("1")
    for id in ["gateway.broadcast", "gateway.kick", "list.filter", "list.sort"] {
      let reason = ActionRegistry.standard.action(id)?.reason(in: fixture.model)
      #expect(reason == "this node runs no gateway engine", "\(id)")
    }
    #expect(fixture.type("oO/K").allSatisfy { $0 == .bell })
  }

  @Test func everyHeightIsFilledExactly() {
    for height in 0...60 {
      for isAlone in [false, true] {
        for hasNotice in [false, true] {
          let plan = GatewayPlan(height: height, isAlone: isAlone, hasNotice: hasNotice)
          #expect(plan.notice + plan.table + plan.charts + plan.detail == height)
          if height >= 4 { #expect(plan.table >= 3) }
        }
      }
    }
  }

  @Test(arguments: LayoutTests.sizes) func anySizeAndStateIsDrawnWhole(_ size: (Int, Int)) {
    for count in [0, 1, 1_284] {
      for redis in [nil, GatewayFixture.away] {
        for keys in ["", "1", "11", "11G", "s", "1K", "1/x", "1oO "] {
          for glyphs in [GlyphSet.braille, .ascii] {
            var fixture = GatewayFixture(size.0, size.1, sockets: count, redis: redis, glyphs: glyphs)
            fixture.type(keys)
            let lines = fixture.model.lines
            #expect(lines.count == size.1)
            guard glyphs == .ascii else { continue }
            for line in lines {
              #expect(line.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) }, "\(line)")
            }
          }
        }
      }
    }
  }

  // MARK: - What is asked

  @Test func onlyThePageOnTheScreenIsAskedFor() throws {
    var fixture = GatewayFixture(sockets: 5_000)
    let rows = fixture.pane.tableRows(fixture.model.model.rows(of: .sockets))
    fixture.asked = []
    fixture.refresh()
    #expect(fixture.asked.count == 1)
    guard case .sockets(let query) = try #require(fixture.asked.first) else { throw Failure(.internal, "no sockets") }
    #expect(query.limit == 3 * rows && query.offset == 0)
    #expect(query.sort == .queue && query.isDescending)
    #expect(fixture.pane.page?.sockets.count == 3 * rows && fixture.pane.matching == 5_000)
  }

  @Test func aRowOutsideOfThePageIsFetchedAndOneInsideIsNot() throws {
    var fixture = GatewayFixture(sockets: 5_000)
    fixture.type("1")
    fixture.asked = []
    fixture.type("jjj")
    #expect(fixture.asked.isEmpty)
    fixture.type("G")
    #expect(fixture.asked.count == 1)
    #expect(fixture.pane.cursor.selected == 4_999)
    #expect(fixture.pane.selected != nil)
    #expect(Self.pane(fixture.model).contains("↑ end"))
    fixture.type("g")
    #expect(fixture.pane.cursor.selected == 0 && fixture.pane.selected?.state == .slow)
  }

  @Test func oneQuestionAtATimeAndALostOneIsAskedAgain() {
    var fixture = ModelFixture(width: 120, height: 40)
    var snapshot = ModelFixture.snapshot()
    snapshot.gateway = GatewayFixture.gateway(10)
    func questions(_ effects: [Effect]) -> Int {
      effects.count { if case .ask(.sockets) = $0 { true } else { false } }
    }
    #expect(questions(fixture.receive(.snapshot(snapshot))) == 1)
    #expect(questions(fixture.receive(.snapshot(snapshot))) == 0)
    fixture.wait(GatewayPane.patience + 1)
    #expect(questions(fixture.receive(.snapshot(snapshot))) == 1)
  }

  @Test func aHiddenPaneAPausedPictureAndALostLinkAskNothing() {
    var snapshot = ModelFixture.snapshot()
    snapshot.gateway = GatewayFixture.gateway(10)
    func asks(_ fixture: inout ModelFixture) -> Bool {
      fixture.receive(.snapshot(snapshot)).contains { if case .ask(.sockets) = $0 { true } else { false } }
    }
    var hidden = ModelFixture(width: 120, height: 40)
    hidden.type("44")
    #expect(!asks(&hidden))
    var paused = ModelFixture(width: 120, height: 40)
    paused.type("p")
    #expect(!asks(&paused))
    var lines = ModelFixture(width: 39, height: 9)
    #expect(!asks(&lines))
    var shown = ModelFixture(width: 120, height: 40)
    #expect(asks(&shown))
  }

  @Test func whatIsRefusedIsSaidInThePaneAndNotAskedAgainUntilTheLinkIsNew() throws {
    var fixture = ModelFixture(width: 120, height: 40, isEmbedded: false)
    var snapshot = ModelFixture.snapshot()
    snapshot.gateway = GatewayFixture.gateway(10)
    let asked = fixture.receive(.snapshot(snapshot)).compactMap {
      if case .ask(.sockets(let query)) = $0 { query } else { nil }
    }
    let query = try #require(asked.first)
    fixture.receive(.answer(.sockets(query), .failure(Failure(.denied, "this credential covers only some"))))
    #expect(Self.pane(fixture).contains("no list here: this credential covers only some"))
    #expect(fixture.model.toasts.isEmpty)
    #expect(!fixture.receive(.snapshot(snapshot)).contains { if case .ask(.sockets) = $0 { true } else { false } })
    fixture.receive(.link(.connecting))
    #expect(fixture.receive(.link(.live)).contains { if case .ask(.sockets) = $0 { true } else { false } })
  }

  @Test func onlyRowsThatAreMissingAreWaitedFor() throws {
    var fixture = GatewayFixture(sockets: 5_000)
    func question(_ effects: [Effect]) throws -> Query {
      for case .ask(let query) in effects { return query }
      throw Failure(.internal, "nothing was asked")
    }
    var snapshot = ModelFixture.snapshot()
    snapshot.gateway = GatewayFixture.gateway(5_000)
    let refresh = try question(fixture.model.receive(.snapshot(snapshot)))
    #expect(!fixture.pane.isAwaiting(refresh))
    fixture.answer([.ask(refresh)])
    let jump = try question(fixture.model.type("1G"))
    #expect(fixture.pane.isAwaiting(jump))
    #expect(fixture.pane.isAwaiting(.logs(LogQuery())))
  }

  @Test func theHeaderCountsPeersAndNamesAnotherVersion() {
    var fixture = ModelFixture(width: 200, height: 60)
    var snapshot = ModelFixture.snapshot()
    func peer(_ version: String) -> Snapshot.Peer {
      .init(node: "b", version: version, lastSeenMilliseconds: 1, sockets: 3)
    }
    snapshot.peers = [peer("0.1.0")]
    fixture.receive(.snapshot(snapshot))
    #expect(fixture.lines[0].contains("1 peer ") && !fixture.lines[0].contains("too"))
    snapshot.peers = [peer("0.1.0"), peer("0.0.9\u{1B}")]
    fixture.receive(.snapshot(snapshot))
    #expect(fixture.lines[0].contains("2 peers, 0.0.9\\x1b too"))
  }

  @Test func anIdleGatewayChangesNoPicture() {
    var fixture = GatewayFixture(sockets: 20)
    fixture.refresh()
    let version = fixture.model.model.version
    fixture.refresh()
    fixture.refresh()
    #expect(fixture.model.model.version == version)
  }

  // MARK: - Order, filter, selection

  @Test func theOrderGoesRoundAndTurnsAndTheHeaderShowsIt() throws {
    var fixture = GatewayFixture()
    #expect(Self.pane(fixture.model).contains("QUEUE↓"))
    fixture.type("1o")
    #expect(fixture.pane.order == .age && !fixture.pane.isDescending)
    #expect(fixture.pane.selected?.id == "c-81f2")
    fixture.type("O")
    #expect(fixture.pane.isDescending && fixture.pane.selected?.id == GatewayFixture.record(1_283).id)
    for _ in SocketQuery.Order.allCases { fixture.type("o") }
    #expect(fixture.pane.order == .age)
  }

  @Test func theFilterFollowsEveryLetterAndTheTitleSaysHowManyFit() throws {
    var fixture = GatewayFixture()
    fixture.type("1/ag")
    #expect(fixture.pane.filter == "ag")
    fixture.type("ent=codex*")
    #expect(fixture.pane.matching > 0)
    #expect(
      fixture.pane.matching
        == (try SocketQuery(filter: "agent=codex*", limit: 1)
          .page(of: fixture.records, now: ModelFixture.start.wall).matching))
    _ = fixture.press(KeyChord(.enter))
    #expect(Self.pane(fixture.model).contains("/agent=codex* \(fixture.pane.matching)"))
    fixture.type("/")
    _ = fixture.press(.control("u"))
    fixture.type("nobody")
    #expect(Self.pane(fixture.model).contains("none of 1,284 sockets fits /nobody"))
    _ = fixture.press(KeyChord(.escape))
    #expect(fixture.pane.filter == "agent=codex*")
    _ = fixture.press(KeyChord(.escape))
    #expect(fixture.pane.filter.isEmpty)
  }

  @Test func whatIsNoFilterIsSaidWhileItIsTyped() {
    var fixture = GatewayFixture()
    fixture.type("1/size>")
    #expect(fixture.screen.contains("the filter compares 'size'"))
    #expect(fixture.pane.filter == "size")
  }

  @Test func theSelectionIsASocketAndNotALine() {
    var fixture = GatewayFixture(sockets: 30)
    fixture.type("1ooo")
    fixture.type("jjjjj")
    let id = fixture.pane.selected?.id
    fixture.records.removeFirst(3)
    fixture.refresh()
    #expect(fixture.pane.selected?.id == id)
    fixture.records.removeAll { $0.id != id }
    fixture.refresh()
    #expect(fixture.pane.cursor.selected == 0 && fixture.pane.selected?.id == id)
    fixture.records = []
    fixture.refresh()
    #expect(fixture.pane.selected == nil)
  }

  @Test func theSelectionStaysInSightWhateverTheSize() {
    var fixture = GatewayFixture(200, 60, sockets: 500)
    fixture.type("1" + String(repeating: "j", count: 30))
    for size in [(80, 24), (200, 60), (60, 20), (120, 40), (30, 12), (200, 60)] {
      for key in [KeyChord(.enter), KeyChord(.enter)] {
        _ = fixture.press(key)
        fixture.answer(fixture.model.model.handle(.resize(width: size.0, height: size.1), now: fixture.model.now))
        let rows = fixture.pane.tableRows(fixture.model.model.rows(of: .sockets))
        let cursor = fixture.pane.cursor
        #expect((cursor.top..<(cursor.top + rows)).contains(cursor.selected), "\(size)")
        #expect(cursor.selected == 30)
      }
    }
  }

  @Test func aClickSelectsARow() throws {
    var fixture = GatewayFixture()
    let wanted = try #require(fixture.pane.record(at: 4))
    let y = try #require(fixture.model.lines.firstIndex { $0.contains(" \(wanted.id) ") })
    fixture.answer(fixture.model.click(x: 10, y: y))
    #expect(fixture.pane.selected == wanted)
  }

  @Test func aSocketThatHasGoneIsSaidSoInItsDetail() {
    var fixture = GatewayFixture(120, 40, sockets: 5)
    fixture.type("11")
    let id = fixture.pane.selected?.id ?? ""
    fixture.model.receive(
      .answer(.socket(id: id), .failure(Failure(.notFound, "there is no such socket on this node"))))
    #expect(fixture.screen.contains("▲ there is no such socket on this node"))
    fixture.type("j")
    #expect(!fixture.screen.contains("there is no such socket"))
  }

  @Test func hostileNamesMoveNothing() {
    let hostile = "\u{1B}[2J\u{202E}日本語\n\t\u{9B}31m" + String(repeating: "x", count: 10_000)
    for size in Self.sizes {
      for keys in ["1", "11", "11K", "11s"] {
        var fixture = GatewayFixture(size.0, size.1, sockets: 8)
        for index in fixture.records.indices {
          fixture.records[index].user = hostile
          fixture.records[index].agent = hostile
          fixture.records[index].rooms = [hostile]
          fixture.records[index].address = hostile
        }
        fixture.refresh()
        fixture.type(keys)
        OutsideText.check(fixture.model.model.picture())
      }
    }
  }
}
