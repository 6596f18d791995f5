internal import ArgumentParser
internal import Base
internal import Console
internal import ControlPlane
internal import ControlSocket
internal import Synchronization

/// The flags of every verb that opens a console.
struct ConsoleFlags: ParsableArguments {
  enum Color: String, ExpressibleByArgument, CaseIterable {
    case auto, never, always
  }

  @Option(help: "When to use colours.")
  var color: Color = .auto

  @Flag(help: "Draw with ASCII only.")
  var ascii = false
}

/// The console as the roof opens it: on a running node, or in the process of one.
struct OperatorConsole: Sendable {
  let settings: Settings
  let environment: [String: String]
  let color: ColorDepth.Choice
  let isASCII: Bool

  init(_ settings: Settings, environment: [String: String], flags: ConsoleFlags) {
    self.settings = settings
    self.environment = environment
    color = ColorDepth.Choice(rawValue: flags.color.rawValue) ?? .auto
    isASCII = flags.ascii
  }

  /// Throws exit code 2, with its sentence said, when this terminal cannot show a console.
  func requireTerminal() throws {
    do { try Terminal.requireTerminal(environment) } catch { throw Self.refused(error) }
  }

  /// A console on the node at `socket`. The node goes on without it; the console outlives restarts of the node.
  func attach(to socket: String, isReadOnly: Bool) async throws {
    try Self.conclude(try await show(socket, isReadOnly: isReadOnly, endsWithConsole: false))
  }

  /// The same without its conclusion. `endsWithConsole`: the caller stops the node when the console is left, which
  /// therefore asks first.
  func show(_ socket: String, isReadOnly: Bool = false, endsWithConsole: Bool) async throws(Failure) -> ConsoleExit {
    let link = ControlLink(path: socket, hello: hello(isReadOnly: isReadOnly))
    let options = try options(isEmbedded: endsWithConsole, isReadOnly: isReadOnly, nodePath: socket)
    // Before the link runs: of a state that it came to earlier the console would not hear.
    let states = link.states()
    return await withTaskGroup(of: ConsoleExit?.self) { group in
      group.addTask {
        await link.run()
        return nil
      }
      group.addTask {
        // One that ends with its console is there already: no look at how it is being found.
        if endsWithConsole { for await state in states where state != .connecting { break } }
        return await Console(plane: link, link: states, options: options).run()
      }
      var end = ConsoleExit.detached
      // The link gives up by itself when the node will not have us; the console then says so until it is left.
      for await result in group {
        guard let result else { continue }
        end = result
        group.cancelAll()
      }
      return end
    }
  }

  /// The console of a node in this process, as its `Node.Face`; how it ended is put into `ending`.
  func face(_ ending: Ending) throws(Failure) -> @Sendable (any ControlPlane) async -> Void {
    let options = try options(isEmbedded: true, isReadOnly: false, nodePath: nil)
    return { plane in ending.set(await Console(plane: plane, options: options).run()) }
  }

  func hello(isReadOnly: Bool) -> ControlHello {
    ControlHello(
      version: Version.current, operatorLabel: settings.operatorName, origin: .console, isReadOnly: isReadOnly)
  }

  private func options(isEmbedded: Bool, isReadOnly: Bool, nodePath: String?) throws(Failure) -> ConsoleOptions {
    let file = ConsoleFile(environment: environment)
    // The console's own file is stronger than a default and weaker than what names a theme elsewhere.
    let isThemeNamed = settings.reports.first { $0.name == "theme" }?.source != .default
    return ConsoleOptions(
      isEmbedded: isEmbedded, isReadOnly: isReadOnly, operatorLabel: settings.operatorName, nodePath: nodePath,
      theme: isThemeNamed ? settings.theme : file.theme ?? settings.theme,
      themes: ThemeLibrary(environment: environment, executablePath: try Executable.path()),
      color: color, glyphs: isASCII ? .ascii : file.glyphs ?? .braille, environment: environment, file: file)
  }

  /// How the console of a node in this process ended.
  final class Ending: Sendable {
    private let value = Mutex<ConsoleExit?>(nil)

    func set(_ exit: ConsoleExit) { value.withLock { $0 = exit } }
    var exit: ConsoleExit? { value.withLock { $0 } }
  }

  /// Turns the way a console ended into the way the process ends.
  static func conclude(_ exit: ConsoleExit) throws {
    switch exit {
    case .detached, .quit: return
    case .signalled(let number): throw ExitCode(128 + number)
    case .lostTerminal: throw ExitCode(128 + 1)
    case .cannotShow(let refusal): throw refused(refusal)
    case .failed(let failure): throw failure
    }
  }

  private static func refused(_ refusal: TerminalRefusal) -> ExitCode {
    StandardError.say("signalbox: \(refusal.message)")
    return .noTerminal
  }
}
