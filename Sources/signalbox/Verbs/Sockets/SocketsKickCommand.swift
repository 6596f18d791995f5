internal import ArgumentParser
internal import Base
internal import ControlPlane

struct SocketsKickCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "kick", abstract: "Close connections; their clients may come back.")

  @Argument(help: "Ids of sockets.")
  var ids: [String]

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    for id in ids { try PublishRule.check(socketID: id) }
    let ids = ids
    let report = try await withNode(try call.settings()) { node in
      guard case .kicked(let report) = try await node.perform(.kickSockets(ids: ids)).result else {
        throw Failure.wrongAnswer
      }
      return report
    }
    try StandardOutput.say(json ? try JSONText.of(report) : SocketsText.report(report))
    guard report.missing.isEmpty else { throw ExitCode(1) }
  }
}
