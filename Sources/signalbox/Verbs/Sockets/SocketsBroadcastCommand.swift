internal import ArgumentParser
internal import Base
internal import ControlPlane

struct SocketsBroadcastCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "broadcast", abstract: "Send an event to every socket of a room, on every node.",
    discussion: "The JSON is the event's one argument and is passed on as it was written; - reads it from stdin.")

  @Argument(help: "The room: agent:ID, project:ID, task:ID, a socket's id, any other, or '*' for everybody.")
  var room: String

  @Argument(help: "The event's name.")
  var event: String

  @Argument(help: "Its data, or - for stdin; none when left out.")
  var data: String?

  @Option(help: "A further room; again for more. Who is in several of them gets the event once.")
  var also: [String] = []

  @Option(help: "0 to 9, 9 first.")
  var priority: Int?

  @Option(help: "Ask every client to acknowledge it, and wait so long: 500ms, 5s; at most 60s.")
  var ack: String?

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    let broadcast = Broadcast(
      room: room, moreRooms: also.isEmpty ? nil : also, event: event, data: try argument(), priority: priority,
      acknowledgeMilliseconds: try wait())
    try broadcast.check()
    let receipt = try await withNode(try call.settings()) { node in
      guard case .published(let receipt) = try await node.perform(.broadcast(broadcast)).result else {
        throw Failure.wrongAnswer
      }
      return receipt
    }
    try StandardOutput.say(json ? try JSONText.of(receipt) : SocketsText.receipt(receipt))
  }

  private func wait() throws(Failure) -> Int? {
    guard let ack else { return nil }
    guard let milliseconds = Quantity.milliseconds(ack) else {
      throw Failure(.invalid, "--ack is no duration", hint: "accepted: 500ms, 5s, 1m; a plain number means seconds")
    }
    return Int(clamping: milliseconds)
  }

  private func argument() throws(Failure) -> RawJSON? {
    guard let data else { return nil }
    guard data == "-" else { return try RawJSON(data) }
    guard let text = String(validating: try StandardInput.read(bytesMax: RawJSON.bytesMax), as: UTF8.self) else {
      throw Failure(.invalid, "standard input is not UTF-8")
    }
    return try RawJSON(text)
  }
}
