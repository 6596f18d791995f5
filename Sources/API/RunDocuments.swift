internal import Base
internal import ControlPlane

/// The JSON of `/v1/sandbox/…`.
enum RunDocuments {
  /// The body of `POST /v1/sandbox/runs`.
  struct Wish: Decodable, Sendable {
    static let form = """
      {"language","code","files"?:[{"path","contentBase64"}],"stdin"?,"args"?,"timeoutMilliseconds"?,"memoryBytes"?,\
      "profile"?,"cache"?,"project"?}
      """
    private static let names = [
      "language", "code", "files", "stdin", "args", "timeoutMilliseconds", "memoryBytes", "profile", "cache", "project",
    ]

    var request: RunRequest

    init(from decoder: any Decoder) throws {
      let fields = try StrictFields(decoder, Self.names)
      request = RunRequest(
        language: try fields.value(String.self, "language"), code: try fields.value(String.self, "code"),
        files: try (fields.optional([File].self, "files") ?? []).map(\.file),
        input: Blob(Array(try (fields.optional(String.self, "stdin") ?? "").utf8)),
        arguments: try fields.optional([String].self, "args") ?? [],
        timeoutMilliseconds: try fields.optional(Int.self, "timeoutMilliseconds"),
        memoryBytes: try fields.optional(Int.self, "memoryBytes"),
        profile: try fields.optional(String.self, "profile") ?? "strict",
        isCached: try fields.optional(Bool.self, "cache") ?? true)
      if let project = try fields.optional(String.self, "project") {
        guard let id = ProjectID(rawValue: project) else {
          throw Failure(.invalid, "the project is no project id", hint: ProjectID.rule)
        }
        request.project = id
      }
    }
  }

  private struct File: Decodable {
    var file: RunRequest.File

    init(from decoder: any Decoder) throws {
      let fields = try StrictFields(decoder, ["path", "contentBase64"])
      guard let content = Blob(base64: try fields.value(String.self, "contentBase64")) else {
        throw Failure(.invalid, "contentBase64 is not base64", hint: "RFC 4648, section 4, with padding")
      }
      file = RunRequest.File(path: try fields.value(String.self, "path"), content: content)
    }
  }

  /// A piece of a stream.
  struct Text: Encodable {
    var text: String
  }

  /// The answer of `POST /v1/sandbox/images`.
  struct Images: Encodable {
    var images: [String]
  }

  struct Killed: Encodable {
    var id: String
    var killed: Bool
  }
}

/// Bytes to text, piece by piece: a character that two pieces share comes with the second.
struct TextPieces: Sendable {
  private var held: [UInt8] = []

  mutating func take(_ bytes: [UInt8]) -> String {
    let all = held + bytes
    let whole = all.count - Self.openTail(of: all)
    held = Array(all[whole...])
    return String(decoding: all[..<whole], as: UTF8.self)
  }

  mutating func finish() -> String {
    defer { held = [] }
    return String(decoding: held, as: UTF8.self)
  }

  /// Bytes at the end that begin a character and do not end it (RFC 3629).
  private static func openTail(of bytes: [UInt8]) -> Int {
    for (back, byte) in bytes.reversed().prefix(3).enumerated() where byte & 0xC0 != 0x80 {
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back + 1 ? back + 1 : 0
    }
    return 0
  }
}
