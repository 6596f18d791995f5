internal import Base

/// What a verb is called with besides its own arguments.
struct Invocation: Sendable {
  /// The settings among the arguments; `start` hands them on to the node it starts.
  let flags: SettingFlags
  let environment: [String: String]

  /// The settings of this call. Nothing is read before: `version`, `completions` and help work with a broken file.
  func settings() throws(Failure) -> Settings {
    let settings = try Settings.load(flags, environment: environment)
    for warning in settings.warnings { StandardError.say("warning: \(warning)") }
    return settings
  }
}
