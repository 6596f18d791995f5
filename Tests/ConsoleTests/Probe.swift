import Base
import Pty

/// Starts the program that only opens a terminal. It lies beside the test bundle.
enum Probe {
  static var path: String {
    let own = (try? FilePathOfSelf.read()) ?? ""
    return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
      + "/ConsoleProbe"
  }

  static func start(
    _ environment: [String: String] = [:], width: Int = 80, height: Int = 24,
    personality: VirtualScreen.Personality = .init(), arguments: [String] = []
  ) throws -> PtySession {
    try PtySession(path, arguments, options(environment, width, height, personality))
  }

  /// The probe run by a shell; `PROBE` in the script stands for its path.
  static func shell(_ script: String, _ environment: [String: String] = [:]) throws -> PtySession {
    let text = script.split(separator: "PROBE", omittingEmptySubsequences: false).joined(separator: path)
    return try PtySession("/bin/sh", ["-c", text], options(environment, 80, 24, .init()))
  }

  private static func options(
    _ environment: [String: String], _ width: Int, _ height: Int, _ personality: VirtualScreen.Personality
  ) -> PtySession.Options {
    var options = PtySession.Options(width: width, height: height, environment: environment)
    // The language's own crash report would end the program much later.
    options.environment["SWIFT_BACKTRACE"] = "enable=no"
    options.environment = options.environment.filter { !$0.value.isEmpty }
    options.personality = personality
    return options
  }
}
