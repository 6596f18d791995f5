internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// The answer that one request waits for. Whoever holds it, on any thread, answers once; later answers are ignored, so
/// that a time-out, an abort and the real answer may race.
final class HTTPReply: Sendable {
  struct Answer: Sendable {
    var status: HTTPResponseStatus
    var type = "text/plain; charset=UTF-8"
    var body: [UInt8] = []
    var retryAfterSeconds: Int?
    var isClosing = false
  }

  private let channel: any Channel
  private let keepAlive: Bool
  /// `Access-Control-Allow-Origin`, when a page of another origin may read the answer.
  private let allowedOrigin: String?
  private let isHead: Bool
  private let isDone = Atomic(false)

  init(channel: any Channel, keepAlive: Bool, allowedOrigin: String?, isHead: Bool = false) {
    self.channel = channel
    self.keepAlive = keepAlive
    self.allowedOrigin = allowedOrigin
    self.isHead = isHead
  }

  var isAnswered: Bool { isDone.load(ordering: .acquiring) }

  /// Marks it as answered without sending: the client has gone, or the socket leaves HTTP. True for the first.
  @discardableResult
  func claim() -> Bool { !isDone.exchange(true, ordering: .acquiringAndReleasing) }

  func send(_ answer: Answer) {
    guard claim() else { return }
    if channel.eventLoop.inEventLoop {
      write(answer)
    } else {
      channel.eventLoop.execute { self.write(answer) }
    }
  }

  /// 200 with Engine.IO packets.
  func send(payload: [UInt8]) { send(Answer(status: .ok, body: payload)) }

  func refuse(_ refusal: EngineRefusal) {
    let json = "{\"code\":\(refusal.rawValue),\"message\":\"\(refusal.message)\"}"
    send(Answer(status: .badRequest, type: "application/json", body: Array(json.utf8)))
  }

  private func write(_ answer: Answer) {
    let staysOpen = keepAlive && !answer.isClosing
    var headers = HTTPHeaders()
    headers.add(name: "Content-Type", value: answer.type)
    headers.add(name: "Content-Length", value: "\(answer.body.count)")
    headers.add(name: "Cache-Control", value: "no-store")
    headers.add(name: "X-Content-Type-Options", value: "nosniff")
    headers.add(name: "Vary", value: "Origin")
    if let allowedOrigin {
      headers.add(name: "Access-Control-Allow-Origin", value: allowedOrigin)
      if allowedOrigin != "*" { headers.add(name: "Access-Control-Allow-Credentials", value: "true") }
    }
    if answer.status == .noContent {
      headers.add(name: "Access-Control-Allow-Methods", value: "GET, POST, PUT, OPTIONS")
      headers.add(name: "Access-Control-Allow-Headers", value: "Authorization, Content-Type")
      headers.add(name: "Access-Control-Max-Age", value: "600")
    }
    if let seconds = answer.retryAfterSeconds { headers.add(name: "Retry-After", value: "\(seconds)") }
    if !staysOpen { headers.add(name: "Connection", value: "close") }
    channel.write(
      HTTPServerResponsePart.head(HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)),
      promise: nil)
    if !isHead, !answer.body.isEmpty {
      var buffer = channel.allocator.buffer(capacity: answer.body.count)
      buffer.writeBytes(answer.body)
      channel.write(HTTPServerResponsePart.body(.byteBuffer(buffer)), promise: nil)
    }
    let written = channel.eventLoop.makePromise(of: Void.self)
    if !staysOpen { written.futureResult.whenComplete { _ in self.channel.close(mode: .all, promise: nil) } }
    channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: written)
  }
}

/// Why an Engine.IO request is refused, with the numbers of the reference server.
enum EngineRefusal: Int, Error {
  case transportUnknown = 0
  case sessionUnknown = 1
  case badMethod = 2
  case badRequest = 3
  case versionUnsupported = 5

  var message: String {
    switch self {
    case .transportUnknown: "Transport unknown"
    case .sessionUnknown: "Session ID unknown"
    case .badMethod: "Bad handshake method"
    case .badRequest: "Bad request"
    case .versionUnsupported: "Unsupported protocol version"
    }
  }
}
