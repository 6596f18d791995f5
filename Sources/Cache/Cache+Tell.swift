internal import Base
internal import RedisLink

extension Cache {
  /// Whether this node is the first to tell that `project` went from one state to another, of those that share this
  /// cache. A node that stands alone, or that Redis does not answer, tells: those who hear it then are its own.
  public func isFirst(toTell project: String, from: String, to: String) async -> Bool {
    guard let level = current()?.level as? RedisSecondLevel else { return true }
    do throws(RedisError) {
      return try await level.isFirst(toTell: project, from: from, to: to)
    } catch {
      return true
    }
  }
}

extension RedisSecondLevel {
  /// States of one project that are remembered, and for how long: nodes that index the same change are seconds apart.
  private static let toldMax = 64
  private static let toldMilliseconds: Int64 = 300_000

  func isFirst(toTell project: String, from: String, to: String) async throws(RedisError) -> Bool {
    let reply = try await run(
      .tellOnce, keys: [keyspace.told(project)],
      [.text(from), .text(to), .integer(Int64(Self.toldMax)), .integer(Self.toldMilliseconds)], deadline: .seconds(1))
    return reply.integer != 0
  }
}
