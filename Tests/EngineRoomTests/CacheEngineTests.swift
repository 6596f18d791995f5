import Base
import ControlPlane
import Glibc
import Logging
import RedisLink
import TestKit
import Testing

@testable import EngineRoom

/// What health says of the link to Redis.
@Suite struct CacheEngineTests {
  private final class Stage {
    let folder: TemporaryFolder
    let health: HealthBoard
    let engine: CacheEngine
    private var task: Task<Void, Never>?

    init(_ url: String, firstTryLimit: Duration = .seconds(30)) throws {
      folder = try TemporaryFolder()
      #expect(mkdir(folder.file("cache"), 0o700) == 0)
      health = HealthBoard(now: { 0 }, changed: { _ in })
      engine = try CacheEngine(
        CacheSettings(redis: try RedisURL(url), prefix: "test"), stateFolder: folder.path, node: .random(),
        health: health, clock: SystemWallClock(), logger: Logger(label: "cache"), firstTryLimit: firstTryLimit)
    }

    func run() { task = Task { [engine] in await engine.run() } }

    deinit { task?.cancel() }

    var redis: Health.Component? { health.health.components.first { $0.name == "redis" } }
  }

  @Test func beforeRedisHasBeenTriedNobodyIsCalledDegraded() async throws {
    let server = try await RedisProcess()
    let stage = try Stage(server.url)
    #expect(stage.redis?.state == .ok)
    #expect(stage.redis?.reason == "connecting")
    stage.run()
    await stage.engine.awaitFirstTry()
    #expect(stage.redis?.reason != "connecting", "it has been tried")
    #expect(await eventually { stage.redis?.state == .ok && stage.redis?.reason == nil })
  }

  @Test func aStartWithoutRedisIsCalledDegradedAsSoonAsItHasBeenTried() async throws {
    let stage = try Stage("unix:///nonexistent/redis.sock")
    stage.run()
    await stage.engine.awaitFirstTry()
    #expect(stage.redis?.state == .degraded)
    #expect(stage.redis?.reason?.contains("first level answers alone") == true)
  }

  @Test func aTryThatTakesTooLongIsNotWaitedFor() async throws {
    let stage = try Stage("unix:///nonexistent/redis.sock", firstTryLimit: .zero)
    await stage.engine.awaitFirstTry()
    #expect(stage.redis?.state == .degraded)
  }

  @Test func aRedisThatMayEvictWhatCascadesNeedIsDegradedWithTheReason() async throws {
    let server = try await RedisProcess()
    let connection = try await RedisConnection.open(try RedisURL(server.url), options: RedisOptions())
    defer { connection.close() }
    _ = try await connection.send(
      RedisCommand("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"), deadline: .seconds(5))
    let stage = try Stage(server.url)
    stage.run()
    #expect(await eventually { stage.redis?.reason?.contains("maxmemory-policy allkeys-lfu") == true })
    #expect(stage.redis?.state == .degraded)
  }
}
