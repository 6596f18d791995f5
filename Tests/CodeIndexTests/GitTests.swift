import Base
import FoundationEssentials
import TestKit
import Testing

@testable import CodeIndex

/// Real repositories, made with the git command.
@Suite struct GitTests {
  private func listing(_ path: String) throws -> Listing {
    let folder = try ProjectFolder.find(path)
    return try folder.listing(try folder.fingerprint())
  }

  private func plain(_ listing: Listing) -> [String] {
    listing.files.filter { $0.entry.skip == nil }.map(\.entry.path).sorted()
  }

  @Test func headTreeAndFilesAreThoseOfGit() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    try repository.write("src/a.swift", "let a = 1\n")
    try repository.write("b.py", "b = 2\n")
    try repository.write("picture.png", "no")
    let commit = try await repository.commit("first")
    let folder = try ProjectFolder.find(repository.path)
    let fingerprint = try folder.fingerprint()
    #expect(fingerprint.commit == commit)
    #expect(fingerprint.tree == (try await repository.git("rev-parse", "HEAD^{tree}")))
    #expect(fingerprint.ref == "main")
    let listing = try folder.listing(fingerprint)
    #expect(plain(listing) == ["b.py", "src/a.swift"])
    #expect(listing.files.first { $0.entry.path == "picture.png" }?.entry.skip == .notSource)
    let blob = try #require(listing.files.first { $0.entry.path == "b.py" })
    #expect(blob.entry.id.description == (try await repository.git("rev-parse", "HEAD:b.py")))
    let contents = Array("b = 2\n".utf8)
    #expect(contents.withUnsafeBufferPointer { GitRepository.blobID(of: $0) } == blob.entry.id)
  }

  @Test func differencesKnowAddedChangedDeletedAndRenamed() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let long = (0..<40).map { "line \($0)\n" }.joined()
    for name in ["keep.py", "change.py", "delete.py"] { try repository.write(name, name) }
    try repository.write("old.py", long)
    try await repository.commit("first")
    let folder = try ProjectFolder.find(repository.path)
    let before = try folder.fingerprint()
    try repository.write("change.py", "other")
    try repository.write("new.py", "new")
    try await repository.delete("delete.py")
    try await repository.rename("old.py", "moved.py")
    try await repository.commit("second")
    let set = try folder.changes(from: before.tree, to: try folder.fingerprint().tree)
    #expect(!set.isEverything)
    let kinds = Dictionary(uniqueKeysWithValues: set.changes.map { ($0.path, $0.kind) })
    #expect(
      kinds == ["change.py": .changed, "new.py": .added, "delete.py": .deleted, "moved.py": .renamed(from: "old.py")])
  }

  @Test func anOldCommitThatIsGoneMeansEverythingChanged() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    try repository.write("a.py", "a")
    try await repository.commit("first")
    let folder = try ProjectFolder.find(repository.path)
    let gone = String(repeating: "1234", count: 10)
    #expect(try folder.changes(from: gone, to: try folder.fingerprint().tree).isEverything)
  }

  @Test func aRepositoryWithoutACommitIsEmpty() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    try repository.write("a.py", "a")
    let folder = try ProjectFolder.find(repository.path)
    #expect(folder.usesGit)
    #expect(try folder.fingerprint() == Fingerprint(commit: nil, tree: nil, ref: nil))
    #expect(try listing(repository.path).files.isEmpty)
  }

  @Test func bareShallowAndWorktreeAreRead() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    try repository.write("a.py", "a")
    try await repository.commit("first")
    try repository.write("b.py", "b")
    let head = try await repository.commit("second")
    let copies = try TemporaryFolder()
    try await repository.git("clone", "--quiet", "--bare", ".", copies.file("bare.git"))
    try await repository.git(
      "clone", "--quiet", "--depth", "1", "file://\(repository.path)", copies.file("shallow"))
    try await repository.git("worktree", "add", "--quiet", "--detach", copies.file("tree"), "HEAD~1")
    #expect(plain(try listing(copies.file("bare.git"))) == ["a.py", "b.py"])
    #expect(plain(try listing(copies.file("shallow"))) == ["a.py", "b.py"])
    #expect(try GitRepository(containing: copies.file("shallow")).isShallow)
    let tree = try listing(copies.file("tree"))
    #expect(plain(tree) == ["a.py"])
    #expect(tree.fingerprint.ref == nil && tree.fingerprint.commit != head)
    // The commit before is not in the shallow clone.
    let folder = try ProjectFolder.find(copies.file("shallow"))
    let old = try await repository.git("rev-parse", "HEAD~1^{tree}")
    #expect(try folder.changes(from: old, to: try folder.fingerprint().tree).isEverything)
  }

  @Test func aFolderInsideARepositoryIsItsOwnProject() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    try repository.write("app/src/a.py", "a")
    try repository.write("other/b.py", "b")
    try await repository.commit("first")
    let inside = try listing(repository.path + "/app")
    #expect(plain(inside) == ["src/a.py"])
    #expect(inside.fingerprint.tree == (try await repository.git("rev-parse", "HEAD:app")))
    // A folder no commit has is a folder without history.
    try repository.write("untracked/c.py", "c")
    #expect(try ProjectFolder.find(repository.path + "/untracked") == .plain(folder: repository.path + "/untracked"))
  }

  @Test func linksSubmodulesAndOddNamesAreHandled() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    try repository.write("a\nb\u{1b}[31m.py", "odd")
    try FileManager.default.createSymbolicLink(
      atPath: repository.path + "/link.py", withDestinationPath: "/etc/passwd")
    let head = try await repository.commit("first")
    try await repository.git("update-index", "--add", "--cacheinfo", "160000,\(head),module.py")
    try await repository.git("commit", "--quiet", "--message", "second")
    let files = try listing(repository.path).files
    #expect(files.first { $0.entry.path == "link.py" }?.entry.skip == .symbolicLink)
    #expect(files.first { $0.entry.path == "module.py" }?.entry.skip == .submodule)
    #expect(files.first { $0.entry.path == "a\nb\u{1b}[31m.py" }?.entry.skip == nil)
  }

  @Test func signalboxignoreOfTheCommitDecides() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    try repository.write(".signalboxignore", "# data\n/data/\n*.gen.py\n!keep.gen.py\n")
    for name in ["data/a.py", "src/data/b.py", "x.gen.py", "keep.gen.py", "sub/y.gen.py"] {
      try repository.write(name, "text")
    }
    try repository.write("sub/.signalboxignore", "!y.gen.py\n")
    // In git, what is tracked is not ignored by .gitignore.
    try repository.write(".gitignore", "nothing\n")
    try await repository.commit("first")
    #expect(plain(try listing(repository.path)) == ["keep.gen.py", "src/data/b.py", "sub/y.gen.py"])
  }

  @Test func whatLibgit2RefusesTheCommandReads() async throws {
    let folder = try TemporaryFolder()
    let helper = try await TemporaryGitRepository()
    defer { helper.close() }
    try await helper.git("init", "--quiet", "--object-format=sha256", "--initial-branch=main", folder.path)
    try folder.write("src/a.py", "def a(): pass\n")
    try folder.write("b.swift", "func b() {}\n")
    try await helper.git("-C", folder.path, "add", "--all")
    try await helper.git("-C", folder.path, "commit", "--quiet", "--message", "first")
    let found = try ProjectFolder.find(folder.path)
    #expect(found == .command(folder: folder.path, prefix: ""))
    let listing = try listing(folder.path)
    #expect(listing.fingerprint.commit?.count == 64)
    #expect(listing.fingerprint.ref == "main")
    #expect(plain(listing) == ["b.swift", "src/a.py"])
    var texts: [String] = []
    try ContentReader(found).read(listing.files.map(\.entry)[...]) { _, bytes, _ in
      texts.append(bytes.map { String(decoding: $0, as: UTF8.self) } ?? "none")
    }
    #expect(texts.sorted() == ["def a(): pass\n", "func b() {}\n"])
  }

  @Test func brokenRepositoriesSayWhatIsWrong() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    try repository.write("a.py", "a")
    try await repository.commit("first")
    try repository.folder.write(".git/refs/heads/main", "nonsense\n")
    #expect(throws: IndexError.self) { try ProjectFolder.find(repository.path).fingerprint() }
    try repository.folder.write(".git/config", "[core\n")
    #expect(throws: IndexError.self) { try ProjectFolder.find(repository.path) }
    #expect(throws: IndexError.folderUnreadable(path: "/nowhere/at/all", reason: "there is no such folder")) {
      try ProjectFolder.find("/nowhere/at/all")
    }
  }

  /// Row: what `git cat-file --batch` might print, and what is made of it.
  @Test func answersOfTheCommandAreTakenApart() {
    let good = Array("a blob 3\nxyz\nb missing\nc blob 0\n\n".utf8)
    #expect(GitCommand.parse(batch: good, count: 3) == [Array("xyz".utf8), nil, []])
    #expect(GitCommand.parse(batch: Array("a blob 99\nxy".utf8), count: 2) == [nil, nil])
    #expect(GitCommand.parse(batch: [], count: 1) == [nil])
    SeededRandom.run { random in
      for _ in 0..<500 {
        var bytes = good
        for _ in 0..<3 {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        #expect(GitCommand.parse(batch: bytes, count: 3).count == 3)
      }
    }
  }
}
