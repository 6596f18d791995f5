internal import Base
internal import Cache
internal import Glibc
internal import Logging
internal import RedisLink

/// What a figure of the cache is measured on: caches of this process and, for some, a redis-server of the bench's own
/// on a Unix socket, without persistence. The server ends with the stage.
final class CacheStage: Sendable {
  let caches: [Cache]
  private let services: [Task<Void, Never>]
  private let server: BenchChild?
  let socketPath: String

  static let startLimit = Duration.seconds(60)

  private init(_ caches: [Cache], server: BenchChild?, socketPath: String) {
    self.caches = caches
    self.server = server
    self.socketPath = socketPath
    services = caches.map { cache in Task { await cache.run() } }
  }

  /// A first level alone.
  static func alone(bytes: Int = 256 << 20) throws(Failure) -> CacheStage {
    try CacheStage([make(.embedded) { $0.firstLevelBytes = bytes }], server: nil, socketPath: "")
  }

  /// Nodes that share a Redis. `isReadThrough`: each get goes to Redis, since what the first level holds is never
  /// young enough.
  static func shared(
    _ bench: Workbench, nodes: Int = 1, isReadThrough: Bool = false, deadline: Duration = .seconds(5)
  ) async throws(Failure) -> CacheStage {
    guard let program = CacheWorkloads.redisServer else { throw Failure(.unavailable, "there is no redis-server") }
    let path = "\(bench.folder)/r\(NodeID.random().rawValue.prefix(6))"
    let arguments = [
      "--port", "0", "--unixsocket", path, "--unixsocketperm", "700", "--save", "", "--appendonly", "no", "--dir",
      bench.folder,
    ]
    let server = try BenchChild(program, .init(arguments: arguments, environment: [:], hasOwnSession: true))
    do throws(Failure) {
      try await wait(bench) { access(path, F_OK) == 0 }
      let url = try RedisURL("unix://\(path)")
      var caches: [Cache] = []
      for _ in 0..<nodes {
        caches.append(
          try make(.redis(url, prefix: "bench")) { options in
            options.redis.commandDeadline = deadline
            if isReadThrough { options.ageMaxMilliseconds = 0 }
          })
      }
      let stage = CacheStage(caches, server: server, socketPath: path)
      do throws(Failure) { try await stage.joined(bench) } catch {
        await stage.close()
        throw error
      }
      return stage
    } catch {
      server.kill()
      throw error
    }
  }

  func close() async {
    server?.kill()
    for service in services { service.cancel() }
    for service in services { await service.value }
  }

  func joined(_ bench: Workbench) async throws(Failure) {
    try await Self.wait(bench) { self.caches.allSatisfy { $0.statistics().link.state == .connected } }
  }

  /// Stops the server's clock, or lets it go on: connections stay, and nothing answers.
  func pause(_ isPaused: Bool) { server?.send(isPaused ? SIGSTOP : SIGCONT) }

  /// A connection of the bench's own, for what a cache does not do.
  func connection() async throws(Failure) -> RedisConnection {
    do throws(RedisError) {
      var options = RedisOptions()
      options.commandDeadline = .seconds(20)
      return try await RedisConnection.open(try url, options: options)
    } catch {
      throw error.failure
    }
  }

  private var url: RedisURL {
    get throws(RedisError) {
      do throws(Failure) { return try RedisURL("unix://\(socketPath)") } catch { throw .unreachable(error.message) }
    }
  }

  private static func make(
    _ backing: CacheOptions.Backing, _ change: (inout CacheOptions) -> Void
  ) throws(Failure) -> Cache {
    var options = CacheOptions(backing, node: .random())
    options.jitter = 0
    change(&options)
    return try Cache(options, logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
  }

  private static func wait(_ bench: Workbench, _ condition: () -> Bool) async throws(Failure) {
    let end = ContinuousClock.now + startLimit
    while !condition() {
      guard ContinuousClock.now < end else { throw Failure(.timeout, "Redis did not get ready for the bench") }
      try await bench.sleep(.milliseconds(2))
    }
  }
}
