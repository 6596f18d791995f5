internal import Base
internal import Cache
internal import RedisLink

/// What the cache bench runs on: a Redis of its own on a Unix socket in the bench's folder, never that of production,
/// and two caches on it as two nodes would be. Open it, and close it whatever happens.
final class CacheBed: Sendable {
  static let seededKeys = 50_000
  static let kilobyteKeys = 5_000
  /// Keys of no cache, among which SCAN has to look.
  static let foreignKeys = 1_000_000

  /// Alone, without Redis.
  let alone: Cache
  let first: Cache
  let second: Cache
  let redis: RedisConnection
  let socket: String
  /// `redis-benchmark`, if it is installed.
  let benchmarkProgram: String?
  private let tasks: [Task<Void, Never>]

  private init(_ folder: String, _ redis: RedisConnection, benchmark: String?) throws(Failure) {
    self.redis = redis
    socket = Self.socket(folder)
    benchmarkProgram = benchmark
    let url = try RedisURL("unix://\(socket)")
    alone = try Cache(CacheOptions(.embedded, node: .random()))
    var options = CacheOptions(.redis(url, prefix: "bench"), node: .random())
    // A machine that is slow for a moment shows in the figures; it must not open the breaker and end the run.
    options.redis.commandDeadline = .seconds(2)
    first = try Cache(options)
    var small = options
    small.node = .random()
    // So small beside what is read that nearly every read goes to Redis.
    small.firstLevelBytes = 1 << 20
    second = try Cache(small)
    tasks = [alone, first, second].map { cache in Task { await cache.run() } }
  }

  /// Nil when there is no `redis-server` on `path`.
  static func open(in folder: String, path: String, isQuick: Bool) async throws(Failure) -> CacheBed? {
    guard let server = ProgramFinder.find("redis-server", path: path) else { return nil }
    let arguments = [
      "--port", "0", "--unixsocket", socket(folder), "--save", "", "--appendonly", "no", "--dir", folder,
      "--daemonize", "yes", "--enable-debug-command", "local",
    ]
    _ = await ProbeCommand(
      executable: server, arguments: arguments, environment: ["PATH": path], deadline: .seconds(5)
    ).run()
    let redis = try await connect(folder)
    let bed = try CacheBed(folder, redis, benchmark: ProgramFinder.find("redis-benchmark", path: path))
    do throws(Failure) { try await bed.seed(foreignKeys: isQuick ? 1_000 : Self.foreignKeys) } catch {
      await bed.close()
      throw error
    }
    return bed
  }

  func close() async {
    for task in tasks { task.cancel() }
    for task in tasks { await task.value }
    // It goes without an answer, which is an error of the link and what was asked for.
    _ = try? await redis.send(RedisCommand("SHUTDOWN", "NOSAVE"))
  }

  private static func socket(_ folder: String) -> String { "\(folder)/redis.sock" }

  private static func connect(_ folder: String) async throws(Failure) -> RedisConnection {
    var options = RedisOptions()
    options.commandDeadline = .seconds(10)
    for _ in 0..<200 {
      do throws(RedisError) {
        return try await RedisConnection.open(try RedisURL(unix: socket(folder)), options: options)
      } catch {
        // Not up yet. A cancelled sleep comes back at once, and the loop is bounded.
        try? await Task.sleep(for: .milliseconds(25))
      }
    }
    throw Failure(.unavailable, "the bench's own redis-server does not start")
  }

  private func seed(foreignKeys: Int) async throws(Failure) {
    for cache in [first, second] {
      for _ in 0..<400 where cache.statistics().link.state != .connected {
        // As above.
        try? await Task.sleep(for: .milliseconds(5))
      }
      guard cache.statistics().link.state == .connected else {
        throw Failure(.unavailable, "a cache of the bench does not join its Redis")
      }
    }
    do throws(RedisError) {
      _ = try await redis.send(
        RedisCommand("DEBUG", "POPULATE", .integer(Int64(foreignKeys)), "foreign", "8"))
      _ = try await redis.send(RedisCommand("SET", "plain", .bytes([UInt8](repeating: 97, count: 100))))
    } catch {
      throw Failure(.unavailable, "the bench's Redis cannot be filled: \(error.reason)")
    }
    try await fill("small", count: Self.seededKeys, bytes: 100)
    try await fill("kilo", count: Self.kilobyteKeys, bytes: 1_000)
    for index in 0..<10_000 { try await alone.set(try Self.key("small", index), [UInt8](repeating: 97, count: 100)) }
  }

  private func fill(_ namespace: String, count: Int, bytes: Int) async throws(Failure) {
    let value = [UInt8](repeating: 97, count: bytes)
    for start in stride(from: 0, to: count, by: 500) {
      var entries: [CacheEntry] = []
      for index in start..<min(start + 500, count) { entries.append(CacheEntry(try Self.key(namespace, index), value)) }
      guard try await first.set(entries) == .stored else {
        throw Failure(.unavailable, "the bench's Redis did not keep up while it was filled")
      }
    }
  }

  static func key(_ namespace: String, _ index: Int) throws(Failure) -> CacheKey {
    try CacheKey(CacheNamespace(namespace), "key:\(index)")
  }
}

extension RedisURL {
  /// A socket whose path is ours.
  fileprivate init(unix path: String) throws(RedisError) { self.init(address: .unix(path: path)) }
}
