internal import ArgumentParser
internal import Base
internal import ControlPlane

struct RunCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a program in the sandbox, and exit as it did.",
    discussion: """
      Exit codes: the program's own; 128 and its number when a signal ended it; 124 when its time ran out; 126 when
      validation blocked it; 125 when the sandbox itself failed. With --json 0 whenever a result is printed.
      """)

  @Argument(help: "The program, or - for standard input.")
  var program: String

  @Option(help: "python, javascript, typescript or go; by the name's ending when left out.")
  var language: String?

  @Option(help: "How long it may run: 500ms, 30s, 5m; a plain number means seconds.")
  var timeout: String?

  @Option(help: "How much memory it may use, such as 512M.")
  var memory: String?

  @Option(help: "The file that it reads as standard input.")
  var stdin: String?

  @Option(
    name: .customLong("file"), help: "NAME=PATH: a file it finds in its work folder; may be given more than once.")
  var files: [String] = []

  @Option(help: "The folder into which the files it leaves are written.")
  var out: String?

  @Option(help: "What validation allows: strict, standard or off.")
  var profile = "strict"

  @Flag(help: "The same as --profile off.")
  var noValidate = false

  @Flag(help: "Run it also when the result of the same program is known, and do not keep this one.")
  var noCache = false

  @Option(help: "The project whose clients are told when it has ended.")
  var project: String?

  @Flag(help: "One JSON document.")
  var json = false

  @Argument(parsing: .postTerminator, help: "What the program gets as its arguments, after --.")
  var arguments: [String] = []

  func perform(_ call: Invocation) async throws {
    let request = try RunInput(self).request()
    let (isJSON, out) = (json, out)
    let result: RunResult
    do {
      result = try await withSandbox(call) { plane in
        let result = try await RunSession(plane: plane, request: request, isLive: !isJSON).run()
        if let out { try await RunFiles(plane: plane, result: result).write(to: out) }
        return result
      }
    } catch let failure as Failure where !Task.isCancelled {
      StandardError.say("signalbox: \(failure.line)")
      throw failure.code == .invalid ? ExitCode.usage : isJSON ? ExitCode.failure : ExitCode.sandboxFailed
    }
    if json { return try StandardOutput.say(try JSONText.of(result)) }
    for line in RunText.remarks(result, program: program) { StandardError.say(line) }
    let code = RunText.exitCode(result)
    if !code.isSuccess { throw code }
  }
}
