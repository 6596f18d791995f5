internal import Base
internal import FoundationEssentials
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// An embeddings server of the bench's own on loopback: speaks `POST /v1/embeddings`, and takes the same time for each
/// call however many texts are in it, as servers far away do. Its vectors tell texts apart and nothing more.
final class SlowEmbeddings: Sendable {
  /// As many as the usual model of such servers has.
  private static let dimensions = 1_536

  struct Counts: Sendable, Equatable {
    var calls = 0
    var texts = 0
  }

  let baseURL: String
  private let group: MultiThreadedEventLoopGroup
  private let channel: any Channel
  private let tally: Tally

  private final class Tally: Sendable {
    let counts = Mutex(Counts())
  }

  private init(_ group: MultiThreadedEventLoopGroup, _ channel: any Channel, _ tally: Tally) {
    self.group = group
    self.channel = channel
    self.tally = tally
    baseURL = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)/v1"
  }

  var counts: Counts { tally.counts.withLock { $0 } }

  /// Listens on a free port.
  static func start(delay: Duration) async throws(Failure) -> SlowEmbeddings {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let tally = Tally()
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try setCloseOnExec(channel) }
      }
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try setCloseOnExec(channel)
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Answerer(tally, delay))
        }
      }
    do {
      return SlowEmbeddings(group, try await bootstrap.bind(host: "127.0.0.1", port: 0).get(), tally)
    } catch {
      await stop(group)
      throw Failure(.unavailable, "the bench cannot listen on loopback")
    }
  }

  /// Ends its connections too.
  func close() async {
    // It may have closed with its loop already.
    try? await channel.close()
    await Self.stop(group)
  }

  private static func stop(_ group: MultiThreadedEventLoopGroup) async {
    // Fails only when it was stopped before.
    try? await group.shutdownGracefully()
  }

  private static func setCloseOnExec(_ channel: any Channel) throws {
    _ = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
      fcntl($0, F_SETFD, FD_CLOEXEC)
    }
  }

  // MARK: - Answers

  private struct Question: Decodable {
    var input: [String]
  }

  private static func answer(_ body: [UInt8], _ tally: Tally) -> String? {
    guard let question = try? JSONDecoder().decode(Question.self, from: Data(body)) else { return nil }
    tally.counts.withLock { counts in
      counts.calls += 1
      counts.texts += question.input.count
    }
    let items = question.input.enumerated().map { index, text in
      #"{"object":"embedding","index":\#(index),"embedding":"\#(vector(text))"}"#
    }
    return #"{"object":"list","data":[\#(items.joined(separator: ","))],"usage":{"prompt_tokens":1}}"#
  }

  /// Base64 of little-endian floats, from the text's checksum on by a linear congruence.
  private static func vector(_ text: String) -> String {
    var state = Checksum64.hash(text)
    var data = Data(capacity: dimensions * 4)
    for _ in 0..<dimensions {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let value = Float(state >> 40) / Float(1 << 23) - 1
      withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
    return data.base64EncodedString()
  }

  private final class Answerer: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private static let bodyMax = 8 << 20
    private let tally: Tally
    private let delay: Duration
    private var body: [UInt8] = []

    init(_ tally: Tally, _ delay: Duration) {
      self.tally = tally
      self.delay = delay
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head: body = []
      case .body(let part):
        guard body.count + part.readableBytes <= Self.bodyMax else { return context.close(promise: nil) }
        body.append(contentsOf: part.readableBytesView)
      case .end: answer(context)
      }
    }

    private func answer(_ context: ChannelHandlerContext) {
      let text = SlowEmbeddings.answer(body, tally)
      let held = NIOLoopBound(context, eventLoop: context.eventLoop)
      context.eventLoop.scheduleTask(in: TimeAmount(delay)) {
        let context = held.value
        let buffer = context.channel.allocator.buffer(string: text ?? "{}")
        let head = HTTPResponseHead(
          version: .http1_1, status: text == nil ? .badRequest : .ok,
          headers: ["content-type": "application/json", "content-length": "\(buffer.readableBytes)"])
        context.write(NIOAny(HTTPServerResponsePart.head(head)), promise: nil)
        context.write(NIOAny(HTTPServerResponsePart.body(.byteBuffer(buffer))), promise: nil)
        context.writeAndFlush(NIOAny(HTTPServerResponsePart.end(nil)), promise: nil)
      }
    }
  }
}
