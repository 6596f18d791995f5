import Base
import ControlPlane
import Testing

@testable import Console

/// Kicks and broadcasts.
struct SocketActionTests {
  @Test func aKickNamesItsTargetAndAsksFirst() throws {
    var fixture = GatewayFixture()
    fixture.type("1jK")
    let socket = try #require(fixture.pane.selected)
    #expect(fixture.screen.contains("Kick this socket") && fixture.screen.contains(socket.id))
    // Typed ahead: nothing is confirmed by it.
    #expect(fixture.type("y").isEmpty && fixture.model.isPopupOpen)
    fixture.model.wait(400)
    #expect(fixture.type("y") == [.perform(.kickSockets(ids: [socket.id]))])
    let report = KickReport(kicked: [socket.id], missing: [])
    fixture.records.removeAll { $0.id == socket.id }
    fixture.answer(
      fixture.model.receive(
        .outcome(.kickSockets(ids: [socket.id]), .success(Outcome(auditID: "a-1", result: .kicked(report))))))
    #expect(fixture.screen.contains("kicked 1 socket (a-1)"))
    #expect(fixture.pane.page?.total == 1_283)
  }

  @Test func markedSocketsAreKickedTogetherAndManyWantTheirCountTyped() throws {
    var fixture = GatewayFixture()
    fixture.type("1" + String(repeating: " ", count: 12))
    #expect(fixture.pane.marks.count == 12)
    #expect(fixture.screen.contains("12 marked"))
    fixture.type("K")
    #expect(fixture.screen.contains("Kick 12 sockets") && fixture.screen.contains("Type their count, 12"))
    fixture.model.wait(400)
    #expect(fixture.press(KeyChord(.enter)).isEmpty)
    fixture.type("12")
    let ids = fixture.pane.marks.sorted()
    #expect(fixture.press(KeyChord(.enter)) == [.perform(.kickSockets(ids: ids))])
    let report = KickReport(kicked: Array(ids.dropFirst()), missing: [ids[0]])
    fixture.answer(
      fixture.model.receive(.outcome(.kickSockets(ids: ids), .success(Outcome(auditID: nil, result: .kicked(report))))))
    #expect(fixture.pane.marks.isEmpty)
    #expect(fixture.screen.contains("kicked 11 sockets; gone already: \(ids[0])"))
  }

  @Test func aMarkIsTakenBackByTheSameKeyAndAllByEscape() {
    var fixture = GatewayFixture()
    fixture.type("1 k ")
    #expect(fixture.pane.marks.isEmpty)
    fixture.type("   ")
    #expect(fixture.pane.marks.count == 3)
    _ = fixture.press(KeyChord(.escape))
    #expect(fixture.pane.marks.isEmpty)
  }

  @Test func aStarMarksAllThatTheFilterShows() {
    var fixture = GatewayFixture()
    fixture.type("1*")
    #expect(fixture.pane.marks.count == GatewayPane.marksMax && fixture.screen.contains("1,000 marked"))
    _ = fixture.press(KeyChord(.escape))
    #expect(fixture.pane.marks.isEmpty)
    var filtered = GatewayFixture(sockets: 300)
    filtered.type("1/user=kris")
    _ = filtered.press(KeyChord(.enter))
    filtered.type("*")
    let expected = Set(filtered.records.filter { $0.user == "kris" }.map(\.id))
    #expect(filtered.pane.marks == expected && expected.count == 43, "more than a screen shows")
  }

  @Test(arguments: ["2", "3", "4", "5"]) func aSocketIsKickedByItsIdFromAnyPane(pane: String) {
    var fixture = GatewayFixture()
    fixture.type(pane + ":kick c-81f2")
    _ = fixture.press(KeyChord(.enter))
    #expect(fixture.screen.contains("Kick") && fixture.screen.contains("c-81f2"), "\(fixture.screen)")
    fixture.model.wait(400)
    #expect(fixture.type("y") == [.perform(.kickSockets(ids: ["c-81f2"]))])
  }

