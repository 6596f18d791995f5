import Base
import FakeServers
import FoundationEssentials
import Synchronization

/// A server of this process that speaks `POST /v1/embeddings`, and does whatever a bad one does.
final class FakeOpenAI: Sendable {
  enum Fault: Sendable {
    case status(Int, retryAfter: String? = nil, code: String = "server_error")
    case slow(milliseconds: Int)
    case wrongDimensions, notANumber, tooFew, wrongIndex, html, halfABody, hangUp, never
    /// Numbers instead of base64, as some servers send.
    case plainNumbers
  }

  private struct Question: Decodable {
    var model: String
    var input: [String]
    var encoding_format: String?
  }

  private struct State {
    var faults: [Fault] = []
    var every: Fault?
    /// Rejected with 400 wherever it occurs.
    var poison: String?
    var texts: [String] = []
    var batches: [Int] = []
    var models: Set<String> = []
    var inFlight = 0
    var inFlightPeak = 0
  }

  static let key = "sk-secret-key"
  private let state: Mutex<State>
  private let server: Mutex<ScriptedServer?> = Mutex(nil)

  private init() { state = Mutex(State()) }

  static func start(dimensions: Int = 96) async throws -> FakeOpenAI {
    let fake = FakeOpenAI()
    let server = try await ScriptedServer.start { fake.answer($0, dimensions) }
    fake.server.withLock { $0 = server }
    return fake
  }

  func close() async { await server.withLock { $0 }?.close() }

  var baseURL: String { "http://127.0.0.1:\(server.withLock { $0?.port } ?? 0)/v1" }
  var requests: Int { server.withLock { $0?.asked.count } ?? 0 }
  var texts: [String] { state.withLock { $0.texts } }
  var batches: [Int] { state.withLock { $0.batches } }
  var models: Set<String> { state.withLock { $0.models } }

  /// The next requests meet these, in order.
  func meet(_ faults: Fault...) { state.withLock { $0.faults = faults } }
  /// All requests meet this one; nil for none.
  func always(_ fault: Fault?) { state.withLock { $0.every = fault } }
  func reject(containing text: String?) { state.withLock { $0.poison = text } }

  /// A direction that depends on the words of a text, so that texts with common words are near each other.
  static func vector(_ text: String, _ dimensions: Int) -> [Float] {
    var vector = [Float](repeating: 0.01, count: dimensions)
    for word in text.lowercased().split(whereSeparator: { !$0.isLetter }) {
      vector[Int(Checksum64.hash(String(word)) % UInt64(dimensions))] += 1
    }
    return vector
  }

  private func answer(_ asked: ScriptedServer.Asked, _ dimensions: Int) -> [ScriptedServer.Step] {
    guard asked.method == "POST", asked.target == "/v1/embeddings" else { return reply(404, #"{"error":{}}"#) }
    guard asked.headers["authorization"] == "Bearer \(Self.key)" else {
      return reply(401, #"{"error":{"code":"invalid_api_key","message":"Incorrect API key provided: sk-sec*key"}}"#)
    }
    guard let question = try? JSONDecoder().decode(Question.self, from: Data(asked.body)) else { return reply(400, "") }
    let (fault, isPoisoned) = state.withLock { state -> (Fault?, Bool) in
      state.batches.append(question.input.count)
      state.models.insert(question.model)
      let poison = state.poison
      if let poison, question.input.contains(where: { $0.contains(poison) }) { return (nil, true) }
      let fault = state.faults.isEmpty ? state.every : state.faults.removeFirst()
      return (fault, false)
    }
    if isPoisoned { return reply(400, #"{"error":{"code":null,"type":"invalid_request_error"}}"#) }
    return answer(question, fault, dimensions)
  }

  private func answer(_ question: Question, _ fault: Fault?, _ dimensions: Int) -> [ScriptedServer.Step] {
    var vectors = question.input.map { Self.vector($0, dimensions) }
    var indices = Array(vectors.indices)
    var isBase64 = question.encoding_format == "base64"
    var wait = 0
    switch fault {
    case .status(let status, let after, let code):
      return reply(status, #"{"error":{"code":"\#(code)","message":"secret text"}}"#, retryAfter: after)
    case .slow(let milliseconds): wait = milliseconds
    case .wrongDimensions: vectors = vectors.map { Array($0.dropLast()) }
    case .notANumber: vectors[0][0] = .nan
    case .tooFew: vectors.removeLast()
    case .wrongIndex: indices = indices.map { _ in 0 }
    case .html: return reply(200, "<!DOCTYPE html><html><body>Sign in to this network</body></html>")
    case .halfABody: return [.head(200, [("Content-Length", "100000")]), .bytes(Array(#"{"data":["#.utf8)), .hangUp]
    case .hangUp: return [.hangUp]
    case .never: return []
    case .plainNumbers: isBase64 = false
    case nil: break
    }
    state.withLock { $0.texts += question.input }
    let items = zip(indices, vectors).map { index, vector -> String in
      let embedding =
        isBase64
        ? "\""
          + Data(vector.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian) { Array($0) } })
          .base64EncodedString() + "\"" : "[\(vector.map { "\($0)" }.joined(separator: ","))]"
      return #"{"object":"embedding","index":\#(index),"embedding":\#(embedding)}"#
    }
    let body = #"{"object":"list","data":[\#(items.reversed().joined(separator: ","))],"usage":{"prompt_tokens":7}}"#
    return (wait > 0 ? [.wait(milliseconds: wait)] : []) + reply(200, body)
  }

  private func reply(_ status: Int, _ body: String, retryAfter: String? = nil) -> [ScriptedServer.Step] {
    var fields = [("Content-Type", "application/json"), ("Content-Length", "\(body.utf8.count)")]
    if let retryAfter { fields.append(("Retry-After", retryAfter)) }
    return [.head(status, fields), .bytes(Array(body.utf8)), .end]
  }
}
