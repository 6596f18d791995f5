import Foundation
import Testing

@testable import Load

@Suite struct ScenarioTests {
  private func read(_ text: String) throws -> LoadScenario {
    try JSONDecoder().decode(LoadScenario.self, from: Data(text.utf8))
  }

  @Test func whatIsLeftOutHasItsDefault() throws {
    let scenario = try read(#"{"ports":[3001],"clients":7,"inFlight":2}"#)
    #expect(scenario.ports == [3_001] && scenario.clients == 7 && scenario.rooms == 1 && scenario.payloadBytes == 150)
    try scenario.check()
  }

  @Test(arguments: [
    #"{}"#, #"{"ports":[0]}"#, #"{"ports":[1],"clients":-1}"#, #"{"ports":[1],"rooms":0}"#,
    #"{"ports":[1],"clients":1}"#, #"{"ports":[1],"inFlight":1,"ratePerSecond":1}"#,
    #"{"ports":[1],"inFlight":1,"publishers":0}"#, #"{"ports":[1],"inFlight":1,"payloadBytes":5}"#,
    #"{"ports":[1],"inFlight":1,"stalled":1}"#, #"{"ports":[1],"inFlight":1,"event":"a\"b"}"#,
    #"{"ports":[1],"inFlight":1,"seconds":-1}"#, #"{"ports":[1],"inFlight":1,"sourceAddresses":0}"#,
  ])
  func whatCannotBeIsRefusedBeforeAnythingHappens(text: String) throws {
    let scenario = try read(text)
    #expect(throws: LoadError.self) { try LoadRun(scenario) }
  }

  @Test func aReportSurvivesItsJSON() throws {
    var report = LoadReport()
    report.deliveries = 12
    report.latency.p99 = 3.5
    report.residentBytesPeak = 99
    #expect(try JSONDecoder().decode(LoadReport.self, from: JSONEncoder().encode(report)) == report)
  }

  @Test func aServerThatIsNotThereEndsTheRun() throws {
    var scenario = try read(#"{"ports":[1],"clients":3,"inFlight":1}"#)
    scenario.connectSeconds = 10
    let run = try LoadRun(scenario)
    #expect(throws: LoadError.self) { _ = try run.run() }
  }

  @Test func aCancelledRunEnds() throws {
    let run = try LoadRun(try read(#"{"ports":[1],"clients":0,"publishers":0,"seconds":0,"idleSeconds":60}"#)) { true }
    #expect(throws: LoadError.cancelled) { _ = try run.run() }
  }
}
