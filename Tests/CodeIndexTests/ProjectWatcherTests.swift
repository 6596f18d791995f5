import Base
import ControlPlane
import Glibc
import Synchronization
import TestKit
import Testing

@testable import CodeIndex

/// The watcher on real repositories. Polling is as good as off, unless a test is about it: what is seen came as an
/// event.
@Suite struct ProjectWatcherTests {
  private let id = ProjectID(folderName: "sample")

  /// What a watcher told.
  private final class Seen: Sendable {
    private let sightings = Mutex<[ProjectWatcher.Sighting]>([])
    var count: Int { sightings.withLock { $0.count } }
    func projects() -> [ProjectID] { sightings.withLock { $0.map(\.project) } }
    func add(_ sighting: ProjectWatcher.Sighting) { sightings.withLock { $0.append(sighting) } }
    private let isPolled = Mutex<[ProjectID]>([])
    /// Whose edits are looked for now and then.
    var polled: [ProjectID] { isPolled.withLock { $0 } }
    func addPolled(_ id: ProjectID) { isPolled.withLock { $0.append(id) } }
    /// Sightings of edits.
    var edits: Int { sightings.withLock { $0.count { $0.isOfFiles } } }
  }

  private static var eventsOnly: ProjectWatcher.Options {
    var options = ProjectWatcher.Options()
    options.poll = .seconds(3_600)
    // Under load a look takes long, and the rest after it longer than a test waits.
    options.restFactor = 1
    return options
  }

