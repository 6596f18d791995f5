internal import ArgumentParser
internal import Base

struct VersionCommand: Verb {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Show the version.")

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    try StandardOutput.say(json ? try JSONText.of(["version": Version.current]) : "signalbox \(Version.current)")
  }
}
