internal import ArgumentParser
internal import Base

/// Stand-ins for `NodeCommand.swift`, `StartCommand.swift` and `StopCommand.swift`; this file goes when they come.
struct NodeCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: ArgumentRouter.nodeVerb, abstract: "Run a node in the foreground.", shouldDisplay: false)

  @Flag(help: "No console: logs to stderr, runs until SIGTERM or Ctrl-C.")
  var noTui = false

  @Argument(help: "Folders to make known.", completion: .directory)
  var path: [String] = []

  func perform(_ call: Invocation) async throws {
    _ = try call.settings()
    throw Failure(.unavailable, "this build has no node")
  }
}

struct StartCommand: Verb {
  static let configuration = CommandConfiguration(commandName: "start", abstract: "Start a node in the background.")

  @Argument(help: "Folders to make known.", completion: .directory)
  var path: [String] = []

  func perform(_ call: Invocation) async throws { throw Failure(.unavailable, "this build has no node") }
}

struct StopCommand: Verb {
  static let configuration = CommandConfiguration(commandName: "stop", abstract: "Stop the running node.")

  func perform(_ call: Invocation) async throws { throw Failure(.unavailable, "this build has no node") }
}
