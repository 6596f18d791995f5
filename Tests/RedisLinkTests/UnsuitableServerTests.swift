import Base
import RedisLink
import Synchronization
import TestKit
import Testing

/// Servers that answer, and are none we can work with. The relay answers every request with one and the same reply.
@Suite struct UnsuitableServerTests {
  static func info(_ text: String) -> String { "$\(text.utf8.count)\r\n\(text)" }

  static let refusals: [(String, String)] = [
    (info("redis_version:6.0.16\r\nredis_mode:standalone\r\n"), "is version 6.0; 6.2 or newer is needed"),
    (info("redis_version:7.0.15\r\nredis_mode:cluster\r\n"), "part of a cluster"),
    (info("memcached:1.6\r\n"), "does not say that it is Redis"),
    ("-LOADING Redis is loading the dataset in memory", "still loading"),
    ("-MOVED 3999 127.0.0.1:6381", "part of a cluster"),
    ("-NOAUTH Authentication required.", "refuses the credentials"),
    ("-NOPERM this user has no permissions", "does not allow this user"),
    ("!3\r\nfoo", "broke its protocol"), ("*1000000000", "broke its protocol"), ("$-7", "broke its protocol"),
    ("*-5", "broke its protocol"), (":1\r\n:2", "does not say that it is Redis"),
  ]

  @Test(arguments: refusals)
  func theyAreRefusedInOneLine(_ reply: String, _ reason: String) async throws {
    let server = try await RedisProcess()
    let proxy = try RedisProxy(to: server.port)
    proxy.set(.refuse(reply))
    let error = await RedisConnectionTests.error {
      _ = try await RedisConnection.open(RedisURL(proxy.url), options: .patient)
    }
    #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
    #expect(error?.reason.contains("\n") == false)
  }

  @Test func aServerThatSaysNothingIsGivenUp() async throws {
    let server = try await RedisProcess()
    let proxy = try RedisProxy(to: server.port)
    proxy.set(.stall)
    var options = RedisOptions()
    options.connectDeadline = .milliseconds(100)
    let url = try RedisURL(proxy.url)
    #expect(await RedisConnectionTests.error { _ = try await RedisConnection.open(url, options: options) } == .timeout)
  }

  @Test func anAnswerNobodyAskedForEndsTheConnection() async throws {
    let server = try await RedisProcess()
    let proxy = try RedisProxy(to: server.port)
    let connection = try await RedisConnection.open(RedisURL(proxy.url), options: .patient)
    proxy.set(.refuse("+OK\r\n+OK"))
    #expect(try await connection.send(RedisCommand("PING")) == .status("OK"))
    #expect(await connection.ended() == .protocolViolation("a reply came that nobody asked for"))
  }

  @Test func aReplyThatIsCutInTheMiddleIsNoReply() async throws {
    let server = try await RedisProcess()
    let proxy = try RedisProxy(to: server.port)
    let connection = try await RedisConnection.open(RedisURL(proxy.url), options: .patient)
    _ = try await connection.send(RedisCommand("SET", "k", .bytes(Array(repeating: 7, count: 5_000))))
    proxy.set(.cut(afterBytes: 1_000))
    let error = await RedisConnectionTests.error { _ = try await connection.send(RedisCommand("GET", "k")) }
    #expect(error == .closed("Redis hung up"))
  }

  @Test func aReplyOverTheLimitEndsTheConnection() async throws {
    let server = try await RedisProcess()
    var options = RedisOptions.patient
    options.replyBytesMax = 100_000
    let connection = try await RedisConnection.open(RedisURL(server.url), options: options)
    _ = try await connection.send(RedisCommand("SET", "k", .bytes(Array(repeating: 7, count: 1_000_000))))
    let error = await RedisConnectionTests.error {
      _ = try await connection.send(RedisCommand("GET", "k"), deadline: .seconds(5))
    }
    #expect(error == .protocolViolation("a reply is larger than 100000 bytes"))
  }

  @Test func messagesOfErrorsAreOneLine() {
    #expect(RedisServerError("OOM command not allowed").code == "OOM")
    #expect(RedisServerError("").code == "ERR")
    #expect(RedisServerError("\u{1b}[31m evil").code == "ERR")
    #expect(RedisError.server(RedisServerError("OOM x")).failure.code == .unavailable)
    #expect(RedisError.timeout.failure.code == .timeout)
  }
}

final class Counted: Sendable {
  private let count = Mutex(0)
  var value: Int { count.withLock { $0 } }
  @discardableResult
  func add() -> Int {
    count.withLock {
      $0 += 1
      return $0
    }
  }
}
