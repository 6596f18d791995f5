internal import ArgumentParser
internal import Base
internal import Gateway
internal import Logging

/// The fixture of the public protocol suites: the gateway with their settings, on loopback alone.
struct ConformanceCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "conformance", abstract: "Serves the public protocol suites.", shouldDisplay: false)

  @Option(help: "The port to listen on; 0 takes a free one.")
  var port: Int

  func perform(_ call: Invocation) async throws {
    guard (0...65_535).contains(port) else { throw Failure(.invalid, "--port is 0 to 65535") }
    var logger = Logger(label: "conformance")
    logger.logLevel = .warning
    try await Conformance.run(port: port, logger: logger) { port in
      StandardError.say("conformance: listening on 127.0.0.1:\(port)")
    }
  }
}
