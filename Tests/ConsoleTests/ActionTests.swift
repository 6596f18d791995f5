import ControlPlane
import Testing

@testable import Console

struct ActionTests {
  @Test func everyActionIsReachableAndSaysWhatItDoes() {
    for action in ActionRegistry.all {
      #expect(!action.title.isEmpty && !action.title.hasSuffix("."), "\(action.id)")
      #expect(!action.keys.isEmpty || action.verb != nil, "\(action.id) has neither key nor command word")
      #expect(action.argument == nil || action.verb != nil, "\(action.id) wants an argument and has no command word")
      #expect(action.hint == nil || !action.keys.isEmpty, "\(action.id) is in the footer without a key")
    }
  }

  @Test func idsAndCommandWordsAreUnique() {
    let ids = ActionRegistry.all.map(\.id)
    let verbs = ActionRegistry.all.compactMap(\.verb)
    #expect(Set(ids).count == ids.count)
    #expect(Set(verbs).count == verbs.count)
  }

  @Test(arguments: PaneID.allCases)
  func noTwoActionsShareAKeyInOnePane(_ pane: PaneID) {
    var owners: [KeyChord: String] = [:]
    for action in ActionRegistry.all where action.scope.contains(pane) {
      for key in action.keys {
        #expect(owners[key] == nil, "\(key.label): \(owners[key] ?? "") and \(action.id)")
        owners[key] = action.id
      }
    }
  }

  @Test func theKeysOfTheContractAreThereInEveryPane() {
    let fixed: [(KeyChord, String)] = [
      (.character("1"), "focus.sockets"), (.character("5"), "focus.bench"), (KeyChord(.tab), "focus.next"),
      (KeyChord(.enter), "focus.zoom"), (KeyChord(.escape), "focus.back"),
      (.character(":"), "palette"), (.character("?"), "help"), (.character("r"), "index.reindex"),
      (.character("i"), "cache.invalidate"), (.character("x"), "sandbox.run"), (.character("b"), "bench.run"),
      (.character("s"), "gateway.broadcast"), (.character("k"), "row.up"), (.character("t"), "theme"),
      (.character("D"), "detach"), (.character("q"), "quit"),
    ]
    for pane in PaneID.allCases {
      for (key, id) in fixed {
        #expect(ActionRegistry.standard.action(for: key, in: pane)?.id == id, "\(pane) \(key.label)")
      }
    }
    for pane in PaneID.allCases {
      #expect(ActionRegistry.standard.action(for: .character("/"), in: pane)?.id == "list.filter")
    }
    #expect(ActionRegistry.standard.action(for: .character("K"), in: .sockets)?.id == "gateway.kick")
    #expect(ActionRegistry.standard.action(for: .character("K"), in: .sandbox)?.id == "sandbox.kill")
    #expect(ActionRegistry.standard.action(for: .character("K"), in: .index)?.id == "index.cancel")
  }

  @Test func anAbsentEngineIsTheReasonThatIsGiven() {
    var fixture = ModelFixture()
    fixture.receive(.snapshot(ModelFixture.snapshot()))
    for (key, engine) in [("r", "index"), ("i", "cache"), ("x", "sandbox"), ("s", "gateway")] {
      fixture.type(key)
      #expect(fixture.screen.contains("this node runs no \(engine) engine"))
      fixture.wait(5_000)
    }
  }

  @Test func aReadOnlyConsoleGreysOutWhatChangesTheNode() {
    var fixture = ModelFixture(isEmbedded: false, isReadOnly: true)
    for action in ActionRegistry.all where action.changesNode {
      #expect(action.reason(in: fixture.model) != nil, "\(action.id)")
      #expect(fixture.model.run(action, argument: "x").allSatisfy { $0 == .bell }, "\(action.id)")
    }
    let reason = ActionRegistry.standard.action("project.add")?.reason(in: fixture.model)
    #expect(reason == "this console is read-only")
  }

  @Test func withoutALinkNothingIsSent() {
    var fixture = ModelFixture(isEmbedded: false)
    fixture.receive(.link(.lost(sinceMilliseconds: 0, retryAtMilliseconds: 0, reason: "gone")))
    #expect(ActionRegistry.standard.action("bench.run")?.reason(in: fixture.model) == "no link to the node")
  }

  @Test func theFooterNamesOnlyWhatWorks() {
    let embedded = ModelFixture(width: 200, height: 60)
    let footer = embedded.lines[59]
    #expect(footer.contains("q quit") && !footer.contains("D detach"))
    #expect(!footer.contains("reindex") && footer.contains("b bench"))
    let attached = ModelFixture(width: 200, height: 60, isEmbedded: false)
    #expect(attached.lines[59].contains("D detach  q quit"))
    #expect(attached.lines[59].hasSuffix("q quit "))
  }

  @Test func whatBelongsToTheFocusedPaneStaysInANarrowFooter() {
    var fixture = ModelFixture(isEmbedded: false)
    fixture.receive(.snapshot(CacheFixture.snapshot(CacheFixture.cache())))
    #expect(!fixture.lines[23].contains("i inval"))
    fixture.type("4")
    #expect(fixture.lines[23].contains("i inval"))
  }

  @Test func aClickOnTheFooterPressesItsKey() throws {
    var fixture = ModelFixture(width: 120, height: 40)
    let footer = try #require(fixture.lines.last)
    let place = try #require(footer.range(of: "? help"))
    fixture.click(x: footer.distance(from: footer.startIndex, to: place.lowerBound), y: 39)
    #expect(fixture.screen.contains("─ Help ─"))
  }
}

extension String {
  /// Where `part` begins, without Foundation.
  func range(of part: String) -> Range<String.Index>? { ranges(of: part).first }
}
