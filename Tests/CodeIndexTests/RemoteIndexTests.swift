import Base
import ControlPlane
import FoundationEssentials
import Outbound
import Synchronization
import TestKit
import Testing

@testable import CodeIndex

/// A project whose vectors come from a server, from the commit to the answer.
@Suite struct RemoteIndexTests {
  private let id = ProjectID(folderName: "sample")

  /// What several nodes share.
  final class SharedCache: VectorCache {
    private let entries = Mutex<[String: [UInt8]]>([:])
    func values(for keys: [String]) async -> [String: [UInt8]] {
      entries.withLock { entries in entries.filter { keys.contains($0.key) } }
    }
    func store(_ values: [String: [UInt8]]) async { entries.withLock { $0.merge(values) { $1 } } }
    var count: Int { entries.withLock { $0.count } }
  }

  private final class Stage: Sendable {
    let repository: TemporaryGitRepository
    let fake: FakeOpenAI
    let transport = PooledTransport()
    let cache = SharedCache()

    init() async throws {
      repository = try await TemporaryGitRepository()
      fake = try await FakeOpenAI.start()
      for number in 0..<12 {
        try repository.write("src/file\(number).py", "def function_\(number)(a, b):\n  return value_\(number) + b\n")
      }
      try repository.write("src/retry.py", "def again(request):\n  wait with exponential backoff\n  send it\n")
      try await repository.commit("first")
    }

    func engine(
      _ state: TemporaryFolder, consent: RemoteOptions.Consent = .given, model: String = "text-embedding-3-small",
      store: (any VectorStore)? = nil, isCached: Bool = false, deadline: Duration = .seconds(20)
    ) throws -> IndexEngine {
      var options = OpenAIEmbedderTests.options(fake, deadline: deadline)
      options.model = model
      let remote = RemoteOptions(
        embedder: OpenAIEmbedder(options, transport: transport), store: store, cache: isCached ? cache : nil,
        consent: consent)
      let engine = try IndexEngine(.init(folder: state.file("index"), workers: 2, remote: remote))
      try engine.add(ProjectID(folderName: "sample"), path: repository.path)
      return engine
    }

    func close() async {
      await transport.close()
      await fake.close()
      repository.close()
    }
  }

  private func staged(_ body: (Stage, TemporaryFolder) async throws -> Void) async throws {
    let stage = try await Stage()
    let state = try TemporaryFolder()
    do {
      try await body(stage, state)
    } catch {
      await stage.close()
      throw error
    }
    await stage.close()
  }

  @Test func aProjectIsEmbeddedByAServerAndSearched() async throws {
    try await staged { stage, state in
      let engine = try stage.engine(state)
      let report = try await engine.reindex(id)
      #expect(report.embeddingsComputed == 13 && report.filesFailed.isEmpty && report.mode == .full)
      #expect(stage.fake.texts.count == 13)
      let reply = try await engine.answer(SearchQuery("exponential backoff"))
      #expect(reply.hits.first?.path == "src/retry.py" && reply.note == nil)
      #expect(try await engine.reindex(id).mode == .unchanged)
      try stage.repository.write("src/file3.py", "def other(x):\n  return completely different words\n")
      try await stage.repository.commit("second")
      try await stage.repository.rename("src/file4.py", "src/moved.py")
      try await stage.repository.commit("third")
      let next = try await engine.reindex(id)
      #expect(next.embeddingsComputed == 1 && next.embeddingsFromCache == 1 && stage.fake.texts.count == 15)
      #expect(try await engine.answer(SearchQuery("completely different")).hits.first?.path == "src/file3.py")
      // After a restart nothing is asked for again but the query.
      let again = try stage.engine(state)
      #expect(again.snapshot().first?.state == .ready)
      _ = try await again.reindex(id)
      #expect(stage.fake.texts.count == 16)
    }
  }

