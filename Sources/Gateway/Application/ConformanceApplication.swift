/// What the public protocol suites expect of a server: it says back what it hears.
struct ConformanceApplication: SocketApplication {
  let namespaces = ["/", "/custom"]

  func connected(_ socket: SocketContext, auth: [UInt8]) {
    socket.emit(json: Array("[\"auth\",".utf8) + (auth.isEmpty ? Array("{}".utf8) : auth) + [UInt8(ascii: "]")])
  }

  func received(_ event: SocketEvent, _ socket: SocketContext) {
    guard let arguments = EventJSON(event.json) else { return }
    switch event.name {
    case "message":
      socket.emit(json: Array("[\"message-back\"".utf8) + arguments.tail, attachments: event.attachments)
    case "message-with-ack", "echo":
      guard case .none = event.reply else {
        return socket.answer(event.reply, json: arguments.array, attachments: event.attachments)
      }
      socket.emit(json: event.json, attachments: event.attachments)
    default: break
    }
  }

  func allows(_ identity: Identity, joining room: String) -> Bool { true }
  func disconnected(_ socket: SocketContext, _ reason: EndReason) {}
}

extension EventJSON {
  /// The arguments without the name, as an array.
  var array: [UInt8] {
    count == 0 ? Array("[]".utf8) : [UInt8(ascii: "[")] + json[elements[1].lowerBound...]
  }
}
