internal import Base

/// Which model makes vectors, and where it runs. Vectors of two models cannot be compared, so this is part of the
/// address of everything that is made from one.
public struct EmbeddingModel: Sendable, Equatable {
  public var name: String
  /// Host and port of the server that runs it; empty for the model inside this binary.
  public var server: String
  /// What a request asks for; nil for the model's own number.
  public var dimensions: Int?

  public init(name: String, server: String = "", dimensions: Int? = nil) {
    self.name = name
    self.server = server
    self.dimensions = dimensions
  }

  /// Whether text leaves this machine (or at least this process) to be embedded.
  public var isRemote: Bool { !server.isEmpty }

  /// One line that differs whenever vectors may differ.
  public var identity: String {
    guard isRemote else { return name }
    return "\(name)@\(server)" + (dimensions.map { "/\($0)" } ?? "")
  }
}

/// Why there are no vectors. Messages never hold text, keys, or what a server said in its own words: servers repeat
/// both in their errors.
public enum EmbeddingError: Error, Equatable, Sendable {
  /// Every further request would meet the same: no access, no such model, nothing left to spend, other dimensions.
  case refused(String)
  /// These texts have no vectors; others may.
  case rejected(String)
  /// The server cannot be reached, or turned every attempt away.
  case unavailable(String)
  case cancelled

  public var reason: String {
    switch self {
    case .refused(let reason), .rejected(let reason), .unavailable(let reason): reason
    case .cancelled: "cancelled"
    }
  }
}

/// Turns texts into vectors of length 1.
///
/// The indexing of files by the built-in model does not go through this: it embeds words that were split already, in a
/// loop that must not wait for anything (`RecordWriter`). This is for models that are asked in batches.
public protocol Embedder: Sendable {
  var model: EmbeddingModel { get }
  /// Texts of one call at most.
  var batchMax: Int { get }
  /// Calls that may be under way together.
  var callsMax: Int { get }
  /// One vector a text, in order; nil for a text the model has no word for. All or nothing.
  func embed(_ texts: [String]) async throws(EmbeddingError) -> [[Float]?]
}

extension BuiltInEmbedder: Embedder {
  public var model: EmbeddingModel { EmbeddingModel(name: Self.model) }
  public var batchMax: Int { 64 }
  public var callsMax: Int { 1 }

  public func embed(_ texts: [String]) async throws(EmbeddingError) -> [[Float]?] {
    var vectors: [[Float]?] = []
    for text in texts {
      do {
        vectors.append(try embed(text))
      } catch {
        throw .refused(error.failure.message)
      }
    }
    return vectors
  }
}

extension Embedder {
  /// Vectors of any number of texts: in batches, several at a time, each text with its own outcome. What succeeded
  /// stays. A batch that is rejected is cut in halves until the text that is to blame stands alone; after a refusal
  /// nothing more is asked.
  func embedEach(_ texts: [String]) async -> [Result<[Float]?, EmbeddingError>] {
    let batches = Self.batches(texts, countMax: batchMax)
    var results = [Result<[Float]?, EmbeddingError>](repeating: .failure(.cancelled), count: texts.count)
    var refusal: EmbeddingError?
    await withTaskGroup(of: (Range<Int>, [Result<[Float]?, EmbeddingError>]).self) { group in
      var next = 0
      func start() {
        guard next < batches.count, refusal == nil, !Task.isCancelled else { return }
        let range = batches[next]
        next += 1
        group.addTask { (range, await halving(Array(texts[range]))) }
      }
      for _ in 0..<max(1, callsMax) { start() }
      for await (range, part) in group {
        for (index, result) in zip(range, part) {
          results[index] = result
          if case .failure(.refused(let reason)) = result { refusal = .refused(reason) }
        }
        start()
      }
    }
    guard let refusal else { return results }
    return results.map { $0 == .failure(.cancelled) ? .failure(refusal) : $0 }
  }

  private func halving(_ texts: [String]) async -> [Result<[Float]?, EmbeddingError>] {
    do {
      return try await embed(texts).map { .success($0) }
    } catch {
      guard case .rejected = error, texts.count > 1 else {
        return Array(repeating: .failure(error), count: texts.count)
      }
      let middle = texts.count / 2
      return await halving(Array(texts[..<middle])) + halving(Array(texts[middle...]))
    }
  }

  /// Of at most so many texts, and of so many bytes that no request has more tokens than servers take: a token has at
  /// least one byte.
  private static func batches(_ texts: [String], countMax: Int) -> [Range<Int>] {
    var batches: [Range<Int>] = []
    var start = 0
    var bytes = 0
    for (index, text) in texts.enumerated() {
      if index > start, index - start == countMax || bytes + text.utf8.count > EmbeddingLimits.batchBytesMax {
        batches.append(start..<index)
        (start, bytes) = (index, 0)
      }
      bytes += text.utf8.count
    }
    if start < texts.count { batches.append(start..<texts.count) }
    return batches
  }
}

enum EmbeddingLimits {
  /// Bytes of one text: servers take 8,192 tokens, and a token has at least one byte.
  static let textBytesMax = 8_000
  /// Bytes of one batch: servers take 300,000 tokens a request.
  static let batchBytesMax = 280_000
  static let dimensionsMax = 8_192
}

/// What a run on a remote model will take, before anything was sent.
public struct EmbeddingEstimate: Sendable, Equatable, Codable {
  public var model: String
  public var chunks: Int
  /// Of these, not known yet and to be sent.
  public var chunksToSend: Int
  public var bytesToSend: Int
  /// About: three bytes of source a token.
  public var tokens: Int
  /// In US dollars at the provider's list price; nil when the price of the model is not known.
  public var dollars: Double?

  private static let bytesPerToken = 3
  /// US dollars for a million tokens.
  private static let prices = [
    "text-embedding-3-small": 0.02, "text-embedding-3-large": 0.13, "text-embedding-ada-002": 0.10,
  ]

  init(model: EmbeddingModel, chunks: Int, chunksToSend: Int, bytesToSend: Int) {
    self.model = model.name
    self.chunks = chunks
    self.chunksToSend = chunksToSend
    self.bytesToSend = bytesToSend
    tokens = (bytesToSend + Self.bytesPerToken - 1) / Self.bytesPerToken
    let isPriced = model.server.hasSuffix("openai.com") || model.server.hasSuffix("openai.com:443")
    dollars = isPriced ? Self.prices[model.name].map { $0 * Double(tokens) / 1e6 } : nil
  }
}