  @Test func everyChunkHasItsOwnCosineAfterManyCommits() async throws {
    try await staged { stage, state in
      let engine = try stage.engine(state)
      try await engine.reindex(id)
      for round in 0..<4 {
        // Some leave a part, some come into a new one, the first time also a copy of a record that is there.
        try await stage.repository.delete("src/file\(round).py")
        try stage.repository.write("new\(round).py", "def gate_\(round)(key):\n  open the \(round % 3) gate\n")
        if round == 0 { try stage.repository.write("copy.py", "def function_9(a, b):\n  return value_9 + b\n") }
        try await stage.repository.commit("\(round)")
        #expect(try await engine.reindex(id).mode == .incremental)
      }
      let generation = try #require(engine.projects.withLock { $0[id]?.generation })
      #expect(generation.parts.count > 1 && generation.parts.contains { !$0.goneFiles.isEmpty })
      let remote = try #require(engine.remote)
      let query = try #require(EmbeddingBytes.unit(FakeOpenAI.vector("open the gate of a function", 96)))
      let cosines = try await remote.cosines(query, id, generation)
      var looked = 0
      for (live, cosines) in zip(generation.parts, cosines.parts) {
        for (number, file) in live.part.files.enumerated() where !live.isGone(number) {
          let text = try String(contentsOfFile: "\(stage.repository.path)/\(file.entry.path)", encoding: .utf8)
          let vector = try #require(EmbeddingBytes.unit(FakeOpenAI.vector(text, 96)))
          let expected = zip(vector, query).reduce(Float(0)) { $0 + $1.0 * $1.1 }
          #expect(abs(cosines[live.part.firstSlots[number]] - expected) < 0.02, "\(file.entry.path)")
          looked += 1
        }
      }
      #expect(looked == 14)
      let found = Set(try await engine.answer(SearchQuery("function gate value", limit: 100)).hits.map(\.path))
      #expect(found == Set(generation.files.map(\.entry.path)) && !found.contains("src/file3.py"))
    }
  }

  @Test func noSourceLeavesWithoutAYes() async throws {
    try await staged { stage, state in
      let engine = try stage.engine(state, consent: .askedElseRefuse)
      #expect(!engine.isUploadAllowed(id))
      let error = await #expect(throws: IndexError.self) { try await engine.reindex(id) }
      #expect(error?.failure.code == .denied && error?.failure.line.contains("SIGNALBOX_EMBEDDER") == true)
      #expect(stage.fake.requests == 0)
      try engine.allowUpload(id)
      #expect(engine.isUploadAllowed(id))
      #expect(try await engine.reindex(id).embeddingsComputed == 13)
      // The yes is remembered, for this folder only, and goes with the project.
      let again = try stage.engine(state, consent: .askedElseRefuse)
      #expect(again.isUploadAllowed(id))
      try again.remove(id)
      try again.add(id, path: stage.repository.path)
      #expect(!again.isUploadAllowed(id))
    }
  }

  @Test func withoutAYesTheBuiltInModelServes() async throws {
    try await staged { stage, state in
      let engine = try stage.engine(state, consent: .askedElseBuiltIn)
      let report = try await engine.reindex(id)
      #expect(report.notes?.first?.contains("SIGNALBOX_EMBEDDER") == true && report.chunks == 13)
      #expect(try await engine.answer(SearchQuery("exponential backoff")).hits.first?.path == "src/retry.py")
      #expect(stage.fake.requests == 0)
      try engine.allowUpload(id)
      let allowed = try await engine.reindex(id)
      #expect(allowed.embeddingsComputed == 13 && allowed.mode == .full)
      #expect(allowed.notes?.first?.contains("built-in model") == true)
    }
  }

  @Test func anotherModelIsBuiltAnewAndSaysSo() async throws {
    try await staged { stage, state in
      try await stage.engine(state).reindex(id)
      let engine = try stage.engine(state, model: "text-embedding-3-large")
      let status = try #require(engine.snapshot().first)
      #expect(status.state == .stale && status.error?.contains("text-embedding-3-small") == true)
      // Until then the built-in vectors answer, and never those of another model.
      let requests = stage.fake.requests
      #expect(try await engine.answer(SearchQuery("exponential backoff")).hits.first?.path == "src/retry.py")
      #expect(stage.fake.requests == requests)
      let report = try await engine.reindex(id)
      #expect(report.mode == .full && report.embeddingsComputed == 13)
      #expect(report.notes?.first?.contains("text-embedding-3-large") == true)
      #expect(engine.snapshot().first?.state == .ready)
      // Back to the built-in one: nothing to compute, and it is said.
      let plain = try IndexEngine(.init(folder: state.file("index"), workers: 2))
      try plain.add(id, path: stage.repository.path)
      let back = try await plain.reindex(id)
      #expect(back.notes?.first?.contains("built-in") == true)
      #expect(try await plain.reindex(id).notes == nil)
    }
  }

