internal import ArgumentParser
internal import Base
internal import ControlPlane
internal import EngineRoom

struct DoctorCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Look for every system piece an engine needs, and say how to get it.")

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    let findings = await Doctor.examine(try call.settings().doctor(environment: call.environment))
    try StandardOutput.say(json ? try JSONText.of(findings) : DoctorText.page(findings))
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
