import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A server of this process that answers as a test says, over TCP on a free port or over a unix socket.
final class ScriptedServer: Sendable {
  struct Asked: Sendable {
    var head: HTTPRequestHead
    var body: [UInt8]
  }

  /// What the server does with a request, in this order.
  enum Step: Sendable {
    case head(Int, [(String, String)])
    case bytes([UInt8])
    /// Ends the answer as HTTP has it.
    case end
    /// Closes the connection where it stands.
    case hangUp
    /// Bytes of its own instead of HTTP.
    case raw(String)
  }

  let port: Int
  private let channel: any Channel
  private let requests = Mutex<[Asked]>([])
  private let children = Mutex<[any Channel]>([])

  private init(_ channel: any Channel) {
    self.channel = channel
    port = channel.localAddress?.port ?? 0
  }

  var asked: [Asked] { requests.withLock { $0 } }
  /// Connections that were ever accepted, and those still open.
  var connections: Int { children.withLock { $0.count } }
  var openConnections: Int { children.withLock { $0.filter(\.isActive).count } }

  static func start(
    unixSocket: String? = nil, _ answer: @escaping @Sendable (Asked) -> [Step]
  ) async throws -> ScriptedServer {
    let box = Mutex<ScriptedServer?>(nil)
    let holder = Holder(box: box)
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          holder.server?.children.withLock { $0.append(channel) }
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Responder(holder, answer))
        }
      }
    let channel =
      if let unixSocket {
        try await bootstrap.bind(unixDomainSocketPath: unixSocket).get()
      } else {
        try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
      }
    let server = ScriptedServer(channel)
    holder.set(server)
    return server
  }

  func close() async {
    try? await channel.close()
    for child in children.withLock({ $0 }) { try? await child.close() }
  }

  func note(_ asked: Asked) { requests.withLock { $0.append(asked) } }

  /// Connections come in only after the port is known, so the server is there by then.
  final class Holder: Sendable {
    private let box: Mutex<ScriptedServer?>
    init(box: consuming Mutex<ScriptedServer?>) { self.box = box }
    var server: ScriptedServer? { box.withLock { $0 } }
    func set(_ server: ScriptedServer) { box.withLock { $0 = server } }
  }

  private final class Responder: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let holder: Holder
    private let answer: @Sendable (Asked) -> [Step]
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ holder: Holder, _ answer: @escaping @Sendable (Asked) -> [Step]) {
      self.holder = holder
      self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head):
        self.head = head
        body = []
      case .body(let bytes): body += Array(bytes.readableBytesView)
      case .end:
        guard let head else { return }
        let asked = Asked(head: head, body: body)
        holder.server?.note(asked)
        for step in answer(asked) { perform(step, context) }
      }
    }

    private func perform(_ step: Step, _ context: ChannelHandlerContext) {
      switch step {
      case .head(let status, let fields):
        let head = HTTPResponseHead(
          version: .http1_1, status: .init(statusCode: status), headers: HTTPHeaders(fields))
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
      case .bytes(let bytes):
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
      case .end: context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      case .hangUp: context.close(promise: nil)
      case .raw(let text):
        // Behind the encoder, so that it has nothing to say about it.
        let first = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
        first?.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
      }
    }
  }
}
