import SocketProtocol
import Testing

/// The rules of Engine.IO 4 about who may do what, and when.
@Suite struct SessionTests {
  @Test func twoPollsAtOnceEndTheSession() {
    var session = EngineSessionMachine(beginsWithWebSocket: false)
    #expect(session.pollOpened() == .hold)
    #expect(session.pollOpened() == .refuseAndClose && session.close(isAsked: false) == .answerClose)
    #expect(session.pollOpened() == .refuse && !session.acceptsPost() && session.isClosed)
  }

  @Test func aPollGivenUpEndsTheSession() {
    var session = EngineSessionMachine(beginsWithWebSocket: false)
    #expect(!session.pollAborted() && session.pollOpened() == .hold && session.pollAborted())
    #expect(session.pollOpened() == .refuse)
  }

  @Test func anUpgradeReleasesThePollAndEndsPolling() {
    var session = EngineSessionMachine(beginsWithWebSocket: false)
    #expect(session.pollOpened() == .hold && session.webSocketOpened() == .probe)
    #expect(session.webSocketOpened() == .refuse)
    #expect(session.probeReceived(.ping, isProbe: true) == .answer(releasesPoll: true))
    #expect(session.pollOpened() == .answerNow)
    #expect(session.probeReceived(.upgrade, isProbe: false) == .upgraded(releasesPoll: false))
    #expect(session.isWebSocket && session.pollOpened() == .refuse && session.webSocketOpened() == .refuse)
    #expect(session.received(.message) == .deliver)
  }

  @Test func anUpgradeWithoutProbeIsRefusedAndPollingGoesOn() {
    var session = EngineSessionMachine(beginsWithWebSocket: false)
    #expect(session.webSocketOpened() == .probe && session.probeReceived(.upgrade, isProbe: false) == .closeProbe)
    #expect(session.state == .polling && session.pollOpened() == .hold)
  }

  @Test func theClientsCloseAnswersTheWaitingPollWithANoop() {
    var session = EngineSessionMachine(beginsWithWebSocket: false)
    #expect(session.pollOpened() == .hold && session.received(.close) == .goodbye)
    #expect(session.close(isAsked: true) == .answerNoop && session.close(isAsked: true) == .nobodyWaits)
    #expect(session.received(.message) == .ignore)
  }

  @Test func heartbeatsAreDueAfterTheHandshakeAndAfterEachPong() {
    let timing = HeartbeatMachine.Timing(intervalNanoseconds: 300, timeoutNanoseconds: 200)
    var machine = HeartbeatMachine(now: 1_000, timing: timing)
    #expect(machine.tick(now: 1_299, timing: timing) == .none && machine.tick(now: 1_300, timing: timing) == .sendPing)
    #expect(machine.pongReceived(now: 1_340, timing: timing) == 40)
    #expect(machine.pongReceived(now: 1_341, timing: timing) == nil)
    #expect(machine.tick(now: 1_639, timing: timing) == .none && machine.tick(now: 1_640, timing: timing) == .sendPing)
    #expect(machine.tick(now: 1_839, timing: timing) == .none && machine.tick(now: 1_840, timing: timing) == .timedOut)
  }

  @Test func acknowledgementsAreAnsweredOnceBoundedAndExpire() {
    var table = AckTable<Int, String>()
    #expect(table.ask([1, 2], "a", deadline: 10, countMax: 3) == 0)
    #expect(table.ask([1], "b", deadline: 5, countMax: 3) == 1)
    #expect(table.ask([3], "c", deadline: 5, countMax: 3) == nil && table.ask([], "d", deadline: 5, countMax: 9) == nil)
    #expect(table.deadline == 5 && table.expire(now: 4).isEmpty)
    let late = table.expire(now: 5)
    #expect(late.map(\.waiter) == ["b"] && late.map(\.missing) == [1] && table.answered(1, by: 1) == nil)
    #expect(table.answered(0, by: 3) == nil, "who was not asked answers nothing")
    #expect(table.answered(0, by: 1) == "a" && table.answered(0, by: 1) == nil && table.count == 1)
    #expect(table.answered(0, by: 2) == "a" && table.isEmpty && table.deadline == nil && table.count == 0)
  }

  @Test func whoLeavesIsWaitedForNoMore() {
    var table = AckTable<Int, String>()
    #expect(table.ask([1, 2], "a", deadline: 10, countMax: 9) == 0)
    #expect(table.ask([1], "b", deadline: 20, countMax: 9) == 1)
    #expect(table.forget(1) == ["a", "b"] && table.forget(1).isEmpty && table.count == 1)
    #expect(table.answered(1, by: 1) == nil && table.drain().map(\.missing) == [1] && table.isEmpty)
  }

  @Test func documentsHaveExactlyTheirKeys() {
    var output: [UInt8] = []
    EngineIOHandshake(
      sid: "s", mayUpgrade: true, pingIntervalMilliseconds: 300, pingTimeoutMilliseconds: 200,
      maxPayloadBytes: 1_000_000
    ).append(to: &output)
    #expect(
      String(decoding: output, as: UTF8.self)
        == #"0{"sid":"s","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}"#)
    output = []
    SocketIOPacket.appendConnected(sid: "x", namespace: "/custom", to: &output)
    #expect(String(decoding: output, as: UTF8.self) == #"40/custom,{"sid":"x"}"#)
  }
}
