public import Base

/// SIGNALBOX_EMBEDDER, OPENAI_* and PINECONE_*: which model makes the index's vectors, and where they are kept.
public struct RemoteIndexSettings: Sendable {
  public enum Choice: String, Sendable, CaseIterable {
    /// The server's model for projects that were allowed, once there is a key; else the built-in one.
    case auto
    case builtin
    /// The server's, for every project: choosing it is the yes.
    case openai
  }

  public var choice: Choice
  public var key: Secret?
  /// With its version; nil: OpenAI's own.
  public var baseURL: String?
  public var model: String
  public var pineconeKey: Secret?
  public var pineconeHost: String?

  public init(
    choice: Choice = .auto, key: Secret? = nil, baseURL: String? = nil, model: String = "text-embedding-3-small",
    pineconeKey: Secret? = nil, pineconeHost: String? = nil
  ) {
    self.choice = choice
    self.key = key
    self.baseURL = baseURL
    self.model = model
    self.pineconeKey = pineconeKey
    self.pineconeHost = pineconeHost
  }

  /// Throws `invalid` for values that only make sense together.
  public func check() throws(Failure) {
    if choice == .openai, key == nil, baseURL == nil {
      throw Failure(
        .invalid, "SIGNALBOX_EMBEDDER is openai, and there is no server",
        hint: "set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that wants no key")
    }
    if (pineconeKey == nil) != (pineconeHost == nil) {
      throw Failure(
        .invalid, "PINECONE_API_KEY and PINECONE_INDEX_HOST belong together, and only one is set",
        hint: "set both, or neither for the embedded store")
    }
  }

  /// In `auto` a key is needed: a base URL alone may be meant for other programs.
  var usesServer: Bool {
    switch choice {
    case .builtin: false
    case .openai: true
    case .auto: key != nil
    }
  }
}
