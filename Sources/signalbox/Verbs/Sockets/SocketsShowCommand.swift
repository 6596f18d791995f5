internal import ArgumentParser
internal import Base
internal import ControlPlane

struct SocketsShowCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one socket: its rooms, figures and last events.")

  @Argument(help: "Its id.")
  var id: String

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    try PublishRule.check(socketID: id)
    let id = id
    let detail = try await withNode(try call.settings()) { node in
      guard case .socket(let detail) = try await node.ask(.socket(id: id)) else { throw Failure.wrongAnswer }
      return detail
    }
    let now = SystemWallClock().nowMilliseconds()
    try StandardOutput.say(json ? try JSONText.of(detail) : SocketsText.page(detail, now: now))
  }
}
