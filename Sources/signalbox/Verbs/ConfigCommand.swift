internal import ArgumentParser
internal import Base
internal import ControlPlane

struct ConfigCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Show every setting, its value and where it came from.")

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    let reports = try call.settings().reports
    try StandardOutput.say(json ? try JSONText.of(reports) : SettingsText.table(reports))
  }
}
