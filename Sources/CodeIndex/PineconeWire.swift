internal import Base
internal import FoundationEssentials

/// Pinecone's data plane: <https://docs.pinecone.io/reference/api>, version 2026-07.
struct PineconeWire: Sendable {
  static let version = "2026-07"
  /// Ids of one fetch, which travel in its URL; the service takes a thousand.
  static let fetchMax = 100
  static let deleteMax = 1_000
  /// The service takes 2 MB a request.
  private static let upsertBytesMax = 2_000_000
  private static let upsertMax = 100
  private static let bytesPerNumber = 16

  let base: String
  let key: Secret
  let namespace: String
  /// In front of every id, so that the vectors of two models in one namespace are told apart.
  let tag: String

  static func batchMax(dimensions: Int) -> Int {
    max(1, min(upsertMax, upsertBytesMax / (dimensions * bytesPerNumber + 256)))
  }

  // MARK: Requests

  private struct Upsert: Encodable {
    struct Vector: Encodable {
      var id: String
      var values: [Float]
      var metadata: [String: String]
    }
    var vectors: [Vector]
    var namespace: String
  }

  func upsert(_ vectors: [StoredVector], model: String) -> HTTP.Request {
    request(
      .post, "/vectors/upsert",
      Upsert(
        vectors: vectors.map { .init(id: name($0.id), values: $0.values, metadata: ["model": model]) },
        namespace: namespace))
  }

  private struct Query: Encodable {
    var vector: [Float]
    var topK: Int
    var namespace: String
    var includeMetadata = true
    var includeValues = false
  }

  func query(_ vector: [Float], limit: Int) -> HTTP.Request {
    request(.post, "/query", Query(vector: vector, topK: limit, namespace: namespace))
  }

  private struct Delete: Encodable {
    var ids: [String]?
    var deleteAll: Bool?
    var namespace: String
  }

  func delete(_ ids: [VectorID]) -> HTTP.Request {
    request(.post, "/vectors/delete", Delete(ids: ids.map(name), namespace: namespace))
  }

  func deleteAll() -> HTTP.Request { request(.post, "/vectors/delete", Delete(deleteAll: true, namespace: namespace)) }

  /// Ids and namespaces are letters, digits, `-`, `_` and `.`: nothing of them needs escaping.
  func fetch(_ ids: [VectorID]) -> HTTP.Request {
    let list = ids.map { "ids=\(name($0))" }.joined(separator: "&")
    return HTTP.Request(.get, "\(base)/vectors/fetch?\(list)&namespace=\(namespace)", headers: headers)
  }

  func statistics() -> HTTP.Request { request(.post, "/describe_index_stats", [String: String]()) }

  private var headers: HTTP.Headers {
    [
      "Api-Key": key.reveal(), "X-Pinecone-API-Version": Self.version, "Content-Type": "application/json",
      "Accept": "application/json",
    ]
  }

  private func request(_ method: HTTP.Request.Method, _ path: String, _ body: some Encodable) -> HTTP.Request {
    // Finite numbers and text always have a JSON form.
    let bytes = (try? JSONEncoder().encode(body)).map { [UInt8]($0) } ?? []
    return HTTP.Request(method, base + path, headers: headers, body: bytes)
  }

  // MARK: Names

  func name(_ id: VectorID) -> String { "\(tag)-\(id)" }

  func id(_ name: String) -> VectorID? {
    guard name.hasPrefix(tag + "-") else { return nil }
    return VectorID(name.dropFirst(tag.count + 1))
  }

  // MARK: Answers

  private struct Upserted: Decodable { var upsertedCount: Int? }

  private struct Matches: Decodable {
    struct Match: Decodable {
      var id: String
      var score: Float?
    }
    var matches: [Match]?
  }

  private struct Fetched: Decodable {
    struct Nothing: Decodable {}
    var vectors: [String: Nothing]?
  }

  private struct Statistics: Decodable {
    struct Namespace: Decodable { var vectorCount: Int? }
    var namespaces: [String: Namespace]?
    var dimension: Int?
  }

  func upserted(_ body: [UInt8]) throws(IndexError) -> Int { try decode(Upserted.self, body).upsertedCount ?? 0 }

  func matches(_ body: [UInt8]) throws(IndexError) -> [VectorMatch] {
    try decode(Matches.self, body).matches.map { matches in
      matches.compactMap { match in
        guard let id = id(match.id), let score = match.score, score.isFinite else { return nil }
        return VectorMatch(id: id, score: score)
      }
    } ?? []
  }

  func fetched(_ body: [UInt8]) throws(IndexError) -> Set<VectorID> {
    Set((try decode(Fetched.self, body).vectors ?? [:]).keys.compactMap(id))
  }

  func statistics(_ body: [UInt8]) throws(IndexError) -> (count: Int, dimension: Int?) {
    let statistics = try decode(Statistics.self, body)
    return (statistics.namespaces?[namespace]?.vectorCount ?? 0, statistics.dimension)
  }

  private func decode<Value: Decodable>(_: Value.Type, _ body: [UInt8]) throws(IndexError) -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: Data(body))
    } catch {
      throw .vectorStore("Pinecone's answer is not one this version understands: see PINECONE_INDEX_HOST")
    }
  }

  /// What a refusal means; nothing of its text is shown.
  static func refusal(_ response: HTTP.Response) -> IndexError {
    switch response.status {
    case 401, 403: .vectorStore("Pinecone does not accept the key: see PINECONE_API_KEY")
    case 404: .vectorStore("Pinecone has no such index: see PINECONE_INDEX_HOST")
    case 400: .vectorStore("Pinecone rejects the vectors: has the index as many dimensions as the model?")
    case 402, 429: .vectorStore("Pinecone's limit of requests or of storage is reached")
    default: .vectorStore("Pinecone answers with status \(response.status)")
    }
  }
}
