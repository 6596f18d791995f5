import Base
import RedisLink
import Synchronization
import TestKit
import Testing

@Suite struct RedisConnectionTests {
  @Test func commandsOfManyTasksShareOneConnection() async throws {
    let server = try await RedisProcess()
    let connection = try await RedisConnection.open(RedisURL(server.url), options: .patient)
    defer { connection.close() }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<200 {
        group.addTask {
          let key = "k\(number)"
          _ = try await connection.send(RedisCommand("SET", .text(key), .integer(Int64(number))))
          return try await connection.send(RedisCommand("GET", .text(key))).integer == Int64(number)
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
    #expect(connection.waiting == 0)
  }

  @Test func bytesOfEveryKindSurvive() async throws {
    let server = try await RedisProcess(.unixSocket)
    let connection = try await RedisConnection.open(RedisURL(server.url), options: .patient)
    defer { connection.close() }
    let values: [[UInt8]] = [[], [0], Array("a\r\nb".utf8), Array(0...255), Array(repeating: 7, count: 3_000_000)]
    for value in values {
      _ = try await connection.send(RedisCommand("SET", "k", .bytes(value)), deadline: .seconds(5))
      #expect(try await connection.send(RedisCommand("GET", "k"), deadline: .seconds(5)) == .bytes(value))
    }
    #expect(try await connection.send(RedisCommand("GET", "absent")) == .null)
  }

  @Test func batchesKeepTheirOrderAndErrorsTheirPlaces() async throws {
    let server = try await RedisProcess()
    let connection = try await RedisConnection.open(RedisURL(server.url), options: .patient)
    defer { connection.close() }
    let replies = try await connection.send([
      RedisCommand("SET", "a", "1"), RedisCommand("LPUSH", "a", "x"), RedisCommand("GET", "a"),
      RedisCommand("MGET", "a", "b"),
    ])
    #expect(replies[0] == .status("OK"))
    guard case .error(let error) = replies[1] else {
      Issue.record("a list command on a string must be an error")
      return
    }
    #expect(error.code == "WRONGTYPE")
    #expect(replies[2] == .bytes(Array("1".utf8)))
    #expect(replies[3] == .array([.bytes(Array("1".utf8)), .null]))
    await #expect(throws: RedisError.server(error)) {
      _ = try await connection.send(RedisCommand("LPUSH", "a", "x"))
    }
    #expect(connection.isOpen)
  }

  @Test func aPassedDeadlineEndsTheConnectionForEverybody() async throws {
    let server = try await RedisProcess()
    let connection = try await RedisConnection.open(RedisURL(server.url), options: .patient)
    server.pause()
    async let first = Self.error {
      _ = try await connection.send(RedisCommand("GET", "a"), deadline: .milliseconds(100))
    }
    async let second = Self.error { _ = try await connection.send(RedisCommand("GET", "b")) }
    #expect(await [first, second] == [.timeout, .timeout])
    server.resume()
    #expect(await connection.ended() == .timeout)
    #expect(!connection.isOpen)
    #expect(await Self.error { _ = try await connection.send(RedisCommand("GET", "a")) } == .timeout)
  }

  @Test func cancellingATaskLeavesTheConnectionInStep() async throws {
    let server = try await RedisProcess()
    let connection = try await RedisConnection.open(RedisURL(server.url), options: .patient)
    defer { connection.close() }
    let waiting = Task {
      await Self.error { _ = try await connection.send(RedisCommand("BLPOP", "l", "1"), deadline: .seconds(5)) }
    }
    #expect(await eventually { connection.waiting == 1 })
    waiting.cancel()
    #expect(await waiting.value == .cancelled)
    // Its reply comes after a second and goes to nobody; the next one is ours.
    #expect(try await connection.send(RedisCommand("ECHO", "mine"), deadline: .seconds(5)).text == "mine")
  }

  @Test func tooMuchWaitingIsRefusedAtOnce() async throws {
    let server = try await RedisProcess()
    var options = RedisOptions.patient
    options.pendingMax = 4
    let connection = try await RedisConnection.open(RedisURL(server.url), options: options)
    defer { connection.close() }
    server.pause()
    defer { server.resume() }
    let waiting = (0..<4).map { _ in
      Task { await Self.error { _ = try await connection.send(RedisCommand("PING"), deadline: .seconds(2)) } }
    }
    #expect(await eventually { connection.waiting == 4 })
    #expect(await Self.error { _ = try await connection.send(RedisCommand("PING")) } == .busy)
    server.resume()
    for task in waiting { #expect(await task.value == nil) }
  }

  @Test func pushesArriveAndRepliesStayInStep() async throws {
    let server = try await RedisProcess()
    let box = Heard()
    let push = try await RedisConnection.open(RedisURL(server.url), options: .patient) { box.add($0) }
    let data = try await RedisConnection.open(RedisURL(server.url), options: .patient)
    defer {
      push.close()
      data.close()
    }
    _ = try await push.send(
      RedisCommand("CLIENT", "TRACKING", "ON", "REDIRECT", .integer(push.clientID), "BCAST", "PREFIX", "p:"))
    let replies = try await push.send([RedisCommand("SUBSCRIBE", "c", "__redis__:invalidate"), RedisCommand("PING")])
    #expect(replies.count == 3)
    _ = try await data.send([
      RedisCommand("PUBLISH", "c", "hello"), RedisCommand("SET", "p:1", "x"), RedisCommand("SET", "q:1", "x"),
      RedisCommand("FLUSHALL"),
    ])
    #expect(await eventually { box.pushes.count == 3 })
    #expect(box.pushes.contains { $0.channel == "c" && $0.payload.text == "hello" })
    #expect(box.pushes.contains { $0.payload == .array([.bytes(Array("p:1".utf8))]) })
    #expect(box.pushes.contains { $0.payload == .null })
    #expect(try await push.send(RedisCommand("PING")).elements?.first?.text == "pong")
  }

  @Test func droppingTheLastReferenceClosesTheConnection() async throws {
    let server = try await RedisProcess()
    let watcher = try await RedisConnection.open(RedisURL(server.url), options: .patient)
    defer { watcher.close() }
    var connection: RedisConnection? = try await RedisConnection.open(RedisURL(server.url), options: .patient)
    let clientID = try #require(connection?.clientID)
    connection = nil
    let isGone = try await eventually {
      let list = try await watcher.send(RedisCommand("CLIENT", "LIST", "ID", .integer(clientID))).text
      return list == ""
    }
    #expect(isGone)
  }

  @Test func passwordsAndDatabasesAreUsed() async throws {
    let server = try await RedisProcess()
    let admin = try await RedisConnection.open(RedisURL(server.url), options: .patient)
    _ = try await admin.send(RedisCommand("CONFIG", "SET", "requirepass", "se:cr@t"))
    admin.close()
    let right = try await RedisConnection.open(
      RedisURL("redis://:se%3Acr%40t@127.0.0.1:\(server.port)/3"), options: .patient)
    _ = try await right.send(RedisCommand("SET", "k", "v"))
    #expect(try await right.send(RedisCommand("INFO", "keyspace")).text?.contains("db3:keys=1") == true)
    right.close()
    let wrong = try RedisURL("redis://:wrong@127.0.0.1:\(server.port)")
    let error = await Self.error { _ = try await RedisConnection.open(wrong) }
    #expect(error == .unsuitable("Redis at 127.0.0.1:\(server.port) refuses the credentials"))
    let none = await Self.error { _ = try await RedisConnection.open(RedisURL(server.url), options: .patient) }
    #expect(none == error)
  }

  @Test func nobodyListeningIsSaidInOneLine() async throws {
    let port = try FreePort.next()
    let error = await Self.error { _ = try await RedisConnection.open(RedisURL("redis://127.0.0.1:\(port)")) }
    #expect(error == .unreachable("cannot connect to Redis at 127.0.0.1:\(port): Connection refused"))
    let missing = await Self.error { _ = try await RedisConnection.open(RedisURL("unix:///tmp/sb-there-is-none.sock")) }
    #expect(missing?.reason.contains("No such file") == true)
  }

  static func error(_ body: () async throws -> Void) async -> RedisError? {
    do {
      try await body()
      return nil
    } catch {
      return error as? RedisError
    }
  }
}

final class Heard: Sendable {
  private let state = Mutex<[RedisPush]>([])
  var pushes: [RedisPush] { state.withLock { $0 } }
  func add(_ push: RedisPush) { state.withLock { $0.append(push) } }
}

extension RedisOptions {
  /// For tests that are not about deadlines, on machines that are slow.
  static var patient: RedisOptions {
    var options = RedisOptions()
    options.commandDeadline = .seconds(10)
    options.connectDeadline = .seconds(10)
    return options
  }
}
