internal import ArgumentParser
internal import Base
internal import EngineRoom
internal import Glibc

/// `signalbox [PATH …]` and `signalbox --no-tui [PATH …]`: a node in the foreground.
struct NodeCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: ArgumentRouter.nodeVerb, abstract: "Run a node in the foreground.", shouldDisplay: false)
  static var handlesSignalsItself: Bool { true }

  @Flag(help: "No console: logs to stderr, runs until SIGTERM or Ctrl-C.")
  var noTui = false

  @Flag(help: .hidden)
  var background = false

  @Argument(help: "Folders to make known.", completion: .directory)
  var path: [String] = []

  func perform(_ call: Invocation) async throws {
    let settings = try call.settings()
    let folders = try FolderArguments.resolve(path)
    let node = try settings.node(
      environment: call.environment, projectPaths: folders,
      logDestination: background ? .file : .standardError(isJSON: settings.logFormat == .json))
    let background = background
    try await Node.run(node, ready: { if background { BackgroundNode.detach() } })
  }
}
