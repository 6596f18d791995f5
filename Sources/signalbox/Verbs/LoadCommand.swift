internal import ArgumentParser
internal import Base
internal import FoundationEssentials
internal import Load

/// Many Socket.IO clients in one process: what `bench gateway` starts beside a node.
struct LoadCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "load", abstract: "Put a load on gateways of this machine.", shouldDisplay: false)

  static let scenarioBytesMax = 1 << 20

  @Flag(help: "Named clients at human pace, until they are ended: the scenario is a crowd's.")
  var crowd = false

  @Argument(help: "The scenario, as JSON; '-' reads it from standard input.")
  var scenario: String

  func perform(_ call: Invocation) async throws {
    let text = scenario == "-" ? try StandardInput.read(bytesMax: Self.scenarioBytesMax) : Array(scenario.utf8)
    guard !crowd else { return try gather(try decode(text)) }
    try StandardOutput.say(try JSONText.of(try report(try decode(text))))
  }

  private func decode<Scenario: Decodable>(_ text: [UInt8]) throws(Failure) -> Scenario {
    do { return try JSONDecoder().decode(Scenario.self, from: Data(text)) } catch {
      throw Failure(.invalid, "the scenario is not JSON of the expected shape")
    }
  }

  private func gather(_ scenario: CrowdScenario) throws(Failure) {
    do throws(LoadError) { try CrowdRun(scenario, isCancelled: { Task.isCancelled }).run() } catch {
      throw Self.failure(error)
    }
  }

  /// Blocks its thread for the whole run, which is all that this process does.
  private func report(_ scenario: LoadScenario) throws(Failure) -> LoadReport {
    do throws(LoadError) {
      return try LoadRun(scenario, isCancelled: { Task.isCancelled }).run()
    } catch {
      throw Self.failure(error)
    }
  }

  private static func failure(_ error: LoadError) -> Failure {
    switch error {
    case .scenario(let what): Failure(.invalid, "the scenario allows \(what)")
    case .system(let call, let code): Failure(.internal, "\(call): errno \(code)")
    case .notConnected(let ready, let all): Failure(.timeout, "only \(ready) of \(all) were connected in time")
    case .violation(let what): Failure(.internal, DisplayText(what).text)
    case .serverGone: Failure(.unavailable, "the measured process ended")
    case .cancelled: Failure(.unavailable, "the load was cancelled")
    }
  }
}
