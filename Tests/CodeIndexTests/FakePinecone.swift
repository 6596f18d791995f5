import Base
import FakeServers
import FoundationEssentials
import Synchronization

/// A server of this process that speaks Pinecone's data plane, with its eventual consistency, and loses what a test
/// says.
final class FakePinecone: Sendable {
  private struct Vector: Codable {
    var id: String
    var values: [Float]
    var metadata: [String: String]?
  }
  private struct Upsert: Decodable {
    var vectors: [Vector]
    var namespace: String
  }
  private struct Query: Decodable {
    var vector: [Float]
    var topK: Int
    var namespace: String
    var includeMetadata: Bool
  }
  private struct Delete: Decodable {
    var ids: [String]?
    var deleteAll: Bool?
    var namespace: String
  }

  private struct State {
    var spaces: [String: [String: Vector]] = [:]
    /// Written and shown to nobody yet.
    var hidden: [(namespace: String, vector: Vector)] = []
    var isLagging = false
    /// Upserts whose vectors vanish although they are acknowledged.
    var lose = 0
    var statuses: [Int] = []
    var paths: [String] = []
    var batches: [Int] = []
    var versions: Set<String> = []
  }

  static let key = "pc-secret-key"
  private let state = Mutex(State())
  private let server: Mutex<ScriptedServer?> = Mutex(nil)

  static func start(dimensions: Int = 96) async throws -> FakePinecone {
    let fake = FakePinecone()
    let server = try await ScriptedServer.start { fake.answer($0, dimensions) }
    fake.server.withLock { $0 = server }
    return fake
  }

  func close() async { await server.withLock { $0 }?.close() }

  var host: String { "http://127.0.0.1:\(server.withLock { $0?.port } ?? 0)/" }
  var paths: [String] { state.withLock { $0.paths } }
  var batches: [Int] { state.withLock { $0.batches } }
  var versions: Set<String> { state.withLock { $0.versions } }
  func count(_ namespace: String) -> Int { state.withLock { $0.spaces[namespace]?.count ?? 0 } }

  func loseNextUpserts(_ count: Int) { state.withLock { $0.lose = count } }
  func meet(statuses: [Int]) { state.withLock { $0.statuses = statuses } }
  /// From now on what is written is shown to nobody; false shows it all.
  func lag(_ isLagging: Bool) {
    state.withLock { state in
      state.isLagging = isLagging
      guard !isLagging else { return }
      for (namespace, vector) in state.hidden { state.spaces[namespace, default: [:]][vector.id] = vector }
      state.hidden = []
    }
  }
  /// The service forgets some of what it had.
  func forget(_ count: Int, of namespace: String) {
    state.withLock { state in
      for id in (state.spaces[namespace] ?? [:]).keys.sorted().prefix(count) { state.spaces[namespace]?[id] = nil }
    }
  }

  private func answer(_ asked: ScriptedServer.Asked, _ dimensions: Int) -> [ScriptedServer.Step] {
    guard asked.headers["api-key"] == Self.key else { return reply(401, "Unauthorized") }
    let path = String(asked.target.prefix { $0 != "?" })
    let status = state.withLock { state -> Int? in
      state.paths.append(path)
      if let version = asked.headers["x-pinecone-api-version"] { state.versions.insert(version) }
      return state.statuses.isEmpty ? nil : state.statuses.removeFirst()
    }
    if let status { return reply(status, #"{"code":1,"message":"secret text"}"#) }
    let decoder = JSONDecoder()
    let data = Data(asked.body)
    switch (asked.method, path) {
    case ("POST", "/vectors/upsert"):
      guard let body = try? decoder.decode(Upsert.self, from: data) else { return reply(400, "{}") }
      return upsert(body, dimensions)
    case ("POST", "/query"):
      guard let body = try? decoder.decode(Query.self, from: data) else { return reply(400, "{}") }
      return query(body)
    case ("POST", "/vectors/delete"):
      guard let body = try? decoder.decode(Delete.self, from: data) else { return reply(400, "{}") }
      return delete(body)
    case ("GET", "/vectors/fetch"): return fetch(asked.target)
    case ("POST", "/describe_index_stats"):
      let counts = state.withLock { $0.spaces.mapValues(\.count) }
      let list = counts.map { #""\#($0)":{"vectorCount":\#($1)}"# }.joined(separator: ",")
      return reply(200, #"{"namespaces":{\#(list)},"dimension":\#(dimensions),"totalVectorCount":0}"#)
    default: return reply(404, "{}")
    }
  }

  private func upsert(_ body: Upsert, _ dimensions: Int) -> [ScriptedServer.Step] {
    guard body.vectors.count <= 100, body.vectors.allSatisfy({ $0.values.count == dimensions }) else {
      return reply(400, #"{"code":3,"message":"Vector dimension does not match"}"#)
    }
    state.withLock { state in
      state.batches.append(body.vectors.count)
      if state.lose > 0 {
        state.lose -= 1
      } else if state.isLagging {
        state.hidden += body.vectors.map { (body.namespace, $0) }
      } else {
        for vector in body.vectors { state.spaces[body.namespace, default: [:]][vector.id] = vector }
      }
    }
    return reply(200, #"{"upsertedCount":\#(body.vectors.count)}"#)
  }

  private func query(_ body: Query) -> [ScriptedServer.Step] {
    let vectors = state.withLock { $0.spaces[body.namespace] ?? [:] }
    func length(_ vector: [Float]) -> Float { vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    let scored = vectors.values.map { vector in
      (
        vector.id,
        zip(vector.values, body.vector).reduce(Float(0)) { $0 + $1.0 * $1.1 } / length(vector.values)
          / length(body.vector)
      )
    }
    let best = scored.sorted { $0.1 > $1.1 }.prefix(body.topK)
    let list = best.map { #"{"id":"\#($0.0)","score":\#($0.1),"values":[]}"# }.joined(separator: ",")
    return reply(200, #"{"matches":[\#(list)],"namespace":"\#(body.namespace)","usage":{"readUnits":1}}"#)
  }

  private func delete(_ body: Delete) -> [ScriptedServer.Step] {
    state.withLock { state in
      if body.deleteAll == true { state.spaces[body.namespace] = nil }
      for id in body.ids ?? [] { state.spaces[body.namespace]?[id] = nil }
    }
    return reply(200, "{}")
  }

  private func fetch(_ target: String) -> [ScriptedServer.Step] {
    let pairs = target.drop { $0 != "?" }.dropFirst().split(separator: "&").map { $0.split(separator: "=") }
    let ids = pairs.filter { $0.first == "ids" }.compactMap(\.last)
    let namespace = pairs.first { $0.first == "namespace" }?.last.map(String.init) ?? ""
    guard ids.count <= 1_000 else { return reply(400, "{}") }
    let vectors = state.withLock { $0.spaces[namespace] ?? [:] }
    let list = ids.compactMap { vectors[String($0)] }.map { #""\#($0.id)":{"id":"\#($0.id)","values":[0.5]}"# }
    return reply(200, #"{"vectors":{\#(list.joined(separator: ","))},"namespace":"\#(namespace)"}"#)
  }

  private func reply(_ status: Int, _ body: String) -> [ScriptedServer.Step] {
    [.head(status, [("Content-Type", "application/json"), ("Content-Length", "\(body.utf8.count)")])]
      + [.bytes(Array(body.utf8)), .end]
  }
}
