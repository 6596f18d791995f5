internal import ArgumentParser
internal import Base
internal import ControlPlane
internal import FoundationEssentials

struct StartCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Start a node in the background; returns when it is healthy.")

  /// How long a node may take to open its doors. It needs a fraction of a second; a loaded machine needs more.
  private static let readySeconds = 30

  @Argument(help: "Folders to make known.", completion: .directory)
  var path: [String] = []

  func perform(_ call: Invocation) async throws {
    let settings = try call.settings()
    let folders = try FolderArguments.resolve(path)
    let arguments = [ArgumentRouter.nodeVerb, "--no-tui", "--background"] + call.flags.arguments + ["--"] + folders
    let start = try BackgroundNode.start(
      executable: try Executable.path(), arguments: arguments, seconds: Self.readySeconds)
    for line in start.messages.split(separator: "\n") { StandardError.say(String(line)) }
    try StandardOutput.say("node started: process \(start.processID), socket \(settings.socket)")
  }
}

/// The program that runs, found so that a moved or renamed one still finds itself.
enum Executable {
  static func path() throws(Failure) -> String {
    do { return try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") } catch {
      throw Failure(.internal, "cannot tell which program this is: /proc/self/exe is not readable")
    }
  }
}
