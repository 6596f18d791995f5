import Base

@testable import signalbox

/// Resolving without the process: arguments, variables and files are what the test says.
struct SettingsFixture {
  var arguments: [String] = []
  var environment: [String: String] = [:]
  var files: [String: FileReading] = [:]
  var login = LoginFacts(homeFolder: "/home/ada", loginName: "ada", workingFolder: "/srv/app")

  static let defaultFile = "/home/ada/.config/signalbox/config.yaml"

  func resolve() throws(Failure) -> Settings {
    try SettingsResolver(
      flags: try SettingFlags(arguments), environment: environment, login: login,
      readFile: { path, _ in files[path] ?? .absent }
    ).resolve()
  }

  /// The one line of the refusal; a start that succeeds has none.
  func refusal() -> Failure? {
    do {
      _ = try resolve()
      return nil
    } catch {
      return error
    }
  }

  /// With this text as the default config file.
  static func file(_ text: String) -> SettingsFixture {
    SettingsFixture(files: [defaultFile: .bytes(Array(text.utf8), mode: 0o600)])
  }
}
