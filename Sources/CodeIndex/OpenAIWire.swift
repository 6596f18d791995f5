internal import Base
internal import FoundationEssentials

/// The messages of `POST /v1/embeddings` as OpenAI publishes them, and as many other servers speak it.
enum OpenAIWire {
  private struct Question: Encodable {
    var model: String
    var input: [String]
    var encoding_format = "base64"
    var dimensions: Int?
  }

  private struct Answer: Decodable {
    struct Item: Decodable {
      var index: Int?
      var embedding: Components
    }
    struct Usage: Decodable { var prompt_tokens: Int? }
    var data: [Item]
    var usage: Usage?
  }

  /// Base64 of little-endian 32-bit floats, as asked for; some servers send numbers all the same.
  private struct Components: Decodable {
    var values: [Float]

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      // What is no text must be an array; that error is the one worth having.
      guard let text = try? container.decode(String.self) else {
        values = try container.decode([Float].self)
        return
      }
      guard let data = Data(base64Encoded: text), data.count % 4 == 0 else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "no base64 of floats")
      }
      values = EmbeddingBytes.floats([UInt8](data))
    }
  }

  private struct Refusal: Decodable {
    struct Detail: Decodable {
      var code: String?
      var type: String?
    }
    var error: Detail
  }

  static func question(_ texts: [String], _ model: EmbeddingModel) throws(EmbeddingError) -> [UInt8] {
    let question = Question(model: model.name, input: texts, dimensions: model.dimensions)
    do {
      return [UInt8](try JSONEncoder().encode(question))
    } catch {
      throw .rejected("the texts have no JSON form")
    }
  }

  /// Vectors in the order of the texts, of length 1, and the tokens that were counted.
  static func answer(
    _ body: [UInt8], texts: Int, dimensions: Int?
  ) throws(EmbeddingError) -> (vectors: [[Float]], tokens: Int) {
    let answer: Answer
    do {
      answer = try JSONDecoder().decode(Answer.self, from: Data(body))
    } catch {
      let isPage = body.first { !isWhitespace($0) } == UInt8(ascii: "<")
      throw .rejected("the embeddings server answered with \(isPage ? "a web page" : "no embeddings")")
    }
    guard answer.data.count == texts else {
      throw .rejected("the embeddings server sent \(answer.data.count) vectors for \(texts) texts")
    }
    var vectors = [[Float]](repeating: [], count: texts)
    for (place, item) in answer.data.enumerated() {
      let index = item.index ?? place
      guard vectors.indices.contains(index), vectors[index].isEmpty else {
        throw .rejected("the embeddings server numbered its vectors wrongly")
      }
      let expected = dimensions ?? answer.data[0].embedding.values.count
      vectors[index] = try checked(item.embedding.values, dimensions: expected)
    }
    return (vectors, max(0, answer.usage?.prompt_tokens ?? 0))
  }

  private static func checked(_ values: [Float], dimensions: Int) throws(EmbeddingError) -> [Float] {
    guard values.count == dimensions else {
      throw .refused("the embeddings server sent \(values.count) dimensions instead of \(dimensions)")
    }
    guard (1...EmbeddingLimits.dimensionsMax).contains(values.count) else {
      throw .refused("the embeddings server sent vectors of \(values.count) dimensions")
    }
    guard let unit = EmbeddingBytes.unit(values) else {
      throw .rejected("the embeddings server sent a vector that is no direction (NaN, infinite or zero)")
    }
    return unit
  }

  /// What an error's status means. Of its text only the code is used, and only when it is one.
  static func refusal(_ response: HTTP.Response) -> EmbeddingError {
    let code = code(response.body).map { " (\($0))" } ?? ""
    switch response.status {
    case 401, 403: return .refused("the embeddings server does not accept the key: see OPENAI_API_KEY\(code)")
    case 404:
      return .refused(
        "the embeddings server has no such model or address: see OPENAI_EMBEDDING_MODEL, OPENAI_BASE_URL\(code)")
    case 402,
      429 where isSpent(response):
      return .refused("nothing is left to spend at the embeddings server\(code)")
    case 400, 413, 422: return .rejected("the embeddings server rejects the text, status \(response.status)\(code)")
    case 300..<400: return .refused("the embeddings server redirects: see OPENAI_BASE_URL")
    default: return .unavailable("the embeddings server answers with status \(response.status)\(code)")
    }
  }

  /// A 429 that no waiting helps.
  static func isSpent(_ response: HTTP.Response) -> Bool {
    response.status == 402 || response.status == 429 && code(response.body) == "insufficient_quota"
  }

  private static func code(_ body: [UInt8]) -> String? {
    // Most errors have no body that can be read, and need none.
    guard body.count < 65_536, let refusal = try? JSONDecoder().decode(Refusal.self, from: Data(body)) else {
      return nil
    }
    return [refusal.error.code, refusal.error.type].compactMap { $0 }.first { text in
      (1...64).contains(text.utf8.count) && text.utf8.allSatisfy { (97...122).contains($0) || $0 == 95 }
    }
  }

  private static func isWhitespace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
}
