import Base
import ControlPlane
import FoundationEssentials
import Glibc
import Synchronization
import TestKit
import Testing

@testable import CodeIndex

/// The engine on real repositories and folders, from the commit to the answer.
@Suite struct IndexEngineTests {
  private let id = ProjectID(folderName: "sample")

  private func engine(_ state: TemporaryFolder, _ path: String) throws -> IndexEngine {
    let engine = try IndexEngine(.init(folder: state.file("index"), workers: 2))
    try engine.add(id, path: path)
    return engine
  }

  private func seed(_ repository: TemporaryGitRepository) async throws {
    try repository.write(
      "src/http/parser.py", "class HeaderParser:\n  def parse_headers(self, buffer):\n    return split(buffer)\n")
    try repository.write("src/retry.swift", "func retryWithBackoff() {\n  sleep(exponential delay)\n}\n")
    try repository.write("tests/test_parser.py", "def test_parse_headers():\n  parse_headers(buffer)\n  assert ok\n")
    try repository.write("data.json", "{}")
    try repository.write("binary.py", "a\u{0}b")
    try await repository.commit("first")
  }

  @Test func aRepositoryIsIndexedAndSearched() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    try await seed(repository)
    let engine = try engine(state, repository.path)
    let report = try await engine.reindex(id)
    #expect(report.mode == .full && report.filesIndexed == 3 && report.chunks == 3)
    #expect(Set(report.filesSkipped.map(\.path)) == ["data.json", "binary.py"])
    #expect(report.filesSkipped.first { $0.path == "binary.py" }?.reason == "binary")
    #expect(report.commit == (try await repository.head()))
    let reply = try engine.search(SearchQuery("parse headers from a buffer"))
    let best = try #require(reply.hits.first)
    #expect(best.path == "src/http/parser.py" && best.startLine == 1 && best.endLine == 3)
    #expect(best.symbol == "HeaderParser" && best.language == "python")
    #expect(best.snippet.contains("def parse_headers(self, buffer):"))
    #expect(try engine.search(SearchQuery("retry with exponential backoff")).hits.first?.path == "src/retry.swift")
    #expect(engine.snapshot().first?.state == .ready)
    #expect(try await engine.reindex(id).mode == .unchanged)
  }

  @Test func filtersTakeOutWhatDoesNotFit() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    try await seed(repository)
    let engine = try engine(state, repository.path)
    try await engine.reindex(id)
    func paths(_ query: SearchQuery) throws -> Set<String> { Set(try engine.search(query).hits.map(\.path)) }
    #expect(try paths(SearchQuery("parse", language: "swift")) == ["src/retry.swift"])
    #expect(try paths(SearchQuery("parse", path: "tests/*")) == ["tests/test_parser.py"])
    #expect(try paths(SearchQuery("parse", path: "*.py")) == ["src/http/parser.py", "tests/test_parser.py"])
    #expect(try paths(SearchQuery("parse", path: "src/**")) == ["src/http/parser.py", "src/retry.swift"])
    #expect(try engine.search(SearchQuery("parse", limit: 1)).hits.count == 1)
    #expect(try engine.search(SearchQuery("日本")).note != nil)
    for query in [
      SearchQuery("a", limit: 0), SearchQuery("a", language: "klingon"), SearchQuery("a", path: "[x"),
      SearchQuery(String(repeating: "a", count: 9_000)),
      SearchQuery("a", projects: [ProjectID(folderName: "other")]),
    ] { #expect(throws: IndexError.self) { try engine.search(query) } }
  }

  /// What commits lead to is what a fresh index of the last commit is: same files, same chunks, same answers.
  @Test func manyCommitsEqualOneFreshIndex() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    var random = SeededRandom()
    try await seed(repository)
    let engine = try engine(state, repository.path)
    try await engine.reindex(id)
    for round in 0..<12 {
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let name =
          "file\(Int.random(in: 0..<6, using: &random)).\(["py", "swift", "c"].randomElement(using: &random) ?? "py")"
        let target = "moved\(Int.random(in: 0..<4, using: &random)).py"
        let exists = FileManager.default.fileExists(atPath: "\(repository.path)/\(name)")
        switch Int.random(in: 0..<4, using: &random) {
        case 0 where exists: unlink("\(repository.path)/\(name)")
        case 1 where exists && !FileManager.default.fileExists(atPath: "\(repository.path)/\(target)"):
          rename("\(repository.path)/\(name)", "\(repository.path)/\(target)")
        default:
          let lines = (0..<Int.random(in: 3...90, using: &random)).map { "int value\($0)_\(round) = compute(\($0));\n" }
          try repository.write(name, lines.joined())
        }
      }
      try await repository.commit("round \(round)")
      if Int.random(in: 0..<5, using: &random) == 0 { try repository.write(".signalboxignore", "*.c\n") }
      _ = try await engine.reindex(id)
    }
    let other = try TemporaryFolder()
    let fresh = try self.engine(other, repository.path)
    try await fresh.reindex(id)
    for query in ["compute value", "parse headers", "value3_2 int", "retry"] {
      let ours = try engine.search(SearchQuery(query, limit: 50)).hits
      #expect(ours == (try fresh.search(SearchQuery(query, limit: 50)).hits), "\(query) \(random)")
      #expect(!ours.isEmpty)
    }
    #expect(engine.snapshot().first?.files == fresh.snapshot().first?.files, "\(random)")
    #expect(engine.snapshot().first?.chunks == fresh.snapshot().first?.chunks, "\(random)")
  }

  @Test func renamesBranchesAndSecondProjectsComputeNothing() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    try await seed(repository)
    let engine = try engine(state, repository.path)
    try await engine.reindex(id)
    try await repository.rename("src/retry.swift", "src/again.swift")
    try await repository.commit("renamed")
    let renamed = try await engine.reindex(id)
    #expect(renamed.mode == .incremental && renamed.filesIndexed == 1)
    #expect(renamed.embeddingsComputed == 0 && renamed.embeddingsFromCache == 1)
    #expect(try engine.search(SearchQuery("retry backoff")).hits.first?.path == "src/again.swift")
    let second = ProjectID(folderName: "second")
    try engine.add(second, path: repository.path)
    let copied = try await engine.reindex(second)
    #expect(copied.embeddingsComputed == 0 && copied.embeddingsFromCache == 3)
    let both = try engine.search(SearchQuery("retry backoff", projects: [id, second]))
    #expect(Set(both.hits.prefix(2).map(\.project)) == [id, second])
    #expect(throws: IndexError.projectTaken(id: "second", path: repository.path)) {
      try engine.add(second, path: "/elsewhere")
    }
    try engine.remove(second)
    #expect(throws: IndexError.unknownProject("second")) { try engine.remove(second) }
    #expect(Set(try engine.search(SearchQuery("retry")).hits.map(\.project)) == [id])
  }

  @Test func aStoredIndexAnswersAfterARestart() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    try await seed(repository)
    let first = try engine(state, repository.path)
    try await first.reindex(id)
    let expected = try first.search(SearchQuery("parse headers")).hits
    let again = try engine(state, repository.path)
    #expect(again.snapshot().first?.state == .ready)
    #expect(try again.search(SearchQuery("parse headers")).hits == expected)
    let report = try await again.reindex(id)
    #expect(report.embeddingsComputed == 0 && report.filesIndexed == 0)
  }

  @Test func aDamagedSegmentIsDroppedAndMadeAgain() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    try await seed(repository)
    try await engine(state, repository.path).reindex(id)
    let folder = state.file("index/segments")
    let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
    let contents = try #require(FileManager.default.contents(atPath: "\(folder)/\(name)"))
    var bytes = [UInt8](contents)
    bytes[bytes.count / 2] ^= 0x10
    try state.write("index/segments/\(name)", bytes: bytes)
    let again = try engine(state, repository.path)
    #expect(again.damaged.count == 1)
    #expect(again.snapshot().first?.state == .stale)
    #expect(try again.search(SearchQuery("parse headers")).hits.isEmpty)
    let report = try await again.reindex(id)
    #expect(report.embeddingsComputed == 3)
    #expect(try again.search(SearchQuery("parse headers")).hits.first?.path == "src/http/parser.py")
  }

  @Test func aFolderWithoutGitIsFollowedByItsFiles() async throws {
    let folder = try TemporaryFolder()
    let state = try TemporaryFolder()
    try folder.write("a/parser.py", "def parse_headers(buffer):\n  return buffer\n")
    try folder.write("b.swift", "func unrelated() {\n  print(one, two)\n}\n")
    try folder.write(".gitignore", "ignored/\n")
    try folder.write("ignored/c.py", "def parse_headers(buffer): pass\n")
    try FileManager.default.createSymbolicLink(atPath: folder.file("link.py"), withDestinationPath: "a/parser.py")
    let engine = try engine(state, folder.path)
    let report = try await engine.reindex(id)
    #expect(report.filesIndexed == 2 && report.commit == nil)
    #expect(Set(report.filesSkipped.map(\.path)) == [".gitignore", "link.py"])
    #expect(report.filesSkipped.first { $0.path == "link.py" }?.reason == "symbolic link")
    #expect(try engine.search(SearchQuery("parse headers")).hits.map(\.path).first == "a/parser.py")
    #expect(try await engine.reindex(id).mode == .unchanged)
    try folder.write("b.swift", "func parseHeadersToo() {\n  print(one, two, three)\n}\n")
    unlink(folder.file("a/parser.py"))
    let next = try await engine.reindex(id)
    #expect(next.mode == .incremental && next.filesIndexed == 1 && next.chunks == 1)
    #expect(try engine.search(SearchQuery("parse headers")).hits.map(\.path) == ["b.swift"])
  }

  @Test func aFailureLeavesTheOldIndexAnswering() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    try await seed(repository)
    let engine = try engine(state, repository.path)
    try await engine.reindex(id)
    let head = try #require(repository.folder.read(".git/refs/heads/main"))
    try repository.folder.write(".git/refs/heads/main", "broken\n")
    await #expect(throws: IndexError.self) { try await engine.reindex(id) }
    #expect(engine.snapshot().first?.state == .failed)
    #expect(try engine.search(SearchQuery("parse headers")).hits.first?.path == "src/http/parser.py")
    try repository.folder.write(".git/refs/heads/main", head)
    _ = try await engine.reindex(id)
    #expect(engine.snapshot().first?.state == .ready)
  }

  @Test func aMissingBlobIsReportedAndTriedAgain() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    try await seed(repository)
    let blob = try await repository.git("rev-parse", "HEAD:src/retry.swift")
    let file = ".git/objects/\(blob.prefix(2))/\(blob.dropFirst(2))"
    let object = try #require(FileManager.default.contents(atPath: "\(repository.path)/\(file)"))
    unlink("\(repository.path)/\(file)")
    let engine = try engine(state, repository.path)
    let report = try await engine.reindex(id)
    #expect(report.filesFailed.map(\.path) == ["src/retry.swift"] && report.chunks == 2)
    try repository.folder.write(file, bytes: [UInt8](object))
    let next = try await engine.reindex(id)
    #expect(next.chunks == 3 && next.filesFailed.isEmpty)
  }

  @Test func cancellingKeepsWhatWasDone() async throws {
    let folder = try TemporaryFolder()
    let state = try TemporaryFolder()
    for number in 0..<200 { try folder.write("f\(number).py", "def function_\(number)(a, b):\n  return a + b\n") }
    let engine = try engine(state, folder.path)
    let job = IndexJob(report: nil)
    job.cancel()
    let slot = ProjectSlot(path: folder.path)
    let run = IndexRun(id: id, slot: slot, job: job, store: engine.store, workers: 1, isFull: false)
    await #expect(throws: IndexError.cancelled) { try await run.perform() }
    #expect(engine.cancel(id) == false)
    #expect(try await engine.reindex(id).filesIndexed == 200)
    // Reading the same again needs nothing new, also when everything is asked for once more from the start.
    try engine.remove(id)
    try engine.add(id, path: folder.path)
    #expect(try await engine.reindex(id).embeddingsComputed == 0)
    #expect(try await engine.reindex(id, full: true).embeddingsComputed == 200)
  }

  @Test func manySmallSegmentsBecomeFew() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    try await seed(repository)
    let engine = try engine(state, repository.path)
    for round in 0..<20 {
      try repository.write("n\(round).py", "def number_\(round)(x):\n  return x * \(round)\n")
      try await repository.commit("round \(round)")
      try await engine.reindex(id)
    }
    #expect(engine.store.segments.count < 16)
    let hits = try engine.search(SearchQuery("number 7", limit: 50)).hits
    #expect(Set(hits.map(\.path)).count == 23)
    #expect(try self.engine(state, repository.path).search(SearchQuery("number 7", limit: 50)).hits == hits)
  }

  @Test func whatNobodyNeedsGoesAfterSevenDays() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    try await seed(repository)
    let engine = try engine(state, repository.path)
    try await engine.reindex(id)
    let day: Int64 = 24 * 3_600_000
    #expect(try engine.collect(nowMilliseconds: 0) == 0)
    try engine.remove(id)
    #expect(try engine.collect(nowMilliseconds: day) == 0)
    #expect(try engine.collect(nowMilliseconds: 7 * day) == 0)
    #expect(engine.store.segments.count == 1)
    #expect(try engine.collect(nowMilliseconds: 8 * day) == 1)
    #expect(engine.store.segments.isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: state.file("index/segments")).isEmpty)
  }

  @Test func aGenerationThatCameAfterAMergeTakesUpWhatWasMerged() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    let engine = try IndexEngine(.init(folder: state.file("index"), workers: 1))
    let id = ProjectID(folderName: "sample")
    try engine.add(id, path: repository.path)
    for number in 0..<10 {
      try repository.write("f\(number).py", "def step_\(number)():\n  return \(number)\n")
      try await repository.commit("\(number)")
      try await engine.reindex(id, merges: false)
    }
    let late = try #require(engine.projects.withLock { $0[id]?.generation })
    try engine.mergeSmallSegments { true }
    #expect(engine.store.segments.count == 10)
    try engine.mergeSmallSegments()
    #expect(engine.store.segments.count < 10)
    // As a run leaves it that began before the merge and ended after it.
    engine.projects.withLock { $0[id]?.generation = late }
    try engine.mergeSmallSegments()
    let present = Set(engine.store.segments.map { ObjectIdentifier($0) })
    let now = try #require(engine.projects.withLock { $0[id]?.generation })
    #expect(now.segments.isSubset(of: present) && !late.segments.isSubset(of: present))
    #expect(now.slotCount == late.slotCount && now.mark == late.mark)
    #expect(try engine.search(SearchQuery("step 3")).hits.contains { $0.path == "f3.py" })
  }
}
