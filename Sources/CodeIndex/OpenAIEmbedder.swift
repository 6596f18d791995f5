public import Base
public import Outbound
internal import Synchronization

/// Any server that speaks OpenAI's `/v1/embeddings`.
///
/// Requests keep a pace for all callers together. What was turned away for the moment is asked again as `RetryPolicy`
/// says; when the server names a time, all requests wait for it, and not only the one that was told.
public final class OpenAIEmbedder: Embedder {
  public struct Options: Sendable {
    /// With its version: `https://api.openai.com/v1`.
    public var baseURL: String
    /// Nil for servers that want none.
    public var key: Secret?
    public var model: String
    /// Asked for in each request; nil for the model's own number.
    public var dimensions: Int?
    public var batchMax: Int
    public var callsMax: Int
    public var requestsPerMinute: Int
    /// Of one request.
    public var deadline: Duration
    public var retry: RetryPolicy

    public init(
      baseURL: String = "https://api.openai.com/v1", key: Secret?, model: String = "text-embedding-3-small",
      dimensions: Int? = nil, batchMax: Int = 64, callsMax: Int = 10, requestsPerMinute: Int = 3_000,
      deadline: Duration = .seconds(60), retry: RetryPolicy = .init()
    ) {
      self.baseURL = baseURL
      self.key = key
      self.model = model
      self.dimensions = dimensions
      self.batchMax = batchMax
      self.callsMax = callsMax
      self.requestsPerMinute = requestsPerMinute
      self.deadline = deadline
      self.retry = retry
    }
  }

  private struct State {
    var pace: RequestPace
    var budget = RetryBudget()
    var dimensions: Int?
    var tokens = 0
    var requests = 0
  }

  public let model: EmbeddingModel
  public var batchMax: Int { options.batchMax }
  public var callsMax: Int { options.callsMax }

  /// 64 vectors of 8,192 dimensions as decimal numbers, and room to spare.
  private static let answerMax = 16 << 20

  private let options: Options
  private let url: String
  private let transport: any HTTPExchange
  private let timer: PacedTimer
  private let wallClock: any WallClock
  private let state: Mutex<State>

  public init(
    _ options: Options, transport: any HTTPExchange, clock: any Clock<Duration> = ContinuousClock(),
    wallClock: any WallClock = SystemWallClock()
  ) {
    var base = options.baseURL
    while base.hasSuffix("/") { base.removeLast() }
    url = base + "/embeddings"
    self.options = options
    self.transport = transport
    self.wallClock = wallClock
    timer = PacedTimer(clock)
    model = EmbeddingModel(name: options.model, server: Self.server(base), dimensions: options.dimensions)
    let pace = RequestPace(perMinute: options.requestsPerMinute, burst: max(1, options.callsMax))
    state = Mutex(State(pace: pace, dimensions: options.dimensions))
  }

  /// Tokens that the server has counted so far.
  public var tokensUsed: Int { state.withLock { $0.tokens } }
  /// Requests that were sent, with repetitions.
  public var requestsSent: Int { state.withLock { $0.requests } }

  public func embed(_ texts: [String]) async throws(EmbeddingError) -> [[Float]?] {
    guard !texts.isEmpty else { return [] }
    let request = try request(texts)
    let started = timer.now
    var attempts = 0
    while true {
      attempts += 1
      let answer = try await ask(request)
      if case .success(let response) = answer, OpenAIWire.isSpent(response) { throw failure(answer) }
      let random = Double.random(in: 0..<1)
      let elapsed = timer.now - started
      let action = state.withLock { state in
        options.retry.action(
          after: outcome(answer), attempts: attempts, elapsed: elapsed, budget: &state.budget, random: random)
      }
      switch action {
      case .done: return try vectors(answer, texts.count)
      case .giveUp: throw failure(answer)
      case .wait(let wait):
        if case .status(_, retryAfter: .some) = outcome(answer) {
          let until = timer.now + wait
          state.withLock { $0.pace.pause(until: until) }
        } else {
          try await sleep(wait)
        }
      }
    }
  }

  private func ask(_ request: HTTP.Request) async throws(EmbeddingError) -> Result<HTTP.Response, HTTP.Problem> {
    let now = timer.now
    let wait = state.withLock { $0.pace.next(now: now) }
    if wait > .zero { try await sleep(wait) }
    state.withLock { $0.requests += 1 }
    let limits = HTTP.Limits(bodyMax: Self.answerMax, deadline: options.deadline)
    do {
      return .success(try await transport.exchange(request, limits: limits))
    } catch {
      guard error != .cancelled else { throw .cancelled }
      return .failure(error)
    }
  }

  private func sleep(_ duration: Duration) async throws(EmbeddingError) {
    do {
      try await timer.sleep(duration)
    } catch {
      throw .cancelled
    }
  }

  private func request(_ texts: [String]) throws(EmbeddingError) -> HTTP.Request {
    var headers: HTTP.Headers = ["Content-Type": "application/json", "Accept": "application/json"]
    if let key = options.key { headers["Authorization"] = "Bearer \(key.reveal())" }
    return HTTP.Request(.post, url, headers: headers, body: try OpenAIWire.question(texts, model))
  }

  private func outcome(_ answer: Result<HTTP.Response, HTTP.Problem>) -> RetryPolicy.Outcome {
    switch answer {
    case .success(let response):
      let after = response.headers["Retry-After"].flatMap {
        RetryAfter.parse($0, nowMilliseconds: wallClock.nowMilliseconds())
      }
      return .status(response.status, retryAfter: after)
    case .failure(let problem): return .problem(problem)
    }
  }

  private func vectors(
    _ answer: Result<HTTP.Response, HTTP.Problem>, _ count: Int
  ) throws(EmbeddingError) -> [[Float]?] {
    guard case .success(let response) = answer, response.isSuccess else { throw failure(answer) }
    let expected = state.withLock { $0.dimensions }
    let (vectors, tokens) = try OpenAIWire.answer(response.body, texts: count, dimensions: expected)
    let agreed = state.withLock { state in
      state.tokens += tokens
      // The first answer decides, also when several were under way.
      state.dimensions = state.dimensions ?? vectors.first?.count
      return state.dimensions == vectors.first?.count
    }
    guard agreed else { throw .refused("the embeddings server changed the number of its dimensions") }
    return vectors
  }

  private func failure(_ answer: Result<HTTP.Response, HTTP.Problem>) -> EmbeddingError {
    switch answer {
    case .success(let response): return OpenAIWire.refusal(response)
    case .failure(.invalidRequest): return .refused("OPENAI_BASE_URL or the key is not usable")
    case .failure(.tooLarge): return .rejected("the embeddings server's answer is too long")
    case .failure(let problem): return .unavailable("embeddings: \(problem.failure.message)")
    }
  }

  /// Host and port of a URL: never a user, a path or a query.
  private static func server(_ url: String) -> String {
    let rest = url.firstRange(of: "://").map { url[$0.upperBound...] } ?? url[...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let host = String(authority.split(separator: "@").last ?? "")
    return host.isEmpty ? "unknown" : host
  }
}

/// A clock whose instants are durations since it was made, so that a machine can work with any of them.
struct PacedTimer: Sendable {
  private let elapsed: @Sendable () -> Duration
  private let pause: @Sendable (Duration) async throws -> Void

  init(_ clock: some Clock<Duration>) {
    let start = clock.now
    elapsed = { start.duration(to: clock.now) }
    pause = { try await clock.sleep(for: $0) }
  }

  var now: Duration { elapsed() }
  func sleep(_ duration: Duration) async throws { try await pause(duration) }
}
