internal import Base
internal import ControlPlane
internal import NIOCore

/// The reading half of a server's connection.
struct FrameSource {
  /// Bytes read from a refused client before it is cut.
  private static let discardBytesMax = 1 << 20

  private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
  private var reader = FrameReader(bytesMax: Frame.helloBytesMax)

  init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>) { iterator = inbound.makeAsyncIterator() }

  /// The client has been greeted: from now on its frames may be as large as a request.
  mutating func allowRequests() { reader.bytesMax = Frame.clientBytesMax }

  /// Waits for the other side's preamble.
  mutating func preamble() async throws -> ControlPreamble {
    while true {
      do throws(Failure) {
        if let preamble = try reader.preamble() { return preamble }
      } catch {
        throw ControlSession.End.refuse(error, isMalformed: true)
      }
      guard try await receive() else { throw ControlSession.End.gone }
    }
  }

  /// The next payload; nil when the client has closed.
  mutating func next() async throws -> [UInt8]? {
    while true {
      do throws(Failure) {
        if let payload = try reader.next() { return payload }
      } catch {
        throw ControlSession.End.refuse(error, isMalformed: true)
      }
      guard try await receive() else { return nil }
    }
  }

  /// Reads and forgets until the client closes, the connection ends, or it has sent more than anybody should.
  mutating func discardRest() async {
    var discarded = 0
    // Silence is right: an error here is the end that is waited for.
    while discarded < Self.discardBytesMax, let bytes = try? await iterator.next() { discarded += bytes.readableBytes }
  }

  private mutating func receive() async throws -> Bool {
    guard let bytes = try await iterator.next() else { return false }
    reader.append(bytes.readableBytesView)
    return true
  }
}
