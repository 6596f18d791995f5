internal import ArgumentParser
internal import Base
internal import ControlPlane

struct SocketsListCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the sockets of the running node.")

  @Option(help: "Rows that fit: text, field=value, queue>64K, rtt>100, re:REGEX; ! inverts; several must all hold.")
  var filter: String?

  @Option(help: "id, user, rooms, transport, state, rtt, in, out, queue, age or idle; =-queue: the greatest first.")
  var sort = "age"

  @Option(help: "Rows at most, 1 to 1000.")
  var limit = 100

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    var query = SocketQuery(filter: filter, limit: limit)
    try query.sort(by: sort)
    try query.check()
    let wanted = query
    let page = try await withNode(try call.settings()) { node in
      guard case .sockets(let page) = try await node.ask(.sockets(wanted)) else { throw Failure.wrongAnswer }
      return page
    }
    let now = SystemWallClock().nowMilliseconds()
    try StandardOutput.say(json ? try JSONText.of(page) : SocketsText.table(page, now: now))
  }
}
