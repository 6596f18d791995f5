import Base
import NIOHTTP1
import Outbound
import Synchronization
import TestKit
import Testing

/// Exchanges with servers that behave and servers that do not.
@Suite struct TransportTests {
  private let limits = HTTP.Limits(bodyMax: 1 << 20, deadline: .seconds(30))
  /// Long enough for a connection on a busy machine, short enough to wait for.
  private let short = HTTP.Limits(bodyMax: 1 << 20, deadline: .milliseconds(400))

  private func asking<Value>(
    unixSocket: String? = nil, _ answer: @escaping @Sendable (ScriptedServer.Asked) -> [ScriptedServer.Step],
    _ body: (ScriptedServer, PooledTransport) async throws -> Value
  ) async throws -> Value {
    let server = try await ScriptedServer.start(unixSocket: unixSocket, answer)
    let transport = PooledTransport()
    do {
      let value = try await body(server, transport)
      await transport.close()
      await server.close()
      return value
    } catch {
      await transport.close()
      await server.close()
      throw error
    }
  }

  private static let ok: @Sendable (ScriptedServer.Asked) -> [ScriptedServer.Step] = { asked in
    [.head(200, [("Content-Length", "\(asked.body.count)"), ("X-Seen", "yes")]), .bytes(asked.body), .end]
  }

  @Test func aRequestGoesOutWholeAndItsAnswerComesBack() async throws {
    try await asking(Self.ok) { server, transport in
      let request = HTTP.Request(
        .post, "http://127.0.0.1:\(server.port)/a%20b?c=d", headers: ["Authorization": "Bearer x", "A": "1"],
        body: Array("hello".utf8))
      let response = try await transport.exchange(request, limits: limits)
      #expect(response.status == 200 && response.isSuccess && response.body == Array("hello".utf8))
      #expect(response.headers["x-seen"] == "yes" && response.headers["absent"] == nil)
      let asked = try #require(server.asked.first)
      #expect(asked.head.method == .POST && asked.head.uri == "/a%20b?c=d" && asked.body == Array("hello".utf8))
      #expect(asked.head.headers.first(name: "authorization") == "Bearer x")
      #expect(asked.head.headers.first(name: "content-length") == "5")
    }
  }

