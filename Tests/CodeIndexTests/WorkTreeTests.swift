import Base
import ControlPlane
import Glibc
import Synchronization
import TestKit
import Testing

@testable import CodeIndex

/// Edits that nobody has committed, over real repositories.
@Suite struct WorkTreeTests {
  private let id = ProjectID(folderName: "sample")

  private func engine(_ folder: String, workTree: Bool = true) throws -> IndexEngine {
    var options = IndexEngine.Options(folder: folder, workers: 2)
    options.readsWorkTree = workTree
    return try IndexEngine(options)
  }

  private func repository() async throws -> TemporaryGitRepository {
    let repository = try await TemporaryGitRepository()
    try repository.write("src/gate.py", "def open_gate(key):\n  return key\n")
    try repository.write("src/walk.py", "def walk_along(path):\n  return path\n")
    try repository.write("run.py", "def run_everything():\n  return 1\n")
    try await repository.commit("first")
    return repository
  }

  /// What the generation consists of, in a form that can be compared; without files that are there to be left out.
  private func contents(_ engine: IndexEngine) -> [String: String] {
    var contents: [String: String] = [:]
    let files = engine.projects.withLock { $0[id]?.generation?.manifest.files ?? [] }
    for file in files where file.entry.skip != .deleted {
      contents[file.entry.path] = "\(file.entry.id) \(file.entry.skip?.text ?? "")"
    }
    return contents
  }

  private func first(_ engine: IndexEngine, _ text: String) throws -> SearchHit? {
    try engine.search(SearchQuery(text)).hits.first
  }

  @Test func editsBeyondTheMostAreLeftOutAndThatIsSaid() throws {
    let folder = try TemporaryFolder()
    let paths = (0..<5).map { "f\($0).py" }
    for path in paths { try folder.write(path, path) }
    let some = try WorkTreeOverlay(paths + ["notes.bin"], root: folder.path + "/", known: .none, max: 2) { _ in nil }
    #expect(some.files.keys.sorted() == ["f0.py", "f1.py"] && some.leftOut == 3)
    #expect(some.note == "2 edits count until the next commit; 3 more do not, since that is the most")
    let all = try WorkTreeOverlay(paths, root: folder.path + "/", known: .none) { _ in nil }
    #expect(all.files.count == 5 && all.note == nil)
  }

  @Test func anEditANewFileAndADeletedOneCountUntilTheyAreTakenBack() async throws {
    let repository = try await repository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    let engine = try engine(state.file("index"))
    try engine.add(id, path: repository.path)
    try await engine.reindex(id)
    let committed = contents(engine)
    #expect(try engine.pendingChanges(id).isNothing && engine.snapshot().first?.dirty == nil)
    try repository.write("src/gate.py", "def lift_portcullis(chain):\n  return chain\n")
    try repository.write("src/fresh.py", "def brew_coffee(beans):\n  return beans\n")
    #expect(unlink(repository.path + "/src/walk.py") == 0)
    let changes = try engine.pendingChanges(id)
    #expect(changes.paths == ["src/fresh.py", "src/gate.py", "src/walk.py"] && !changes.isNothing)
    let report = try await engine.reindex(id)
    #expect(report.embeddingsComputed == 2 && report.filesIndexed == 2 && report.filesSkippedCount == 0)
    #expect(engine.snapshot().first?.dirty == ProjectStatus.Dirty(changed: 2, deleted: 1))
    let lifted = try #require(try first(engine, "lift portcullis"))
    #expect(lifted.path == "src/gate.py" && lifted.snippet.contains("return chain"))
    #expect(try first(engine, "brew coffee")?.snippet.contains("return beans") == true)
    #expect(try engine.search(SearchQuery("walk along")).hits.contains { $0.path == "src/walk.py" } == false)
    try await repository.git("stash", "--quiet", "--include-untracked")
    let back = try await engine.reindex(id)
    #expect(back.embeddingsComputed == 0 && contents(engine) == committed)
    #expect(engine.snapshot().first?.dirty == nil)
    #expect(try first(engine, "walk along")?.path == "src/walk.py")
    #expect(try engine.pendingChanges(id).isNothing)
  }