  /// Runs `body` beside a watcher of these projects.
  private func watching(
    _ projects: [(ProjectID, String)], _ options: ProjectWatcher.Options = eventsOnly,
    _ body: (Seen, ProjectWatcher) async throws -> Void
  ) async throws {
    let seen = Seen()
    let watcher = try ProjectWatcher(options) {
      seen.add($0)
    } polls: { id, _ in
      seen.addPolled(id)
    }
    for (id, path) in projects { watcher.add(id, path: path) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await watcher.run() }
      defer { group.cancelAll() }
      // The watches are there when the first commits are told; a small wait would prove nothing.
      try await body(seen, watcher)
    }
  }

  /// Commits until the watcher is seen to watch.
  private func awaitWatch(_ repository: TemporaryGitRepository, _ seen: Seen) async throws {
    for number in 0..<200 where seen.count == 0 {
      try await repository.commit("is it there? \(number)")
      _ = await eventually(within: .milliseconds(200)) { seen.count > 0 }
    }
    try #require(seen.count > 0)
  }

  private func expectNews(_ seen: Seen, _ what: String, _ body: () async throws -> Void) async throws {
    let before = seen.count
    try await body()
    #expect(await eventually { seen.count > before }, "\(what) was not seen")
  }

  @Test func everyWayToMoveHeadIsSeen() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    try repository.write("a.py", "a")
    try await repository.commit("first")
    try await watching([(id, repository.path)]) { seen, _ in
      try await awaitWatch(repository, seen)
      try await expectNews(seen, "a commit") { _ = try await repository.commit("second") }
      try await expectNews(seen, "an amend") {
        try await repository.git("commit", "--quiet", "--allow-empty", "--amend", "-m", "better")
      }
      try await expectNews(seen, "a reset") { try await repository.git("reset", "--quiet", "--hard", "HEAD~1") }
      try await expectNews(seen, "a new branch") { try await repository.branch("topic/deep") }
      try await expectNews(seen, "a commit on it") { _ = try await repository.commit("third") }
      try await expectNews(seen, "a checkout") { try await repository.checkout("main") }
      try await expectNews(seen, "a merge") { try await repository.git("merge", "--quiet", "--ff-only", "topic/deep") }
      try await expectNews(seen, "a detached head") { try await repository.git("checkout", "--quiet", "--detach") }
      try await expectNews(seen, "a commit on it") { _ = try await repository.commit("fourth") }
      try await repository.git("pack-refs", "--all")
      try await repository.checkout("main")
      try await expectNews(seen, "a commit after packing") { _ = try await repository.commit("fifth") }
      try await expectNews(seen, "an update of the reference") {
        try await repository.git("update-ref", "refs/heads/main", "HEAD~1")
      }
    }
  }

  @Test func aPushIntoABareRepositoryAndACommitInALinkedWorktreeAreSeen() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let folder = try TemporaryFolder()
    try repository.write("a.py", "a")
    try await repository.commit("first")
    try await repository.git("clone", "--quiet", "--bare", ".", folder.file("bare.git"))
    try await repository.git("worktree", "add", "--quiet", "-b", "side", folder.file("tree"))
    let bare = ProjectID(folderName: "bare")
    let tree = ProjectID(folderName: "tree")
    let projects = [(id, repository.path), (bare, folder.file("bare.git")), (tree, folder.file("tree"))]
    try await watching(projects) { seen, _ in
      try await awaitWatch(repository, seen)
      try await expectNews(seen, "a push") {
        try await repository.git("push", "--quiet", folder.file("bare.git"), "HEAD:main")
      }
      #expect(await eventually { seen.projects().contains(bare) })
      #expect(!seen.projects().contains(tree))
      try await repository.git("-C", folder.file("tree"), "commit", "--quiet", "--allow-empty", "-m", "here")
      #expect(await eventually { seen.projects().contains(tree) })
    }
  }

  @Test func whatMovesNothingIsNotTold() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    try repository.write("a.py", "a")
    try await repository.commit("first")
    try await watching([(id, repository.path)]) { seen, watcher in
      try await awaitWatch(repository, seen)
      // The quiet look after the commit is over when the next commit of another project is seen.
      let other = try await TemporaryGitRepository()
      defer { other.close() }
      try await other.commit("first")
      let before = seen.projects().count { $0 == id }
      try await repository.git("gc", "--quiet")
      try await repository.git("tag", "v1")
      try await repository.git("branch", "unused")
      try repository.write("b.py", "not committed")
      try await repository.git("stash", "--include-untracked", "--quiet")
      watcher.add(ProjectID(folderName: "other"), path: other.path)
      for number in 0..<200 where !seen.projects().contains(ProjectID(folderName: "other")) {
        try await other.commit("\(number)")
        _ = await eventually(within: .milliseconds(200)) { seen.projects().contains(ProjectID(folderName: "other")) }
      }
      #expect(seen.projects().count { $0 == id } == before)
    }
  }

  @Test func pollingFindsWhatNoEventTold() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let folder = try TemporaryFolder()
    try folder.write("notes.py", "one")
    let plain = ProjectID(folderName: "plain")
    var options = ProjectWatcher.Options()
    options.poll = .milliseconds(50)
    options.folderPoll = .milliseconds(50)
    // A repository that is not there yet has no folders to watch.
    let late = try TemporaryFolder()
    let lateID = ProjectID(folderName: "late")
    try await watching([(plain, folder.path), (lateID, late.path)], options) { seen, _ in
      for number in 0..<200 where !seen.projects().contains(plain) {
        try folder.write("notes.py", String(repeating: "x", count: number + 4))
        _ = await eventually(within: .milliseconds(200)) { seen.projects().contains(plain) }
      }
      #expect(seen.projects().contains(plain))
      let ours = Set(seen.projects())
      #expect(!ours.contains(lateID))
      try late.write("a.py", "1")
      #expect(await eventually { seen.projects().contains(lateID) })
    }
  }

  private static var workTree: ProjectWatcher.Options {
    var options = eventsOnly
    options.workTree = true
    options.workTreePoll = .seconds(3_600)
    return options
  }

  /// Edits a file until the watcher is seen to watch the work tree.
  private func awaitWorkTree(_ repository: TemporaryGitRepository, _ seen: Seen) async throws {
    for number in 0..<200 where seen.edits == 0 {
      try repository.write("src/a.py", "is it there? \(number)")
      _ = await eventually(within: .milliseconds(200)) { seen.edits > 0 }
    }
    try #require(seen.edits > 0)
  }

  /// Does something, and waits until an edit is told of afterwards.
  private func expectEdit(_ seen: Seen, _ what: String, _ body: () async throws -> Void) async throws {
    let before = seen.edits
    try await body()
    #expect(await eventually { seen.edits > before }, "\(what) was not seen")
    // Whatever else the same deed leads to is over when nothing more is told for a while.
    var last = -1
    while last != seen.edits {
      last = seen.edits
      _ = await eventually(within: .milliseconds(400)) { seen.edits != last }
    }
  }

  @Test func everyEditOfAWorkTreeIsSeen() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    try repository.write("src/a.py", "a")
    try repository.write(".gitignore", "build/\n")
    try await repository.commit("first")
    try await watching([(id, repository.path)], Self.workTree) { seen, _ in
      try await awaitWorkTree(repository, seen)
      try await expectEdit(seen, "a new file") { try repository.write("src/b.py", "b") }
      try await expectEdit(seen, "a file in new folders") { try repository.write("lib/deep/er/c.py", "c") }
      try await expectEdit(seen, "an edit in them") { try repository.write("lib/deep/er/c.py", "more") }
      try await expectEdit(seen, "a rename") {
        #expect(rename(repository.path + "/src/b.py", repository.path + "/src/d.py") == 0)
      }
      try await expectEdit(seen, "a file that left") { #expect(unlink(repository.path + "/src/d.py") == 0) }
      try await expectEdit(seen, "a stash") {
        try await repository.git("stash", "--quiet", "--include-untracked")
      }
      try await expectEdit(seen, "what comes back") { try await repository.git("stash", "pop", "--quiet") }
      try await expectEdit(seen, "a file that is not ignored any more") {
        try repository.write("build/e.py", "e")
        try repository.write(".gitignore", "")
      }
      try await expectEdit(seen, "an edit of it") { try repository.write("build/e.py", "more of it") }
      #expect(seen.polled.isEmpty)
    }
  }

  @Test func whatIsNoEditIsNotTold() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    try repository.write("src/a.py", "a")
    try repository.write("src/kept.py", "kept")
    try repository.write(".gitignore", "build/\n*.gen.py\n")
    try await repository.commit("first")
    try await watching([(id, repository.path)], Self.workTree) { seen, _ in
      try await awaitWorkTree(repository, seen)
      try await expectEdit(seen, "an edit") { try repository.write("src/a.py", "b") }
      let before = seen.edits
      try repository.write("build/x.py", "x")
      try repository.write("src/y.gen.py", "y")
      try repository.write("src/.z.py.swp", "z")
      try repository.write("notes.bin", "n")
      try await repository.git("add", "src/a.py")
      // All of it has been looked at when the next edit is told of.
      try await expectEdit(seen, "the next edit") { try repository.write("src/a.py", "c, which is longer") }
      #expect(seen.edits == before + 1)
    }
  }

  @Test func aWorkTreeThatCannotBeWatchedIsLookedAtNowAndThenAndThatIsSaid() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    for number in 0..<8 { try repository.write("f\(number)/a.py", "a") }
    try await repository.commit("first")
    var options = Self.workTree
    // Those of the repository itself fit.
    options.watchesMax = 7
    options.folderPoll = .milliseconds(50)
    try await watching([(id, repository.path)], options) { seen, _ in
      // Not within `#expect`: there the compiler takes it for the condition below (`.ci/closures`).
      let isPolled = await eventually { !seen.polled.isEmpty }
      #expect(isPolled)
      for number in 0..<200 where seen.edits == 0 {
        try repository.write("f3/a.py", "edit \(number)")
        _ = await eventually(within: .milliseconds(300)) { seen.edits > 0 }
      }
      #expect(seen.edits > 0)
      // Once, however often it is looked at.
      let polled = seen.polled
      #expect(polled == [id])
    }
  }

  @Test func aRemovedProjectIsNotToldOfAnyMore() async throws {
    let (first, second) = (try await TemporaryGitRepository(), try await TemporaryGitRepository())
    defer {
      first.close()
      second.close()
    }
    for repository in [first, second] { try await repository.commit("first") }
    let other = ProjectID(folderName: "other")
    try await watching([(id, first.path), (other, second.path)]) { seen, watcher in
      try await awaitWatch(first, seen)
      watcher.remove(id)
      // Orders are taken in turn: when the second is watched anew, the first is forgotten.
      watcher.add(other, path: second.path)
      let before = seen.projects().count { $0 == other }
      for number in 0..<200 where seen.projects().count(where: { $0 == other }) == before {
        try await second.commit("\(number)")
        _ = await eventually(within: .milliseconds(200)) { seen.projects().count { $0 == other } > before }
      }
      let told = seen.projects().count { $0 == id }
      try await first.commit("nobody looks")
      let others = seen.projects().count { $0 == other }
      try await second.commit("somebody looks")
      #expect(await eventually { seen.projects().count { $0 == other } > others })
      #expect(seen.projects().count { $0 == id } == told)
    }
  }
}

