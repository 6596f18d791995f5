internal import AsyncHTTPClient
public import Base
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// HTTP over pooled connections: TCP, TLS with the system's roots, and unix sockets. No proxy is used, whatever the
/// environment says; answers are not decompressed; redirects are answers like any other.
public final class PooledTransport: HTTPExchange {
  public struct Options: Sendable {
    /// For one attempt to connect, with TLS.
    public var connectTimeout: Duration
    /// An unused connection is closed after this time.
    public var idleTimeout: Duration
    /// More exchanges with one server wait for a connection. A stream keeps its connection until it ends.
    public var connectionsPerServer: Int

    public init(
      connectTimeout: Duration = .seconds(10), idleTimeout: Duration = .seconds(30), connectionsPerServer: Int = 64
    ) {
      self.connectTimeout = connectTimeout
      self.idleTimeout = idleTimeout
      self.connectionsPerServer = connectionsPerServer
    }
  }

  private let client: HTTPClient
  private let isClosed = Atomic(false)

  public init(_ options: Options = .init()) {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.decompression = .disabled
    configuration.proxy = nil
    configuration.timeout = .init(connect: .nanoseconds(options.connectTimeout.nanoseconds))
    // A pool of plain connections has a limit that can be counted on; one multiplexed connection has the server's.
    configuration.httpVersion = .http1Only
    configuration.connectionPool.idleTimeout = .nanoseconds(options.idleTimeout.nanoseconds)
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = options.connectionsPerServer
    // A refused connection is an answer; whether to try again is for the caller to say.
    configuration.connectionPool.retryConnectionEstablishment = false
    client = HTTPClient(
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
  }

  /// Ends every exchange that is under way and closes all connections. Later exchanges fail.
  public func close() async {
    guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
    // What a connection has to say while it is closed concerns nobody any more.
    try? await client.shutdown()
  }

  deinit {
    guard !isClosed.load(ordering: .acquiring) else { return }
    // As in `close`.
    client.shutdown { _ in }
  }

  // MARK: Exchanges

  public func exchange(_ request: HTTP.Request, limits: HTTP.Limits) async throws(HTTP.Problem) -> HTTP.Response {
    try await timed(request, limits) { response in
      if let announced = Self.announcedLength(response), announced > limits.bodyMax, request.method != .head {
        throw HTTP.Problem.tooLarge(limit: limits.bodyMax)
      }
      var body: [UInt8] = []
      for try await buffer in response.body {
        guard body.count + buffer.readableBytes <= limits.bodyMax else {
          throw HTTP.Problem.tooLarge(limit: limits.bodyMax)
        }
        body.append(contentsOf: buffer.readableBytesView)
      }
      return HTTP.Response(head: Self.head(response), body: body)
    }
  }

  public func stream(
    _ request: HTTP.Request, limits: HTTP.Limits, receive: @escaping @Sendable (HTTP.Part) async throws -> HTTP.Demand
  ) async throws(HTTP.Problem) {
    try await timed(request, limits) { response in
      guard try await Self.give(.head(Self.head(response)), receive) == .more else { return }
      var count = 0
      for try await var buffer in response.body {
        count += buffer.readableBytes
        guard count <= limits.bodyMax else { throw HTTP.Problem.tooLarge(limit: limits.bodyMax) }
        while let bytes = buffer.readBytes(length: min(buffer.readableBytes, HTTP.Part.chunkMax)), !bytes.isEmpty {
          guard try await Self.give(.chunk(bytes), receive) == .more else { return }
        }
      }
    }
  }

  private static func give(
    _ part: HTTP.Part, _ receive: @Sendable (HTTP.Part) async throws -> HTTP.Demand
  ) async throws -> HTTP.Demand {
    do {
      return try await receive(part)
    } catch let error as HTTP.Problem {
      throw error
    } catch {
      throw Task.isCancelled ? HTTP.Problem.cancelled : HTTP.Problem.receiver("\(type(of: error))")
    }
  }

  /// Sends, and lets `body` read the answer, all within the deadline. The client's own deadline ends with the head of
  /// the answer, and a server may take forever for its body.
  private func timed<Value: Sendable>(
    _ request: HTTP.Request, _ limits: HTTP.Limits,
    _ body: @escaping @Sendable (HTTPClientResponse) async throws -> Value
  ) async throws(HTTP.Problem) -> Value {
    guard !isClosed.load(ordering: .acquiring) else { throw .unreachable("this node is stopping") }
    let prepared = Self.prepared(request)
    let client = client
    do {
      return try await withThrowingTaskGroup(of: Value?.self) { group in
        defer { group.cancelAll() }
        group.addTask {
          let deadline = NIODeadline.now() + .nanoseconds(limits.deadline.nanoseconds)
          let response = try await client.execute(prepared, deadline: deadline)
          let value = try await body(response)
          // A cancelled body ends as if it were whole.
          try Task.checkCancellation()
          return value
        }
        group.addTask {
          try await Task.sleep(for: limits.deadline)
          return nil
        }
        guard let first = try await group.next(), let value = first else { throw HTTP.Problem.timeout }
        return value
      }
    } catch {
      throw TransportFailure.reason(error, isCancelled: Task.isCancelled, url: request.url)
    }
  }

  // MARK: Translation

  private static func prepared(_ request: HTTP.Request) -> HTTPClientRequest {
    var prepared = HTTPClientRequest(url: request.url)
    prepared.method = HTTPMethod(rawValue: request.method.rawValue)
    for field in request.headers.fields { prepared.headers.add(name: field.name, value: field.value) }
    if !request.body.isEmpty { prepared.body = .bytes(ByteBuffer(bytes: request.body)) }
    return prepared
  }

  private static func head(_ response: HTTPClientResponse) -> HTTP.Head {
    HTTP.Head(
      status: Int(response.status.code), headers: HTTP.Headers(response.headers.map { .init($0.name, $0.value) }))
  }

  private static func announcedLength(_ response: HTTPClientResponse) -> Int? {
    response.headers.first(name: "content-length").flatMap { Int($0) }
  }
}
