import Base
import ControlPlane
import Glibc
import Testing

@testable import ControlSocket

/// A client of bare bytes: it can say anything, and it can be silent. Nothing here blocks a thread.
final class RawPeer {
  let descriptor: Int32
  private var received: [UInt8] = []
  private(set) var isEnded = false

  init(_ path: String) throws {
    descriptor = try UnixAddress.makeSocket(isBlocking: false).get()
    let address = try UnixAddress(path)
    let socket = descriptor
    try #require(address.withSocketAddress { connect(socket, $0, $1) } == 0)
  }

  deinit { close(descriptor) }

  /// Sends what the kernel takes; false when the other side is gone.
  @discardableResult
  func sendSome(_ bytes: [UInt8]) -> Int {
    let count = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    if count < 0 && errno != EAGAIN { isEnded = true }
    return max(0, count)
  }

  func send(_ bytes: [UInt8]) async throws {
    var rest = bytes[...]
    try await eventually("the node takes the bytes") {
      rest = rest.dropFirst(self.sendSome(Array(rest)))
      return rest.isEmpty || self.isEnded
    }
  }

  func greet(version: UInt16 = ControlPreamble.currentVersion, _ hello: ControlHello = Stage.hello) async throws {
    try await send(ControlPreamble(version: version).bytes + WireCodec.frame(.hello(hello) as ClientMessage))
  }

  func request(_ id: UInt64, _ ask: ControlRequest) async throws {
    try await send(WireCodec.frame(ClientMessage.request(id: id, ask: ask)))
  }

  /// Reads what is there.
  func receive() {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count == 0 || (count < 0 && errno != EAGAIN) { isEnded = true }
      guard count > 0 else { return }
      received += buffer.prefix(count)
    }
  }

  /// Every message so far.
  func messages() throws -> [ServerMessage] {
    var reader = FrameReader(bytesMax: Frame.serverBytesMax)
    reader.append(received)
    guard try reader.preamble() != nil else { return [] }
    var messages: [ServerMessage] = []
    while let payload = try reader.next() {
      messages.append(try #require(WireCodec.decode(ServerMessage.self, payload)))
    }
    return messages
  }

  func untilEnd() async throws -> [ServerMessage] {
    try await eventually("the node ends the connection") {
      self.receive()
      return self.isEnded
    }
    return try messages()
  }

  func until(_ what: Comment, _ condition: ([ServerMessage]) -> Bool) async throws -> [ServerMessage] {
    try await eventually(what) {
      self.receive()
      return try condition(self.messages())
    }
    return try messages()
  }

  func untilRefused() async throws -> Failure {
    guard case .refused(let failure) = try await untilEnd().last else {
      throw Failure(.notFound, "no refusal")
    }
    return failure
  }
}
