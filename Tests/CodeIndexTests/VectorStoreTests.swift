import Base
import FoundationEssentials
import Outbound
import TestKit
import Testing

@testable import CodeIndex

/// The stores of vectors that are not the built-in model's.
@Suite struct VectorStoreTests {
  private let space = VectorSpace(project: ProjectID(folderName: "sample"), model: "m@s")

  private func id(_ number: Int, row: Int = 0) -> VectorID {
    let digits = String(number, radix: 16)
    let object = ObjectID(hex: String(repeating: "0", count: 40 - digits.count) + digits)
    guard let object else { preconditionFailure("forty digits are an id") }
    return VectorID(record: RecordKey(id: object, isTyped: number % 2 == 0), row: row)
  }

  private func vectors(_ range: Range<Int>, _ dimensions: Int, _ random: inout SeededRandom) -> [StoredVector] {
    range.compactMap { number in
      let values = (0..<dimensions).map { _ in Float.random(in: -1...1, using: &random) }
      return EmbeddingBytes.unit(values).map { StoredVector(id: id(number), values: $0) }
    }
  }

  /// The literal answer.
  private func nearest(_ vector: [Float], _ stored: [StoredVector], _ limit: Int) -> [VectorID] {
    let scored = stored.map { ($0.id, zip($0.values, vector).reduce(Float(0)) { $0 + $1.0 * $1.1 }) }
    return scored.sorted { $0.1 > $1.1 }.prefix(limit).map(\.0)
  }

  @Test func anIdIsItsText() {
    for number in [0, 1, 77, 123_456] {
      for row in [0, 3, 999] { #expect(VectorID(id(number, row: row).description) == id(number, row: row)) }
    }
    for text in ["", "t0", "xyzt1", "\(id(1))x", "\(id(1).description.dropLast(2))t-1"] {
      #expect(VectorID(text) == nil)
    }
  }

  @Test(arguments: [1, 3, 96, 256, 384, 1_536]) func theEmbeddedStoreFindsTheNearest(_ dimensions: Int) throws {
    var random = SeededRandom()
    let folder = try TemporaryFolder()
    let index = try IndexFolder(path: folder.file("index"))
    let store = FlatStore(index)
    let first = vectors(0..<300, dimensions, &random)
    let second = vectors(300..<500, dimensions, &random)
    try store.upsert(first, into: space)
    try store.upsert(second, into: space)
    let ids = Set((0..<510).map { id($0) })
    #expect(try store.missing(ids, in: space) == Set((500..<510).map { id($0) }))
    for _ in 0..<5 {
      let query = try #require(
        EmbeddingBytes.unit((0..<dimensions).map { _ in Float.random(in: -1...1, using: &random) }))
      let matches = try store.query(query, in: space, limit: 20) { _ in true }
      #expect(matches.count == 20)
      let expected = Dictionary(
        (first + second).map { ($0.id, zip($0.values, query).reduce(Float(0)) { $0 + $1.0 * $1.1 }) }
      ) { first, _ in first }
      for match in matches { #expect(abs(match.score - (expected[match.id] ?? 9)) < 0.02, "\(random)") }
      // Of two that lie within a quantisation step of each other either may be the first.
      let best = expected.values.max() ?? 9
      #expect((expected[matches[0].id] ?? -9) > best - 0.02, "\(random)")
      let odd = try store.query(query, in: space, limit: 500) { $0.record.isTyped }
      #expect(odd.count == 250 && odd.allSatisfy { $0.id.record.isTyped })
    }
    // The same again from its files, and nothing of it under another model.
    let again = FlatStore(index)
    #expect(try again.missing(ids, in: space).count == 10)
    let other = VectorSpace(project: space.project, model: "other@s")
    #expect(try again.missing(ids, in: other).count == 510)
    #expect(throws: IndexError.self) { try again.upsert(vectors(0..<1, dimensions + 1, &random), into: space) }
  }

  @Test func manyWritesBecomeFewFilesAndTheNewestCounts() throws {
    var random = SeededRandom()
    let folder = try TemporaryFolder()
    let index = try IndexFolder(path: folder.file("index"))
    let store = FlatStore(index)
    var last: [StoredVector] = []
    for _ in 0..<20 {
      last = vectors(0..<30, 96, &random)
      try store.upsert(last, into: space)
      _ = try store.settle(space, keeping: [])
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("index/vectors/\(space.tag)"))
    #expect(names.count < 9)
    for found in [store, FlatStore(index)] {
      let matches = try found.query(last[7].values, in: space, limit: 100) { _ in true }
      #expect(matches.count == 30 && matches[0].id == id(7) && matches[0].score > 0.99)
    }
    try store.collect { $0 == self.id(3).record }
    #expect(try store.missing([id(3), id(4)], in: space) == [id(4)])
  }

  @Test func aDamagedFileIsMissingAndNothingElse() throws {
    try SeededRandom.run { random in
      let folder = try TemporaryFolder()
      let index = try IndexFolder(path: folder.file("index"))
      try FlatStore(index).upsert(vectors(0..<20, 96, &random), into: space)
      let path = "index/vectors/\(space.tag)"
      let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder.file(path)).first)
      let whole = [UInt8](try #require(FileManager.default.contents(atPath: folder.file("\(path)/\(name)"))))
      for _ in 0..<200 {
        var bytes = whole
        if Bool.random(using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
        } else {
          bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
        }
        try folder.write("\(path)/\(name)", bytes: bytes)
        #expect(try FlatStore(index).missing([id(1)], in: space) == [id(1)], "\(random)")
      }
    }
  }

  // MARK: Pinecone