  @Test func theEstimateIsOfWhatWouldBeSent() async throws {
    try await staged { stage, state in
      let engine = try stage.engine(state)
      let estimate = try #require(try await engine.embeddingEstimate(id))
      #expect(stage.fake.requests == 0 && estimate.chunks == 13 && estimate.chunksToSend == 13)
      try await engine.reindex(id)
      let sent = stage.fake.texts.reduce(0) { $0 + $1.utf8.count }
      #expect(abs(estimate.bytesToSend - sent) <= sent / 10 && estimate.tokens == (estimate.bytesToSend + 2) / 3)
      #expect(try await engine.embeddingEstimate(id)?.chunksToSend == 0)
      let model = EmbeddingModel(name: "text-embedding-3-small", server: "api.openai.com")
      let large = EmbeddingEstimate(model: model, chunks: 10, chunksToSend: 10, bytesToSend: 300_000_000)
      #expect(large.tokens == 100_000_000 && large.dollars.map { abs($0 - 2) < 1e-9 } == true)
      #expect(estimate.dollars == nil)
    }
  }

  @Test func oneRejectedFileIsReportedAndTheRestStays() async throws {
    try await staged { stage, state in
      stage.fake.reject(containing: "value_7 ")
      let engine = try stage.engine(state)
      let report = try await engine.reindex(id)
      #expect(report.filesFailed.map(\.path) == ["src/file7.py"] && report.embeddingsComputed == 12)
      #expect(report.filesFailed.first?.error.contains("status 400") == true)
      // Its words still find it, and the next run tries again.
      #expect(try await engine.answer(SearchQuery("value_7")).hits.contains { $0.path == "src/file7.py" })
      stage.fake.reject(containing: nil)
      let next = try await engine.reindex(id)
      #expect(next.filesFailed.isEmpty && next.embeddingsComputed == 1 && next.mode == .incremental)
    }
  }

  @Test(arguments: ["dimensions", "half", "never", "500", "401"])
  func aBadServerLeavesTheOldIndexAnswering(_ kind: String) async throws {
    try await staged { stage, state in
      try await stage.engine(state).reindex(id)
      let engine = try stage.engine(state, deadline: kind == "never" ? .milliseconds(200) : .seconds(20))
      try stage.repository.write("src/new.py", "def brand_new(a):\n  return unheard of words\n")
      try await stage.repository.commit("second")
      let faults: [String: FakeOpenAI.Fault] = [
        "dimensions": .wrongDimensions, "half": .halfABody, "never": .never, "500": .status(500), "401": .status(401),
      ]
      stage.fake.always(faults[kind])
      let error = await #expect(throws: IndexError.self) { try await engine.reindex(id) }
      guard case .embeddings = error else { throw Failure(.internal, "\(String(describing: error))") }
      #expect(engine.snapshot().first?.state == .failed)
      // The old generation answers, by the built-in vectors as long as the server is ill.
      let reply = try await engine.answer(SearchQuery("exponential backoff"))
      #expect(reply.hits.first?.path == "src/retry.py" && reply.note?.contains("built-in") == true)
      #expect(!reply.hits.contains { $0.path == "src/new.py" })
      stage.fake.always(nil)
      let well = try stage.engine(state)
      #expect(try await well.reindex(id).embeddingsComputed == 1)
      #expect(try await well.answer(SearchQuery("unheard of words")).hits.first?.path == "src/new.py")
    }
  }