  @Test func aReadOnlyConsoleKicksAndSendsNothing() {
    var fixture = GatewayFixture(isReadOnly: true)
    for key in ["K", "s"] {
      #expect(fixture.type("1" + key) == [.bell] || fixture.type(key) == [.bell])
      #expect(fixture.screen.contains("this console is read-only") && !fixture.model.isPopupOpen)
      fixture.model.wait(5_000)
    }
  }

  @Test(arguments: [(80, 24), (120, 40)])
  func aBroadcastSaysFirstHowManyWillReceiveIt(_ size: (Int, Int)) throws {
    var fixture = GatewayFixture(size.0, size.1)
    fixture.type("1s")
    let room = try #require(fixture.pane.selected?.rooms.first)
    #expect(fixture.screen.contains("Broadcast") && fixture.screen.contains(room))
    fixture.type("notice")
    _ = fixture.press(KeyChord(.tab))
    fixture.type("{\"text\":\"hello\"}")
    let form = fixture.screen
    #expect(form == (try Golden.text("broadcast-form-\(size.0)x\(size.1)", written: form)))
    #expect(fixture.press(KeyChord(.enter)) == [.ask(.audience(room: room))])
    #expect(fixture.screen.contains("counting who would receive it"))
    // While the node counts, what is sent cannot change.
    #expect(fixture.type("x").isEmpty)
    fixture.model.receive(
      .answer(.audience(room: room), .success(.audience(Audience(room: room, sockets: 1_204, isComplete: false)))))
    let question = fixture.screen
    #expect(question == (try Golden.text("broadcast-question-\(size.0)x\(size.1)", written: question)))
    #expect(question.contains("1,204 sockets will receive it; not every"))
    fixture.model.wait(400)
    let data = try RawJSON("{\"text\":\"hello\"}")
    let broadcast = Broadcast(room: room, event: "notice", data: data)
    #expect(fixture.type("y") == [.perform(.broadcast(broadcast))])
    let receipt = PublishReceipt(room: room, event: "notice", sockets: 1_204)
    fixture.model.receive(
      .outcome(.broadcast(broadcast), .success(Outcome(auditID: "a-2", result: .published(receipt)))))
    #expect(fixture.screen.contains("sent to 1,204 sockets of this node (a-2)"))
  }

  @Test(arguments: [
    ("", "", "", "name the room"), ("r", "", "", "name the event"), ("r", "e", "{", "this is no JSON"),
    ("r", "connect", "", "belongs to the protocol"),
  ])
  func aFormThatIsNotReadySaysWhatIsMissing(room: String, event: String, data: String, complaint: String) {
    var fixture = GatewayFixture(sockets: 0)
    fixture.type("s" + room)
    _ = fixture.press(KeyChord(.tab))
    fixture.type(event)
    _ = fixture.press(KeyChord(.tab))
    fixture.type(data)
    #expect(fixture.press(KeyChord(.enter)).isEmpty)
    #expect(fixture.screen.contains(complaint), "\(fixture.screen)")
  }

  @Test func thePaletteTakesABroadcastWhole() {
    var fixture = GatewayFixture()
    fixture.type(":broadcast task:7 notice {\"a\": 1}")
    #expect(fixture.press(KeyChord(.enter)) == [.ask(.audience(room: "task:7"))])
    fixture.model.receive(.answer(.audience(room: "task:7"), .failure(Failure(.denied, "not this room"))))
    #expect(fixture.screen.contains("not this room"))
    _ = fixture.press(KeyChord(.escape))
    fixture.type(":kick c-81f2")
    _ = fixture.press(KeyChord(.enter))
    #expect(fixture.screen.contains("Kick this socket") && fixture.screen.contains("c-81f2"))
  }

  @Test func anAnswerToAFormThatIsClosedConcernsNobody() {
    var fixture = GatewayFixture()
    fixture.type(":broadcast task:7 notice")
    _ = fixture.press(KeyChord(.enter))
    _ = fixture.press(KeyChord(.escape))
    fixture.model.receive(
      .answer(.audience(room: "task:7"), .success(.audience(Audience(room: "task:7", sockets: 3)))))
    #expect(!fixture.model.isPopupOpen)
  }
}
