internal import ArgumentParser
internal import Base
internal import ControlPlane

struct DrainCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "drain", abstract: "Take no new work, tell clients to move, then stop.")

  func perform(_ call: Invocation) async throws {
    let settings = try call.settings()
    let processID = try await NodeEnd.after(.drain, settings)
    try StandardOutput.say("node drained and stopped: process \(processID)")
  }
}
