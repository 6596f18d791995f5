internal import Base
internal import ControlPlane

/// The JSON bodies of the index routes.
enum IndexDocuments {
  struct NewProject: Decodable {
    static let form = #"{"path","id"?}"#
    var path: String
    var id: ProjectID?

    init(from decoder: any Decoder) throws {
      let fields = try StrictFields(decoder, ["path", "id"])
      path = try fields.value(String.self, "path")
      if let text = try fields.optional(String.self, "id") { id = try ProjectID(checking: text) }
      guard path.hasPrefix("/"), !path.utf8.contains(0), path.utf8.count <= 4_095 else {
        throw Failure(.invalid, "the path must be absolute, with at most 4095 bytes")
      }
    }
  }

  struct Reindex: Decodable {
    static let form = #"nothing, or {"full"?}"#
    var isFull = false

    init() {}

    init(from decoder: any Decoder) throws {
      isFull = try StrictFields(decoder, ["full"]).optional(Bool.self, "full") ?? false
    }
  }

  struct Stopped: Encodable {
    var project: ProjectID
    var stopped: Bool
  }

  /// OpenAI's `/v1/embeddings`.
  struct EmbeddingRequest: Decodable {
    static let form = #"{"input":"text" or ["text",…],"model"?,"encoding_format"?:"float" or "base64"}"#
    var texts: [String]
    var isBase64: Bool

    init(from decoder: any Decoder) throws {
      let fields = try StrictFields(decoder, ["input", "model", "encoding_format", "dimensions", "user"])
      guard fields.has("input") else { throw Failure(.invalid, "the member input is missing") }
      if let text = try? fields.value(String.self, "input") {
        texts = [text]
      } else if let list = try? fields.value([String].self, "input") {
        texts = list
      } else {
        throw Failure(.invalid, "the member input must be a text or a list of texts")
      }
      _ = try fields.optional(String.self, "model")
      _ = try fields.optional(String.self, "user")
      let format = try fields.optional(String.self, "encoding_format") ?? "float"
      guard format == "float" || format == "base64" else {
        throw Failure(.invalid, "encoding_format must be float or base64")
      }
      isBase64 = format == "base64"
      if let dimensions = try fields.optional(Int.self, "dimensions"), dimensions != Self.dimensions {
        throw Failure(.invalid, "the built-in model has \(Self.dimensions) dimensions, and no other number")
      }
    }

    /// Of the built-in model.
    private static let dimensions = 256
  }

  struct EmbeddingAnswer: Encodable {
    struct Usage: Encodable {
      var prompt_tokens: Int
      var total_tokens: Int
    }

    struct Item: Encodable {
      private enum CodingKeys: String, CodingKey {
        case object, index, embedding
      }

      var index: Int
      var vector: [Float]
      var isBase64: Bool

      func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode("embedding", forKey: .object)
        try fields.encode(index, forKey: .index)
        if isBase64 {
          // Floats in the order of bytes of every machine that runs such models: little end first.
          let bytes = vector.flatMap { number in
            (0..<4).map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * UInt32($0))) }
          }
          try fields.encode(Blob(bytes).base64, forKey: .embedding)
        } else {
          try fields.encode(vector, forKey: .embedding)
        }
      }
    }

    var object = "list"
    var data: [Item]
    var model: String
    var usage: Usage

    init(_ reply: EmbeddingReply, isBase64: Bool) {
      data = reply.vectors.enumerated().map { Item(index: $0, vector: $1, isBase64: isBase64) }
      model = reply.model
      usage = Usage(prompt_tokens: reply.tokens, total_tokens: reply.tokens)
    }
  }
}

extension ProjectID {
  /// Throws `invalid` for what is no id.
  init(checking text: String) throws(Failure) {
    guard let id = ProjectID(rawValue: text) else {
      throw Failure(.invalid, "that is no project id", hint: Self.rule)
    }
    self = id
  }
}
