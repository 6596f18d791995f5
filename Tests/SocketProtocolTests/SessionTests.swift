import SocketProtocol
import Testing

/// The rules of Engine.IO 4 about who may do what, and when.
@Suite struct SessionTests {
  @Test func twoPollsAtOnceEndTheSession() {
    var session = EngineSessionMachine(beginsWithWebSocket: false)
    #expect(session.pollOpened() == .hold)
    #expect(session.pollOpened() == .closeBoth)
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
    #expect(session.pollOpened() == .hold && session.received(.close) == .close(.answerNoop))
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
    var table = AckTable<String>()
    #expect(table.ask("a", deadline: 10, countMax: 2) == 0 && table.ask("b", deadline: 5, countMax: 2) == 1)
    #expect(table.ask("c", deadline: 5, countMax: 2) == nil && table.deadline == 5)
    #expect(table.expire(now: 5) == ["b"] && table.answered(1) == nil)
    #expect(table.answered(0) == "a" && table.answered(0) == nil && table.count == 0)
  }

  @Test(
    arguments: [
      ("EIO=4&transport=polling", "GET", false, nil), ("transport=polling", "GET", false, .unsupportedVersion),
      ("EIO=3&transport=polling", "GET", false, .unsupportedVersion), ("EIO=4", "GET", false, .transportUnknown),
      ("EIO=4&transport=abc", "GET", false, .transportUnknown), ("EIO=4&transport=polling", "POST", false, .badMethod),
      ("EIO=4&transport=polling&sid=a", "PUT", false, .badMethod), ("EIO=4&transport=websocket", "GET", true, nil),
      ("EIO=4&transport=websocket", "GET", false, .badRequest),
      ("EIO=4&transport=polling&sid=", "GET", false, .sessionUnknown),
    ] as [(Substring, String, Bool, EngineIORequest.Refusal?)])
  func queriesAreChecked(query: Substring, method: String, isUpgrade: Bool, refusal: EngineIORequest.Refusal?) {
    var seen: EngineIORequest.Refusal?
    do throws(EngineIORequest.Refusal) {
      _ = try EngineIORequest(query: query, method: method, isUpgrade: isUpgrade)
    } catch {
      seen = error
    }
    #expect(seen == refusal)
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