  @Test(arguments: ["NaN", "HTML", "count"])
  func aBadAnswerForOneFileIsThatFilesFailure(_ kind: String) async throws {
    try await staged { stage, state in
      let engine = try stage.engine(state)
      try await engine.reindex(id)
      try stage.repository.write("src/new.py", "def brand_new(a):\n  return unheard of words\n")
      try await stage.repository.commit("second")
      stage.fake.always(kind == "NaN" ? .notANumber : kind == "HTML" ? .html : .tooFew)
      let report = try await engine.reindex(id)
      #expect(report.filesFailed.map(\.path) == ["src/new.py"] && report.embeddingsComputed == 0)
      stage.fake.always(nil)
      #expect(try await engine.answer(SearchQuery("unheard of words")).hits.contains { $0.path == "src/new.py" })
      #expect(try await engine.reindex(id).embeddingsComputed == 1)
      // Of a whole project it is the server's, and nothing of it is shown.
      let empty = try TemporaryFolder()
      let fresh = try stage.engine(empty)
      stage.fake.always(kind == "NaN" ? .notANumber : kind == "HTML" ? .html : .tooFew)
      await #expect(throws: IndexError.self) { try await fresh.reindex(id) }
      #expect(fresh.snapshot().first?.chunks == 0)
    }
  }

  @Test func whatOneNodeComputedAnotherReuses() async throws {
    try await staged { stage, state in
      try await stage.engine(state, isCached: true).reindex(id)
      #expect(stage.cache.count == 13)
      let other = try TemporaryFolder()
      let second = try stage.engine(other, isCached: true)
      let report = try await second.reindex(id)
      #expect(report.embeddingsComputed == 0 && report.embeddingsFromCache == 13 && stage.fake.texts.count == 13)
      #expect(second.snapshot().first?.embedCacheHitRate == 1)
      #expect(try await second.answer(SearchQuery("exponential backoff")).hits.first?.path == "src/retry.py")
    }
  }

  @Test func cancellingEndsAWaitForTheServer() async throws {
    try await staged { stage, state in
      let engine = try stage.engine(state, deadline: .seconds(600))
      stage.fake.always(.never)
      let run = Task { () -> IndexError? in
        do {
          _ = try await engine.reindex(id)
          return nil
        } catch let error as IndexError {
          return error
        }
      }
      #expect(await eventually { stage.fake.requests > 0 })
      #expect(engine.cancel(id))
      #expect(try await run.value == .cancelled)
      stage.fake.always(nil)
      #expect(try await engine.reindex(id).embeddingsComputed == 13)
    }
  }

  @Test func pineconeServesAProjectFromTheCommitToTheAnswer() async throws {
    try await staged { stage, state in
      let pinecone = try await FakePinecone.start()
      func store() throws -> PineconeStore {
        try PineconeStore(
          .init(host: pinecone.host, key: Secret(FakePinecone.key), retry: OpenAIEmbedderTests.quick),
          folder: state.file("index"), transport: stage.transport)
      }
      let engine = try stage.engine(state, store: try store())
      pinecone.loseNextUpserts(1)
      let report = try await engine.reindex(id)
      #expect(report.embeddingsComputed == 13 && report.notes?.first?.contains("lost 13") == true)
      #expect(pinecone.count("sample") == 13)
      #expect(try await engine.answer(SearchQuery("exponential backoff")).hits.first?.path == "src/retry.py")
      try stage.repository.write("src/file3.py", "def other(x):\n  return completely different words\n")
      try await stage.repository.commit("second")
      #expect(try await engine.reindex(id).embeddingsComputed == 1)
      #expect(pinecone.count("sample") == 13)
      // What the service loses is found missing by the next process, and computed again.
      pinecone.forget(4, of: "sample")
      let again = try stage.engine(state, store: try store())
      #expect(try await again.reindex(id).embeddingsComputed == 4)
      #expect(pinecone.count("sample") == 13)
      // Another model cleans up behind the last one.
      let large = try stage.engine(state, model: "text-embedding-3-large", store: try store())
      #expect(try await large.reindex(id).embeddingsComputed == 13)
      #expect(pinecone.count("sample") == 13)
      pinecone.meet(statuses: [503, 503, 503, 503])
      let reply = try await large.answer(SearchQuery("exponential backoff"))
      #expect(reply.hits.first?.path == "src/retry.py" && reply.note?.contains("built-in") == true)
      await pinecone.close()
    }
  }
}
