import Base
import Outbound
import TestKit
import Testing

@testable import CodeIndex

/// The client of embeddings servers, against one that does whatever a bad one does.
@Suite struct OpenAIEmbedderTests {
  static let quick = RetryPolicy(
    base: .milliseconds(5), cap: .milliseconds(20), attemptsMax: 4, deadline: .seconds(60))

  static func options(
    _ fake: FakeOpenAI, key: String = FakeOpenAI.key, dimensions: Int? = nil, deadline: Duration = .seconds(20)
  ) -> OpenAIEmbedder.Options {
    .init(
      baseURL: fake.baseURL, key: Secret(key), model: "text-embedding-3-small", dimensions: dimensions,
      requestsPerMinute: 600_000, deadline: deadline, retry: quick)
  }

  private func asking(
    dimensions: Int = 96, deadline: Duration = .seconds(20), key: String = FakeOpenAI.key,
    _ body: (FakeOpenAI, OpenAIEmbedder) async throws -> Void
  ) async throws {
    let fake = try await FakeOpenAI.start(dimensions: dimensions)
    let transport = PooledTransport()
    let embedder = OpenAIEmbedder(Self.options(fake, key: key, deadline: deadline), transport: transport)
    do {
      try await body(fake, embedder)
    } catch {
      await transport.close()
      await fake.close()
      throw error
    }
    await transport.close()
    await fake.close()
  }

  private func problem(_ embedder: OpenAIEmbedder, _ texts: [String] = ["a b", "c d"]) async -> EmbeddingError? {
    do {
      _ = try await embedder.embed(texts)
      return nil
    } catch {
      return error
    }
  }

  @Test func vectorsComeInTheOrderOfTheirTexts() async throws {
    try await asking { fake, embedder in
      let texts = ["alpha", "beta gamma", "héllo \"quoted\"\n\u{0}"]
      for fault in [nil, FakeOpenAI.Fault.plainNumbers] {
        fake.always(fault)
        let vectors = try await embedder.embed(texts)
        for (text, vector) in zip(texts, vectors) {
          let expected = try #require(EmbeddingBytes.unit(FakeOpenAI.vector(text, 96)))
          let ours = try #require(vector)
          #expect(zip(ours, expected).allSatisfy { abs($0 - $1) < 1e-5 })
        }
      }
      #expect(embedder.tokensUsed == 14 && fake.models == ["text-embedding-3-small"])
      #expect(embedder.model.identity == "text-embedding-3-small@\(fake.baseURL.dropFirst(7).dropLast(3))")
    }
  }

  @Test func manyTextsGoInBatchesAndSomeTogether() async throws {
    try await asking { fake, embedder in
      let texts = (0..<1_000).map { "text number \($0)" }
      let results = await embedder.embedEach(texts)
      #expect(results.count == 1_000)
      for (text, result) in zip(texts, results) {
        let vector = try #require(try result.get())
        let expected = try #require(EmbeddingBytes.unit(FakeOpenAI.vector(text, 96)))
        #expect(abs(zip(vector, expected).reduce(0) { $0 + $1.0 * $1.1 } - 1) < 1e-4)
      }
      #expect(fake.batches.count == 16 && fake.batches.allSatisfy { $0 <= 64 })
      // A batch has at most so many bytes that no server has too many tokens of it.
      let long = (0..<80).map { "\($0)" + String(repeating: "x", count: EmbeddingLimits.textBytesMax - 3) }
      _ = await embedder.embedEach(long)
      #expect(fake.batches.dropFirst(16).allSatisfy { $0 <= 35 })
    }
  }

  @Test(arguments: [408, 429, 500, 502, 503, 529])
  func whatIsOfTheMomentIsAskedAgain(_ status: Int) async throws {
    try await asking { fake, embedder in
      fake.meet(.status(status), .hangUp, .halfABody)
      #expect(try await embedder.embed(["a"]).count == 1)
      #expect(fake.requests == 4)
      fake.always(.status(status))
      guard case .unavailable(let reason) = await problem(embedder) else { throw Failure(.internal, "not refused") }
      #expect(reason.contains("\(status)") && !reason.contains("secret"))
      #expect(fake.requests == 8)
    }
  }

  @Test func retryAfterHoldsAllRequestsBack() async throws {
    let fake = try await FakeOpenAI.start()
    let transport = PooledTransport()
    let clock = ManualClock()
    let embedder = OpenAIEmbedder(
      .init(
        baseURL: fake.baseURL, key: Secret(FakeOpenAI.key), requestsPerMinute: 600_000,
        retry: RetryPolicy(base: .milliseconds(1), attemptsMax: 3, deadline: .seconds(100))),
      transport: transport, clock: clock, wallClock: clock)
    fake.meet(.status(429, retryAfter: "30"))
    let first = Task { try await embedder.embed(["a"]) }
    #expect(await eventually { clock.sleeperCount == 1 })
    let second = Task { try await embedder.embed(["b"]) }
    #expect(await eventually { clock.sleeperCount == 2 })
    #expect(fake.requests == 1)
    clock.advance(by: .seconds(29))
    #expect(clock.sleeperCount == 2)
    clock.advance(by: .seconds(20))
    _ = try await (first.value, second.value)
    #expect(fake.requests == 3)
    await transport.close()
    await fake.close()
  }