  @Test func aUnixSocketIsAServerLikeAnyOther() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a socket.sock")
    try await asking(unixSocket: path, Self.ok) { server, transport in
      let url = HTTP.Request.unixURL(socket: path, path: "/v1.43/info?a=b")
      let response = try await transport.exchange(HTTP.Request(.get, url), limits: limits)
      #expect(response.status == 200)
      #expect(server.asked.first?.head.uri == "/v1.43/info?a=b")
    }
    let absent = HTTP.Request.unixURL(socket: folder.file("none.sock"), path: "/")
    let transport = PooledTransport()
    let error = await #expect(throws: HTTP.Problem.self) {
      try await transport.exchange(HTTP.Request(.get, absent), limits: limits)
    }
    guard case .unreachable(let reason) = error else { throw Failure(.internal, "\(String(describing: error))") }
    #expect(reason.contains("none.sock"))
    await transport.close()
  }

  @Test func connectionsAreUsedAgain() async throws {
    try await asking(Self.ok) { server, transport in
      for _ in 0..<10 {
        let request = HTTP.Request(.get, "http://127.0.0.1:\(server.port)/")
        _ = try await transport.exchange(request, limits: limits)
      }
      #expect(server.connections == 1 && server.asked.count == 10)
    }
  }

  @Test func redirectsAndErrorsAreAnswers() async throws {
    try await asking({ asked in
      [
        .head(asked.head.uri == "/away" ? 302 : 503, [("Location", "http://127.0.0.1:1/"), ("Content-Length", "0")]),
        .end,
      ]
    }) { server, transport in
      let base = "http://127.0.0.1:\(server.port)"
      let away = try await transport.exchange(HTTP.Request(.get, base + "/away"), limits: limits)
      let broken = try await transport.exchange(HTTP.Request(.get, base + "/x"), limits: limits)
      #expect(away.status == 302 && broken.status == 503)
      #expect(server.asked.count == 2)
    }
  }

  @Test func aServerThatNeverAnswersMeetsTheDeadline() async throws {
    try await asking({ _ in [] }) { server, transport in
      await #expect(throws: HTTP.Problem.timeout) {
        try await transport.exchange(HTTP.Request(.get, "http://127.0.0.1:\(server.port)/"), limits: short)
      }
      #expect(await eventually { server.openConnections == 0 })
    }
  }

  @Test func aBodyThatNeverEndsMeetsTheDeadlineToo() async throws {
    try await asking({ _ in [.head(200, [("Content-Length", "100")]), .bytes([1, 2, 3])] }) { server, transport in
      let request = HTTP.Request(.get, "http://127.0.0.1:\(server.port)/")
      await #expect(throws: HTTP.Problem.timeout) { try await transport.exchange(request, limits: short) }
      await #expect(throws: HTTP.Problem.timeout) {
        try await transport.stream(request, limits: short) { _ in .more }
      }
      #expect(await eventually { server.openConnections == 0 })
    }
  }

  @Test(arguments: [true, false]) func halfABodyIsNotAWholeOne(isChunked: Bool) async throws {
    let fields = isChunked ? [("Transfer-Encoding", "chunked")] : [("Content-Length", "100")]
    try await asking({ _ in [.head(200, fields), .bytes([1, 2, 3]), .hangUp] }) { server, transport in
      let request = HTTP.Request(.get, "http://127.0.0.1:\(server.port)/")
      for isStreamed in [false, true] {
        let error = await #expect(throws: HTTP.Problem.self) {
          if isStreamed {
            try await transport.stream(request, limits: limits) { _ in .more }
          } else {
            _ = try await transport.exchange(request, limits: limits)
          }
        }
        guard case .interrupted = error else { throw Failure(.internal, "\(String(describing: error))") }
      }
    }
  }

  @Test func aLongBodyIsRefusedWhetherAnnouncedOrNot() async throws {
    let bytes = [UInt8](repeating: 7, count: 5_000)
    for fields in [[("Content-Length", "5000")], [("Transfer-Encoding", "chunked")]] {
      try await asking({ _ in [.head(200, fields), .bytes(bytes), .end] }) { server, transport in
        let request = HTTP.Request(.get, "http://127.0.0.1:\(server.port)/")
        let tight = HTTP.Limits(bodyMax: 4_999, deadline: .seconds(30))
        await #expect(throws: HTTP.Problem.tooLarge(limit: 4_999)) {
          try await transport.exchange(request, limits: tight)
        }
        await #expect(throws: HTTP.Problem.tooLarge(limit: 4_999)) {
          try await transport.stream(request, limits: tight) { _ in .more }
        }
        let whole = try await transport.exchange(request, limits: limits)
        #expect(whole.body.count == 5_000)
      }
    }
  }

  @Test func aStreamComesInBoundedPiecesAndInOrder() async throws {
    let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 / 251) }
    try await asking({ _ in [.head(200, [("Transfer-Encoding", "chunked")]), .bytes(bytes), .end] }) {
      server, transport in
      let parts = Collected<HTTP.Part>()
      try await transport.stream(HTTP.Request(.get, "http://127.0.0.1:\(server.port)/"), limits: limits) { part in
        parts.append(part)
        return .more
      }
      guard case .head(let head)? = parts.values.first else { throw Failure(.internal, "no head") }
      #expect(head.status == 200)
      var body: [UInt8] = []
      for case .chunk(let chunk) in parts.values {
        #expect(!chunk.isEmpty && chunk.count <= HTTP.Part.chunkMax)
        body += chunk
      }
      #expect(body == bytes)
    }
  }

  @Test func aReceiverStopsAStreamWhereItLikes() async throws {
    try await asking({ _ in [.head(200, [("Transfer-Encoding", "chunked")]), .bytes([1])] }) { server, transport in
      let request = HTTP.Request(.get, "http://127.0.0.1:\(server.port)/")
      let parts = Collected<HTTP.Part>()
      try await transport.stream(request, limits: limits) { part in
        parts.append(part)
        return parts.count == 2 ? .stop : .more
      }
      #expect(parts.values.last == .chunk([1]))
      #expect(await eventually { server.openConnections == 0 })
      struct Refusal: Error {}
      await #expect(throws: HTTP.Problem.receiver("Refusal")) {
        try await transport.stream(request, limits: limits) { _ in throw Refusal() }
      }
    }
  }

  @Test func cancellingEndsTheExchange() async throws {
    try await asking({ _ in [.head(200, [("Content-Length", "9")]), .bytes([1])] }) { server, transport in
      let request = HTTP.Request(.get, "http://127.0.0.1:\(server.port)/")
      for isStreamed in [false, true] {
        let task = Task { () -> HTTP.Problem? in
          do {
            if isStreamed {
              try await transport.stream(request, limits: limits) { _ in .more }
            } else {
              _ = try await transport.exchange(request, limits: limits)
            }
            return nil
          } catch let error as HTTP.Problem {
            return error
          }
        }
        let count = isStreamed ? 2 : 1
        #expect(await eventually { server.asked.count == count })
        task.cancel()
        let problem = try await task.value
        #expect(problem == .cancelled)
        #expect(await eventually { server.openConnections == 0 })
      }
    }
  }

  @Test func whatIsNoHTTPIsSaidToBeNone() async throws {
    try await asking({ _ in [.raw("SSH-2.0-OpenSSH_9.2\r\n\r\n"), .hangUp] }) { server, transport in
      let error = await #expect(throws: HTTP.Problem.self) {
        try await transport.exchange(HTTP.Request(.get, "http://127.0.0.1:\(server.port)/"), limits: limits)
      }
      guard case .interrupted(let reason) = error else { throw Failure(.internal, "\(String(describing: error))") }
      #expect(reason.contains("127.0.0.1:\(server.port)"))
      // A server without TLS.
      let refused = await #expect(throws: HTTP.Problem.self) {
        try await transport.exchange(HTTP.Request(.get, "https://127.0.0.1:\(server.port)/"), limits: limits)
      }
      switch refused {
      case .unreachable, .interrupted: break
      default: throw Failure(.internal, "\(String(describing: refused))")
      }
    }
  }

  @Test func nobodyListeningIsOneClearLine() async throws {
    let transport = PooledTransport()
    let port = try FreePort.next()
    let request = HTTP.Request(.get, "http://user:secret@127.0.0.1:\(port)/private?key=secret")
    let error = await #expect(throws: HTTP.Problem.self) { try await transport.exchange(request, limits: limits) }
    #expect(error == .unreachable("nobody answers at 127.0.0.1:\(port)"))
    #expect(error?.failure.code == .unavailable && error?.failure.isRetriable == true)
    for url in ["", "nonsense", "ftp://a/", "http://", "http+unix:///x"] {
      let wrong = await #expect(throws: HTTP.Problem.self, "\(url)") {
        try await transport.exchange(HTTP.Request(.get, url), limits: limits)
      }
      guard case .invalidRequest = wrong else { throw Failure(.internal, "\(url): \(String(describing: wrong))") }
    }
    for headers in [HTTP.Headers([.init("A", "x\r\nB: y")]), HTTP.Headers([.init("A b", "x")])] {
      let wrong = await #expect(throws: HTTP.Problem.self) {
        try await transport.exchange(
          HTTP.Request(.get, "http://127.0.0.1:\(port)/", headers: headers), limits: limits)
      }
      guard case .invalidRequest = wrong else { throw Failure(.internal, "\(String(describing: wrong))") }
    }
    await transport.close()
    await #expect(throws: HTTP.Problem.unreachable("this node is stopping")) {
      try await transport.exchange(request, limits: limits)
    }
  }
}
