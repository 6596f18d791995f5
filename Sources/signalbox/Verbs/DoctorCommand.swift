internal import ArgumentParser
internal import Base
internal import Console
internal import ControlPlane
internal import EngineRoom

struct DoctorCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Look for every system piece an engine needs, and say how to get it.")

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    let findings =
      await Doctor.examine(try call.settings().doctor(environment: call.environment))
      + [
        Self.finding(
          on: ConsoleFile(environment: call.environment),
          ThemeLibrary(environment: call.environment, executablePath: try Executable.path()))
      ].compactMap(\.self)
    try StandardOutput.say(json ? try JSONText.of(findings) : DoctorText.page(findings))
  }

  /// The operator's own settings of the console; nil when there are none.
  static func finding(on file: ConsoleFile, _ themes: ThemeLibrary) -> DoctorFinding? {
    guard file.isFound, let path = file.path else { return nil }
    var wrong = file.complaints.map(\.line)
    if let name = file.theme, name != "auto" {
      do throws(Failure) { _ = try themes.theme(named: name) } catch { wrong.append(error.line) }
    }
    return DoctorFinding(
      component: "console settings", state: wrong.isEmpty ? .ok : .weak, version: nil,
      usedFor: "layout, theme, refresh and keys of the console: \(path)",
      without: wrong.isEmpty ? "the console has its defaults" : "what is wrong is left out, the rest holds",
      fix: wrong.isEmpty ? nil : wrong.joined(separator: "; "))
  }
}

extension Settings {
  /// What `doctor` looks at, for the command line and for the node.
  func doctor(environment: [String: String]) -> DoctorSettings {
    var ports = [DoctorSettings.Port(name: "HTTP API", host: host, port: apiPort)]
    // Any free port is free.
    if gateway.port != 0 { ports.append(.init(name: "gateway", host: host, port: gateway.port)) }
    return DoctorSettings(
      redis: redis, dockerHost: dockerHost, dockerImages: [runs.pythonImage, runs.nodeImage],
      stateFolder: stateFolder, environment: environment, ports: ports, socket: socket, version: Version.current)
  }
}
