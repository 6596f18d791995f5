internal import ArgumentParser
internal import Base
internal import ControlSocket

struct AttachCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "attach", abstract: "Open the console on a running node; leaving never stops the node.")
  static var handlesSignalsItself: Bool { true }

  @Flag(help: "Look only: actions that change something are refused.")
  var readOnly = false

  @OptionGroup var flags: ConsoleFlags

  @Argument(help: "The node's control socket; left out: as the settings say.", completion: .file())
  var socket: String?

  func perform(_ call: Invocation) async throws {
    let settings = try call.settings()
    let path = socket ?? settings.socket
    let console = OperatorConsole(settings, environment: call.environment, flags: flags)
    try console.requireTerminal()
    // A node that is not there is said in a line, before the screen is taken.
    let client = try await ControlClient.connect(path: path, hello: console.hello(isReadOnly: readOnly))
    await client.close()
    try await console.attach(to: path, isReadOnly: readOnly)
  }
}
