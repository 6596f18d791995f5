public import Base

/// What is looked for, and where.
public struct SearchQuery: Sendable, Codable, Equatable {
  /// Longer queries are refused.
  public static let bytesMax = 8_192
  public static let limitMax = 200

  public var text: String
  /// Number of results.
  public var limit: Int
  /// A language as results name it; nil for all.
  public var language: String?
  /// A glob over the whole path: `*` stays within a folder, `**` stands for any folders. Without a slash it fits the
  /// name of the file in any folder.
  public var path: String?
  /// Nil for all projects.
  public var projects: [ProjectID]?

  public init(
    _ text: String, limit: Int = 10, language: String? = nil, path: String? = nil, projects: [ProjectID]? = nil
  ) {
    self.text = text
    self.limit = limit
    self.language = language
    self.path = path
    self.projects = projects
  }
}

/// A place in the sources: the lines of one chunk. Paths, names and text are outside bytes.
public struct SearchHit: Sendable, Equatable, Codable {
  public var path: String
  /// Counted from 1.
  public var startLine: Int
  /// The last line, included.
  public var endLine: Int
  public var symbol: String
  public var language: String
  /// Cosine of the vectors + 0.4 of the keyword score − 0.05 for tests; comparable within one query only.
  public var score: Double
  /// The lines that fit best; empty when the content is not there any more.
  public var snippet: String
  public var project: ProjectID

  public init(
    path: String, startLine: Int, endLine: Int, symbol: String, language: String, score: Double, snippet: String,
    project: ProjectID
  ) {
    self.path = path
    self.startLine = startLine
    self.endLine = endLine
    self.symbol = symbol
    self.language = language
    self.score = score
    self.snippet = snippet
    self.project = project
  }
}

/// The answer to a query.
public struct SearchReply: Sendable, Codable, Equatable {
  public var hits: [SearchHit]
  /// Why there is nothing, or less than one might expect; nil when all is well.
  public var note: String?
  /// Why the built-in model answered in place of the one that should have; nil when it did not.
  public var standIn: String?

  /// With `note` saying so.
  public var told: SearchReply {
    guard let standIn else { return self }
    var reply = self
    reply.note = [note, "\(standIn); the built-in model answers"].compactMap(\.self).joined(separator: "; ")
    return reply
  }

  public init(hits: [SearchHit], note: String? = nil) {
    self.hits = hits
    self.note = note
  }
}

/// Embeddings of the built-in model.
public struct EmbeddingReply: Sendable, Codable, Equatable {
  public var model: String
  /// In the order of the texts, each of length 1.
  public var vectors: [[Float]]
  public var tokens: Int

  public init(model: String, vectors: [[Float]], tokens: Int) {
    self.model = model
    self.vectors = vectors
    self.tokens = tokens
  }
}