  @Test func filesThatWentAreCounted() async throws {
    let repository = try await repository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    let engine = try engine(state.file("index"))
    try engine.add(id, path: repository.path)
    #expect(try await engine.reindex(id).filesDeleted == nil)
    #expect(unlink(repository.path + "/run.py") == 0)
    let edited = try await engine.reindex(id)
    #expect(edited.filesDeleted == 1 && edited.filesIndexed == 0)
    // Gone already when that is committed, with another one.
    try await repository.delete("src/walk.py")
    try await repository.commit("second")
    #expect(try await engine.reindex(id).filesDeleted == 1)
    try await repository.rename("src/gate.py", "src/door.py")
    try await repository.commit("third")
    let renamed = try await engine.reindex(id)
    #expect(renamed.filesDeleted == 1 && renamed.filesIndexed == 1 && renamed.embeddingsComputed == 0)
  }

  @Test func aCommittedEditIsKnownAlready() async throws {
    let repository = try await repository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    let engine = try engine(state.file("index"))
    try engine.add(id, path: repository.path)
    try await engine.reindex(id)
    try repository.write("src/gate.py", "def lift_portcullis(chain):\n  return chain\n")
    try await engine.reindex(id)
    try await repository.commit("second")
    let changes = try engine.pendingChanges(id)
    // Its content is the same; that it is no edit any more is for whoever asks what differs from the commit.
    #expect(changes.paths == ["src/gate.py"] && !changes.isNothing)
    let report = try await engine.reindex(id)
    #expect(report.embeddingsComputed == 0 && engine.snapshot().first?.dirty == nil)
    #expect(try first(engine, "lift portcullis")?.path == "src/gate.py")
  }

  @Test func anEditOutlivesTheProcessAndNotTheSetting() async throws {
    let repository = try await repository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    var committed: [String: String] = [:]
    do {
      let engine = try engine(state.file("index"))
      try engine.add(id, path: repository.path)
      try await engine.reindex(id)
      committed = contents(engine)
      try repository.write("src/gate.py", "def lift_portcullis(chain):\n  return chain\n")
      #expect(unlink(repository.path + "/run.py") == 0)
      try await engine.reindex(id)
    }
    do {
      let engine = try engine(state.file("index"))
      try engine.add(id, path: repository.path)
      #expect(engine.snapshot().first?.dirty == ProjectStatus.Dirty(changed: 1, deleted: 1))
      #expect(try engine.pendingChanges(id).isNothing)
      #expect(try first(engine, "lift portcullis")?.snippet.contains("chain") == true)
    }
    let engine = try engine(state.file("index"), workTree: false)
    try engine.add(id, path: repository.path)
    #expect(try engine.pendingChanges(id).paths == ["run.py", "src/gate.py"])
    try await engine.reindex(id)
    #expect(contents(engine) == committed && engine.snapshot().first?.dirty == nil)
  }

  @Test func ignoredFilesOtherRepositoriesAndWhatIsNoSourceAreNoEdits() async throws {
    let repository = try await repository()
    defer { repository.close() }
    try repository.write(".gitignore", "build/\n*.gen.py\n")
    try repository.write(".signalboxignore", "private/\n")
    try await repository.commit("rules")
    let state = try TemporaryFolder()
    let engine = try engine(state.file("index"))
    try engine.add(id, path: repository.path)
    try await engine.reindex(id)
    let before = contents(engine)
    for name in ["build/a.py", "src/b.gen.py", "node_modules/c.js", "notes.bin"] {
      try repository.write(name, "def never_seen(): pass\n")
    }
    #expect(symlink("/etc/passwd", repository.path + "/link.py") == 0)
    try await repository.git("init", "--quiet", "inner")
    try repository.write("inner/d.py", "def never_seen(): pass\n")
    // As it was: git looks, and finds nothing.
    try repository.write("run.py", "def run_everything():\n  return 1\n")
    #expect(try engine.pendingChanges(id).isNothing)
    try repository.write("private/e.py", "def never_seen(): pass\n")
    try await engine.reindex(id)
    #expect(try engine.search(SearchQuery("never seen")).hits.filter { $0.snippet.contains("never_seen") }.isEmpty)
    #expect(contents(engine).filter { $0.key != "private/e.py" } == before)
    #expect(try engine.pendingChanges(id).isNothing)
  }

