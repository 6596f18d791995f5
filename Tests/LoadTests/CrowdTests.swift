import Foundation
import Testing

@testable import Load

@Suite struct CrowdTests {
  @Test func aScenarioSurvivesItsJSON() throws {
    var scenario = CrowdScenario()
    (scenario.port, scenario.viewers) = (3_001, 7)
    let read = try JSONDecoder().decode(CrowdScenario.self, from: try JSONEncoder().encode(scenario))
    #expect(read == scenario)
    try read.check()
  }

  @Test func whatCannotBeIsRefusedBeforeAnythingHappens() {
    let changes: [(inout CrowdScenario) -> Void] = [
      { $0.port = 0 }, { $0.agents = 0 }, { $0.viewers = -1 }, { $0.slow = 51 }, { $0.projects = [] },
      { $0.projects = ["a\"b"] },
    ]
    for change in changes {
      var scenario = CrowdScenario()
      scenario.port = 3_001
      change(&scenario)
      #expect(throws: LoadError.self) { try CrowdRun(scenario, isCancelled: { true }) }
    }
  }

  @Test func nobodyIsNamedTwice() {
    let agents = (0..<100).map { CrowdMember(.agent, $0, due: 0).name }
    let viewers = (0..<1_000).map { CrowdMember(.viewer, $0, due: 0).name }
    let slow = (0..<50).map { CrowdMember(.slow, $0, due: 0).name }
    #expect(Set(agents + viewers + slow).count == 1_150)
  }
}
