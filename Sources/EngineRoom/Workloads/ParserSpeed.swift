internal import Base
internal import Bench
internal import SocketProtocol

/// How fast one thread reads what clients send, without sockets: megabytes a second of typical events, each a masked
/// text frame with `42N["publish",{…}]` in it.
final class ParserSpeed: Workload {
  enum Part: Sendable {
    /// RFC 6455: header, unmasking in place, UTF-8.
    case frames
    /// The messages in the frames: Engine.IO, Socket.IO, and the JSON of the event, checked.
    case packets
  }

  private static let (messages, payloadBytes) = (2_048, 150)
  /// Passes over the buffer in one sample.
  private static let passes = 16

  let part: Part
  let bench: Workbench
  private let packet: [UInt8]
  private let frames: [UInt8]

  init(_ part: Part, bench: Workbench) {
    self.part = part
    self.bench = bench
    packet =
      Array("421207[\"publish\",{\"room\":\"task:load-1\",\"event\":\"bench\",\"data\":{\"load\":\"".utf8)
      + [UInt8](repeating: UInt8(ascii: "x"), count: Self.payloadBytes) + Array("\"}}]".utf8)
    frames = Self.frames(packet)
  }

  var suite: String { "gateway" }
  var name: String { part == .frames ? "parser: WebSocket frames" : "parser: Engine.IO and Socket.IO packets" }
  var unit: String { "MB/s" }
  var isLowerBetter: Bool { false }

  func fitted(_ plan: BenchPlan) -> BenchPlan {
    var plan = plan
    plan.warmUpSamples = min(plan.warmUpSamples, 3)
    plan.roundSamples = min(plan.roundSamples, 50)
    return plan
  }

  func measure() async throws(Failure) -> Double? {
    var (bytes, time) = (0, Duration.zero)
    for _ in 0..<(bench.isQuick ? 1 : Self.passes) {
      switch part {
      case .frames: time += try parseFrames()
      case .packets: time += try decodePackets()
      }
      bytes += part == .frames ? frames.count : packet.count * Self.messages
    }
    return Double(bytes) / 1e6 / max(time.milliseconds / 1_000, 1e-9)
  }

  /// The copy that is unmasked is made outside of the measured time.
  private func parseFrames() throws(Failure) -> Duration {
    var buffer = frames
    var parser = WebSocketFrameParser(role: .server, messageBytesMax: 1_000_000)
    let began = ContinuousClock.now
    let whole = buffer.withUnsafeMutableBytes { bytes in
      var (position, whole) = (0, 0)
      while case .data(let segment) = parser.next(in: bytes, at: &position) { whole += segment.isWhole ? 1 : 0 }
      return whole
    }
    let time = began.duration(to: .now)
    guard whole == Self.messages else { throw Failure(.internal, "the parser found \(whole) messages") }
    return time
  }

  private func decodePackets() throws(Failure) -> Duration {
    var decoder = SocketIODecoder()
    let packet = packet
    let began = ContinuousClock.now
    do throws(SocketProtocolError) {
      for _ in 0..<Self.messages {
        let message = try EngineIOPacket.decode(packet.span).payload
        let text = packet.span.extracting(message)
        _ = try decoder.text(text, limits: .init())
      }
    } catch {
      throw Failure(.internal, "a packet that every client sends was refused")
    }
    return began.duration(to: .now)
  }

  /// Section 5.2: FIN and text, masked, a length in two more bytes.
  private static func frames(_ payload: [UInt8]) -> [UInt8] {
    let mask: [UInt8] = [0x1b, 0x5e, 0xa7, 0x39]
    let head = [0x81, 0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)] + mask
    let frame = head + payload.enumerated().map { $0.element ^ mask[$0.offset & 3] }
    return [[UInt8]](repeating: frame, count: messages).flatMap { $0 }
  }
}
