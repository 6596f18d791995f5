import Base
import Glibc
import TestKit
import Testing

@Suite struct RedisProcessTests {
  @Test func aServerAnswersUntilItIsStoppedAndAgainAfterAStart() async throws {
    let redis = try await RedisProcess()
    #expect(redis.isAnswering())
    #expect(redis.url == "redis://127.0.0.1:\(redis.port)")
    let port = redis.port
    await redis.stop()
    #expect(!redis.isRunning && !redis.isAnswering())
    try await redis.start()
    #expect(redis.isAnswering() && redis.port == port)
    redis.kill()
    #expect(!redis.isRunning)
    try await redis.restart()
    #expect(redis.isAnswering())
  }

  @Test func aPausedServerIsSilentAndThenGoesOn() async throws {
    let redis = try await RedisProcess(.unixSocket)
    #expect(redis.url.hasPrefix("unix:///tmp/sb-"))
    #expect(redis.isAnswering())
    redis.pause()
    #expect(!redis.isAnswering())
    #expect(redis.isRunning)
    redis.resume()
    #expect(await eventually { redis.isAnswering() })
  }

  @Test func nothingIsLeftWhenTheObjectGoes() async throws {
    func folder() async throws -> String {
      let redis = try await RedisProcess(.unixSocket)
      redis.pause()
      return redis.folder.path
    }
    let path = try await folder()
    #expect(access(path, F_OK) != 0)
  }
}
