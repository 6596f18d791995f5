internal import ArgumentParser
internal import Base
internal import EngineRoom

struct VersionCommand: Verb {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Show the version.")

  @Flag(help: "One JSON document.")
  var json = false

  @Flag(help: "Show what the built-in embedding model was made from, and under which licences.")
  var licenses = false

  func validate() throws {
    if json, licenses { throw ValidationError("--json and --licenses exclude each other") }
  }

  func perform(_ call: Invocation) async throws {
    if licenses { return try StandardOutput.say(Notices.model) }
    try StandardOutput.say(json ? try JSONText.of(["version": Version.current]) : "signalbox \(Version.current)")
  }
}