  @Test func aRefusalIsFinalAndShowsNoSecret() async throws {
    try await asking(key: "sk-wrong-key") { fake, embedder in
      let error = await problem(embedder)
      guard case .refused(let reason) = error else { throw Failure(.internal, "\(String(describing: error))") }
      #expect(reason.contains("OPENAI_API_KEY") && reason.contains("invalid_api_key"))
      #expect(!reason.contains("sk-") && fake.requests == 1)
    }
    try await asking { fake, embedder in
      fake.always(.status(429, code: "insufficient_quota"))
      guard case .refused = await problem(embedder) else { throw Failure(.internal, "not refused") }
      fake.always(.status(404))
      guard case .refused(let reason) = await problem(embedder) else { throw Failure(.internal, "not refused") }
      #expect(reason.contains("OPENAI_EMBEDDING_MODEL") && fake.requests == 2)
    }
  }

  @Test func everyBadAnswerIsAClearFailure() async throws {
    for (fault, words) in [
      (FakeOpenAI.Fault.notANumber, "no direction"), (.tooFew, "1 vectors for 2 texts"),
      (.wrongIndex, "numbered"), (.html, "web page"), (.status(400), "status 400"), (.status(301), "redirects"),
    ] {
      try await asking { fake, embedder in
        fake.always(fault)
        let error = await problem(embedder)
        #expect(error?.reason.contains(words) == true, "\(fault): \(String(describing: error))")
        #expect(fake.requests == 1)
        fake.always(nil)
        #expect(await problem(embedder) == nil)
      }
    }
  }

  @Test func anotherNumberOfDimensionsIsRefused() async throws {
    try await asking { fake, embedder in
      #expect(await problem(embedder) == nil)
      fake.always(.wrongDimensions)
      #expect(await problem(embedder) == .refused("the embeddings server sent 95 dimensions instead of 96"))
    }
    let fake = try await FakeOpenAI.start()
    let transport = PooledTransport()
    let asked = OpenAIEmbedder(Self.options(fake, dimensions: 64), transport: transport)
    guard case .refused = await problem(asked) else { throw Failure(.internal, "not refused") }
    await transport.close()
    await fake.close()
  }

  @Test func aServerThatNeverAnswersIsGivenUp() async throws {
    try await asking(deadline: .milliseconds(150)) { fake, embedder in
      fake.always(.never)
      guard case .unavailable = await problem(embedder) else { throw Failure(.internal, "not given up") }
      #expect(embedder.requestsSent == 4)
    }
  }

  @Test func aRejectedTextFailsAloneAndTheRestStays() async throws {
    try await asking { fake, embedder in
      fake.reject(containing: "poison")
      let texts = (0..<64).map { $0 == 37 ? "poison" : "text \($0)" }
      let results = await embedder.embedEach(texts)
      for (index, result) in results.enumerated() {
        if case .failure(let error) = result {
          #expect(
            index == 37
              && error
                == .rejected(
                  "the embeddings server rejects the text, status 400 (invalid_request_error)")
          )
        } else {
          #expect(index != 37)
        }
      }
    }
  }

  @Test func afterARefusalNothingMoreIsAsked() async throws {
    try await asking(key: "sk-wrong") { fake, embedder in
      let results = await embedder.embedEach((0..<5_000).map { "\($0)" })
      #expect(results.allSatisfy { if case .failure(.refused) = $0 { true } else { false } })
      #expect(fake.requests <= 20)
    }
  }

  @Test func theRequestsKeepTheirPace() {
    var pace = RequestPace(perMinute: 3_000, burst: 10)
    let waits = (0..<60).map { _ in pace.next(now: .zero) }
    #expect(waits.prefix(10).allSatisfy { $0 == .zero })
    #expect(waits[10] == .milliseconds(20) && waits[59] == .seconds(1))
    #expect(pace.next(now: .seconds(60)) == .zero)
    pace.pause(until: .seconds(100))
    #expect(pace.next(now: .seconds(70)) == .seconds(30))
  }

  @Test func theBuiltInModelIsAnEmbedderToo() async throws {
    let embedder: any Embedder = try BuiltInEmbedder()
    let vectors = try await embedder.embed(["parse headers", "日本"])
    #expect(vectors[0]?.count == 256 && vectors[1] == nil && !embedder.model.isRemote)
  }

  @Test func aCacheEntryOfAnotherTextOrADamagedOneIsNone() {
    let codec = EmbeddingCacheCodec(EmbeddingModel(name: "m", server: "s"))
    let key = codec.key("text")
    #expect(key != codec.key("other") && key != EmbeddingCacheCodec(EmbeddingModel(name: "n", server: "s")).key("text"))
    let value = codec.value([0.6, 0.8], key: key)
    #expect(codec.vector(value, key: key)?.count == 2)
    #expect(codec.vector(value, key: codec.key("other")) == nil)
    for index in value.indices {
      var damaged = value
      damaged[index] ^= 1
      #expect(codec.vector(damaged, key: key) == nil)
    }
    #expect(codec.vector([], key: key) == nil && codec.vector([1, 2, 3], key: key) == nil)
  }
}
