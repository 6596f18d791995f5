internal import ArgumentParser
internal import Base
internal import FoundationEssentials
internal import Glibc

/// The root of the command tree, and the way in and out of the process.
@main
struct Signalbox: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "signalbox",
    abstract: "The real-time back end of AI coding agents: one node, one door.",
    usage: """
      signalbox [PATH …]
      signalbox --no-tui [PATH …]
      signalbox COMMAND [OPTION …]
      """,
    discussion: SettingsTable.helpText,
    version: Version.current,
    subcommands: [
      NodeCommand.self, StartCommand.self, StopCommand.self, StatusCommand.self, ProjectsCommand.self,
      AttachCommand.self, LogsCommand.self, AuditCommand.self, DrainCommand.self, ReindexCommand.self,
      SearchCommand.self, RunCommand.self, RunsCommand.self, CacheCommand.self, SocketsCommand.self,
      ConfigCommand.self, DoctorCommand.self, BenchCommand.self, DemoCommand.self, LoadCommand.self,
      ThemesCommand.self, VersionCommand.self,
      CompletionsCommand.self, ConformanceCommand.self,
    ])

  /// The names a person can type.
  static var verbs: [String] {
    configuration.subcommands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
  }

  /// Those that programs call: a node in the foreground, and tools of the bench and the tests.
  static var hiddenVerbs: [String] {
    configuration.subcommands.filter { !$0.configuration.shouldDisplay }.map { $0._commandName }
  }

  static func main() async {
    ProcessSetup.prepare()
    let arguments = Array(CommandLine.arguments.dropFirst())
    let code = await run(arguments, environment: ProcessInfo.processInfo.environment)
    Glibc.exit(code.rawValue)
  }

  /// One call of the program. Everything a verb throws becomes one line on stderr and an exit code.
  static func run(_ arguments: [String], environment: [String: String]) async -> ExitCode {
    var routed: [String] = []
    do {
      let flags = try SettingFlags(arguments)
      routed = try ArgumentRouter.route(
        flags.rest, verbs: verbs, hiddenVerbs: hiddenVerbs, isFolder: FolderArguments.isFolder)
      var command = try parseAsRoot(routed)
      if let verb = command as? any Verb {
        try await perform(verb, Invocation(flags: flags, environment: environment))
      } else {
        // Help, which the parser makes a command of, or a verb that needs one of its own verbs: both throw.
        try command.run()
      }
      return .success
    } catch let failure as Failure {
      StandardError.say("signalbox: \(failure.line)")
      return ExitCode(failure.exitCode)
    } catch let code as ExitCode {
      return code
    } catch is CancellationError {
      return .stopped(by: SIGINT)
    } catch {
      return report(error, arguments: routed)
    }
  }

  private static func perform(_ verb: some Verb, _ call: Invocation) async throws {
    if type(of: verb).handlesSignalsItself {
      try await verb.perform(call)
    } else {
      try await Interrupt.guarding { try await verb.perform(call) }
    }
  }

  /// What the parser of arguments says: help is an answer, everything else one line.
  private static func report(_ error: any Error, arguments: [String]) -> ExitCode {
    if exitCode(for: error).isSuccess {
      do {
        try StandardOutput.write(fullMessage(for: error) + "\n")
        return .success
      } catch {
        StandardError.say("signalbox: \(error.line)")
        return ExitCode(error.exitCode)
      }
    }
    let near = innerVerbs(arguments)
    StandardError.say("signalbox: \(UsageText.line(message(for: error), innerVerbs: near))")
    return .usage
  }

  /// The verbs of the verb that `arguments` begin with, as `list` of `projects`.
  private static func innerVerbs(_ arguments: [String]) -> [String] {
    guard let outer = configuration.subcommands.first(where: { $0._commandName == arguments.first }) else { return [] }
    return outer.configuration.subcommands.map { $0._commandName }
  }
}
