internal import Base
internal import ControlPlane
internal import NIOCore

/// The writing half. Any task may send; a frame is handed over whole, in pieces by which progress can be seen.
struct FrameSink: Sendable {
  private static let pieceBytes = 64 << 10
  private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  private let channel: any Channel

  init(_ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, _ channel: any Channel) {
    self.outbound = outbound
    self.channel = channel
  }

  /// A response that is too large, or cannot be written, becomes a failure under the same id.
  func send(_ message: ServerMessage) async throws {
    let frame: [UInt8]
    do throws(Failure) {
      frame = try WireCodec.frame(message)
    } catch {
      guard case .response(let id, _) = message else { throw error }
      frame = try WireCodec.frame(.response(id: id, result: .failure(error)))
    }
    try await write(frame)
  }

  /// Sends the last message of a request. One that was cancelled still owes it, and a cancelled task cannot wait: its
  /// frame goes to the connection at once, of which there is at most one for each request.
  func sendLast(_ message: ServerMessage) async throws {
    guard Task.isCancelled else { return try await send(message) }
    channel.writeAndFlush(ByteBuffer(bytes: try WireCodec.frame(message)), promise: nil)
  }

  func write(_ bytes: [UInt8]) async throws {
    var rest = ByteBuffer(bytes: bytes)
    guard rest.readableBytes > Self.pieceBytes else { return try await outbound.write(rest) }
    var pieces: [ByteBuffer] = []
    while let piece = rest.readSlice(length: min(Self.pieceBytes, rest.readableBytes)), piece.readableBytes > 0 {
      pieces.append(piece)
    }
    try await outbound.write(contentsOf: pieces)
  }
}