@Suite struct PendingChangesTests {
  private let id = ProjectID(folderName: "sample")

  @Test func whatACommitChangedIsNamedBeforeItIsIndexed() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    for name in ["a.py", "b.py", "c.py", "d.py"] {
      try repository.write(name, "def \(name.prefix(1))():\n  return 1\n")
    }
    try await repository.commit("first")
    let engine = try IndexEngine(.init(folder: state.file("index"), workers: 2))
    try engine.add(id, path: repository.path)
    #expect(try engine.pendingChanges(id).isEverything)
    try await engine.reindex(id)
    #expect(try engine.pendingChanges(id).isNothing)
    try repository.write("b.py", "def b():\n  return 2\n")
    try await repository.delete("c.py")
    try await repository.rename("d.py", "e.py")
    let head = try await repository.commit("second")
    let changes = try engine.pendingChanges(id)
    #expect(changes.commit == head && !changes.isEverything && !changes.isNothing)
    #expect(Set(changes.paths) == ["b.py", "c.py", "d.py", "e.py"])
  }

  @Test func aRepositoryThatVanishedHasNoChangesButAFailure() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    try repository.write("a.py", "def open_gate(key):\n  return key\n")
    try await repository.commit("first")
    let engine = try IndexEngine(.init(folder: state.file("index"), workers: 2))
    try engine.add(id, path: repository.path)
    try await engine.reindex(id)
    let git = repository.path + "/.git"
    #expect(rename(git, git + ".away") == 0)
    let seen = #expect(throws: IndexError.self) { try engine.pendingChanges(id) }
    let run = await #expect(throws: IndexError.self) { try await engine.reindex(id) }
    #expect(seen == run && seen?.failure.code == .unavailable)
    #expect(try engine.search(SearchQuery("open gate")).hits.first?.path == "a.py")
    #expect(rename(git + ".away", git) == 0)
    #expect(try engine.pendingChanges(id).paths.isEmpty)
    try await engine.reindex(id)
    #expect(try engine.pendingChanges(id).isNothing && engine.snapshot().first?.state == .ready)
  }

  @Test func aFolderWithoutGitIsComparedByItsFiles() async throws {
    let folder = try TemporaryFolder()
    let state = try TemporaryFolder()
    for name in ["a.py", "b.py", "c.py"] { try folder.write(name, "def \(name.prefix(1))():\n  return 1\n") }
    let engine = try IndexEngine(.init(folder: state.file("index"), workers: 2))
    try engine.add(id, path: folder.path)
    try await engine.reindex(id)
    #expect(try engine.pendingChanges(id).isNothing)
    try folder.write("b.py", "def changed():\n  return 2\n")
    #expect(unlink(folder.file("c.py")) == 0)
    try folder.write("new.py", "def new(): pass\n")
    #expect(Set(try engine.pendingChanges(id).paths) == ["b.py", "c.py", "new.py"])
  }
}
