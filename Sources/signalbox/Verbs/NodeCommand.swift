internal import ArgumentParser
internal import Base
internal import Console
internal import ControlPlane
internal import ControlSocket
internal import EngineRoom

/// `signalbox [PATH …]`: the console, on a running node or with a node of its own.
/// `signalbox --no-tui [PATH …]`: a node in the foreground without one.
struct NodeCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: ArgumentRouter.nodeVerb, abstract: "Run a node in the foreground.", shouldDisplay: false)
  static var handlesSignalsItself: Bool { true }

  @Flag(help: "No console: logs to stderr, runs until SIGTERM or Ctrl-C.")
  var noTui = false

  @Flag(help: .hidden)
  var background = false

  @OptionGroup var flags: ConsoleFlags

  @Argument(help: "Folders to make known.", completion: .directory)
  var path: [String] = []

  func perform(_ call: Invocation) async throws {
    let settings = try call.settings()
    let folders = try FolderArguments.resolve(path)
    guard !noTui else { return try await runHeadless(settings, folders, call) }
    let console = OperatorConsole(settings, environment: call.environment, flags: flags)
    try console.requireTerminal()
    if try await tell(folders, settings, console.hello(isReadOnly: false)) {
      try await console.attach(to: settings.socket, isReadOnly: false)
    } else {
      try await runWithConsole(console, settings, folders, call)
    }
  }

  private func runHeadless(_ settings: Settings, _ folders: [String], _ call: Invocation) async throws {
    let node = try settings.node(
      environment: call.environment, projectPaths: folders,
      logDestination: background ? .file : .standardError(isJSON: settings.logFormat == .json))
    let background = background
    try await Node.run(node, ready: { if background { BackgroundNode.detach() } })
  }

  private func runWithConsole(
    _ console: OperatorConsole, _ settings: Settings, _ folders: [String], _ call: Invocation
  ) async throws {
    let node = try settings.node(environment: call.environment, projectPaths: folders, logDestination: .file)
    let ending = OperatorConsole.Ending()
    try await Node.run(node, face: try console.face(ending))
    guard let exit = ending.exit else { return }
    // The node has stopped cleanly, which is what TERM asks of it.
    if case .signalled = exit { return }
    try OperatorConsole.conclude(exit)
  }

  /// Whether a node runs already; then the folders are added to it.
  private func tell(_ folders: [String], _ settings: Settings, _ hello: ControlHello) async throws -> Bool {
    let client: ControlClient
    do { client = try await ControlClient.connect(path: settings.socket, hello: hello) } catch {
      guard error.code == .unavailable else { throw error }
      return false
    }
    var refusal: Failure?
    for folder in folders where refusal == nil {
      do throws(Failure) { _ = try await client.perform(.addProject(path: folder, id: nil)) } catch { refusal = error }
    }
    await client.close()
    if let refusal { throw refusal }
    return true
  }
}