  private func store(
    _ fake: FakePinecone, _ folder: TemporaryFolder, _ transport: PooledTransport, key: String = FakePinecone.key,
    settle: Duration = .seconds(20)
  ) throws -> PineconeStore {
    try PineconeStore(
      .init(
        host: fake.host, key: Secret(key), settleDeadline: settle,
        retry: RetryPolicy(base: .milliseconds(5), cap: .milliseconds(20), attemptsMax: 4, deadline: .seconds(60))),
      folder: folder.file("index"), transport: transport)
  }

  private func asking(_ body: (FakePinecone, TemporaryFolder, PooledTransport) async throws -> Void) async throws {
    let fake = try await FakePinecone.start()
    let transport = PooledTransport()
    let folder = try TemporaryFolder()
    do {
      try await body(fake, folder, transport)
    } catch {
      await transport.close()
      await fake.close()
      throw error
    }
    await transport.close()
    await fake.close()
  }

  @Test func pineconeHoldsFindsAndForgets() async throws {
    try await asking { fake, folder, transport in
      var random = SeededRandom()
      let store = try store(fake, folder, transport)
      let stored = vectors(0..<250, 96, &random)
      let ids = Set(stored.map(\.id))
      #expect(try await store.missing(ids, in: space) == ids)
      try await store.upsert(stored, into: space)
      #expect(fake.batches == [100, 100, 50] && fake.versions == ["2026-07"])
      let query = stored[17].values
      let matches = try await store.query(query, in: space, limit: 10) { _ in true }
      #expect(matches.map(\.id) == nearest(query, stored, 10), "\(random)")
      #expect(try await store.settle(space, keeping: ids) == VectorUpkeep())
      #expect(store.unconfirmed == 0 && fake.count("sample") == 250)
      let kept = Set((0..<50).map { id($0) })
      _ = try await store.settle(space, keeping: kept)
      #expect(fake.count("sample") == 50)
      // Another process knows it from its ledger, and one with another state folder from the service itself.
      let again = try self.store(fake, folder, transport)
      #expect(try await again.missing(ids, in: space).count == 200)
      let elsewhere = try self.store(fake, TemporaryFolder(), transport)
      #expect(try await elsewhere.missing(ids, in: space).count == 200)
      try await again.remove(space.project)
      #expect(fake.count("sample") == 0)
      #expect(try await self.store(fake, folder, transport).missing(ids, in: space).count == 250)
    }
  }

  @Test func whatWasJustWrittenIsFound() async throws {
    try await asking { fake, folder, transport in
      var random = SeededRandom()
      let store = try store(fake, folder, transport, settle: .zero)
      let stored = vectors(0..<60, 96, &random)
      fake.lag(true)
      try await store.upsert(stored, into: space)
      #expect(fake.count("sample") == 0)
      for vector in stored.prefix(5) {
        let matches = try await store.query(vector.values, in: space, limit: 3) { _ in true }
        #expect(matches.map(\.id) == nearest(vector.values, stored, 3), "\(random)")
      }
      let upkeep = try await store.settle(space, keeping: Set(stored.map(\.id)))
      #expect(upkeep.note?.contains("60 vectors") == true && store.unconfirmed == 60)
      fake.lag(false)
      #expect(try await store.settle(space, keeping: Set(stored.map(\.id))).note == nil)
      #expect(store.unconfirmed == 0)
      let matches = try await store.query(stored[0].values, in: space, limit: 100) { _ in true }
      #expect(matches.count == 60 && Set(matches.map(\.id)).count == 60)
    }
  }

  @Test func lostWritesAreMadeAgain() async throws {
    try await asking { fake, folder, transport in
      var random = SeededRandom()
      let store = try store(fake, folder, transport)
      let stored = vectors(0..<150, 96, &random)
      let ids = Set(stored.map(\.id))
      fake.loseNextUpserts(1)
      try await store.upsert(stored, into: space)
      #expect(fake.count("sample") == 50)
      let upkeep = try await store.settle(space, keeping: ids)
      #expect(upkeep.repaired == 100 && upkeep.note == nil && fake.count("sample") == 150)
      // What is lost later is noticed by its count when the node starts again.
      fake.forget(30, of: "sample")
      let again = try self.store(fake, folder, transport)
      #expect(try await again.missing(ids, in: space).count == 30)
    }
  }

  @Test func pineconesErrorsAreClearAndShowNoSecret() async throws {
    try await asking { fake, folder, transport in
      var random = SeededRandom()
      let stored = vectors(0..<3, 96, &random)
      let store = try store(fake, folder, transport)
      fake.meet(statuses: [503, 429, 500])
      try await store.upsert(stored, into: space)
      #expect(fake.count("sample") == 3)
      for (status, words) in [(403, "PINECONE_API_KEY"), (404, "PINECONE_INDEX_HOST"), (400, "dimensions")] {
        fake.meet(statuses: [status])
        let error = await #expect(throws: IndexError.self) { try await store.upsert(stored, into: space) }
        #expect(error?.failure.message.contains(words) == true && error?.failure.message.contains("secret") == false)
      }
      fake.meet(statuses: [500, 500, 500, 500])
      await #expect(throws: IndexError.vectorStore("Pinecone answers with status 500")) {
        try await store.query(stored[0].values, in: space, limit: 1) { _ in true }
      }
      let wrong = try self.store(fake, folder, transport, key: "pc-wrong")
      await #expect(throws: IndexError.self) { try await wrong.missing([id(1)], in: space) }
      await #expect(throws: IndexError.self) { try await store.upsert(vectors(0..<1, 64, &random), into: space) }
    }
  }
}