  /// Whatever was done in whatever order, the index is the one that would be made from nothing.
  @Test(arguments: [1, 2, 3]) func anyOrderOfEditsAndCommitsLeadsToTheIndexOfAFreshStart(seed: UInt64) async throws {
    let repository = try await repository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    let engine = try engine(state.file("index"))
    try engine.add(id, path: repository.path)
    var random = SeededRandom(seed: seed)
    let names = ["src/gate.py", "src/walk.py", "run.py", "src/a/x.py", "src/b.py"]
    for step in 0..<24 {
      let name = names[Int(random.next() % UInt64(names.count))]
      switch random.next() % 9 {
      case 0...3: try repository.write(name, "def step_\(random.next() % 4)():\n  return '\(name)'\n")
      case 4: _ = unlink("\(repository.path)/\(name)")
      case 5: try await repository.git("add", "--all")
      case 6: try await repository.commit("step \(step)")
      case 7: try await repository.git("stash", "--quiet", "--include-untracked")
      default: try await repository.git("reset", "--quiet", step % 2 == 0 ? "--hard" : "--soft", "HEAD")
      }
      try await engine.reindex(id)
      let fresh = try self.engine(state.file("fresh-\(step)"))
      try fresh.add(id, path: repository.path)
      try await fresh.reindex(id)
      #expect(contents(engine) == contents(fresh), "step \(step)")
      #expect(engine.snapshot().first?.dirty == fresh.snapshot().first?.dirty, "step \(step)")
      #expect(try engine.pendingChanges(id).isNothing, "step \(step)")
    }
  }

  @Test func aFolderInsideARepositoryAndARepositoryThatOnlyGitReadsHaveTheirEdits() async throws {
    let repository = try await repository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    let inside = try engine(state.file("inside"))
    try inside.add(id, path: repository.path + "/src")
    try await inside.reindex(id)
    try repository.write("run.py", "def outside_of_it(): pass\n")
    #expect(try inside.pendingChanges(id).isNothing)
    try repository.write("src/gate.py", "def lift_portcullis(chain):\n  return chain\n")
    #expect(try inside.pendingChanges(id).paths == ["gate.py"])
    try await inside.reindex(id)
    #expect(try first(inside, "lift portcullis")?.path == "gate.py")

    let folder = try TemporaryFolder()
    try await repository.git("init", "--quiet", "--object-format=sha256", folder.file("long"))
    let long = folder.file("long")
    try folder.write("long/a.py", "def open_gate(key):\n  return key\n")
    try folder.write("long/b.py", "def walk_along(path):\n  return path\n")
    try await repository.git("-C", long, "add", "--all")
    try await repository.git("-C", long, "commit", "--quiet", "-m", "first")
    let engine = try engine(state.file("long"))
    try engine.add(id, path: long)
    try await engine.reindex(id)
    let committed = contents(engine)
    // What came with the repository starts nothing.
    try folder.write("long/.git/info/attributes", "*.py filter=evil\n")
    for (name, value) in [
      ("filter.evil.clean", "touch \(folder.file("started")); cat"), ("filter.evil.required", "true"),
      ("core.fsmonitor", "touch \(folder.file("started"))"),
    ] {
      try await repository.git("-C", long, "config", name, value)
    }
    try folder.write("long/a.py", "def lift_portcullis(chain):\n  return chain\n")
    #expect(unlink(long + "/b.py") == 0)
    #expect(try engine.pendingChanges(id).paths == ["a.py", "b.py"])
    try await engine.reindex(id)
    #expect(try first(engine, "lift portcullis")?.snippet.contains("chain") == true)
    #expect(try engine.pendingChanges(id).isNothing)
    #expect(access(folder.file("started"), F_OK) != 0)
    try await repository.git("-C", long, "status")
    // They would have been.
    #expect(access(folder.file("started"), F_OK) == 0)
    for section in ["filter.evil", "core.fsmonitor"] {
      _ = try? await repository.git("-C", long, "config", "--unset-all", section)
      _ = try? await repository.git("-C", long, "config", "--remove-section", section)
    }
    try await repository.git("-C", long, "checkout", "--quiet", "--", ".")
    try await engine.reindex(id)
    #expect(contents(engine) == committed)
  }
}
