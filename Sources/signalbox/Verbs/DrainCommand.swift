internal import ArgumentParser
internal import Base
internal import ControlPlane

struct DrainCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "drain", abstract: "Take no new work, tell clients to move, then stop.")

  func perform(_ call: Invocation) async throws {
    let settings = try call.settings()
    try await withNode(settings) { node in
      _ = try await node.perform(.drain)
    }
    try StandardOutput.say("the node is draining and will stop")
  }
}
