import Base
import ControlPlane
import FoundationEssentials
import Glibc
import TestKit
import Testing

@testable import CodeIndex

/// Whatever a folder holds is indexed, reported or refused; and what was indexed before keeps answering.
@Suite struct BadInputTests {
  private let id = ProjectID(folderName: "bad")

  private func engine(_ state: TemporaryFolder, _ path: String) throws -> IndexEngine {
    let engine = try IndexEngine(.init(folder: state.file("index"), workers: 2))
    try engine.add(id, path: path)
    return engine
  }

  private func paths(_ engine: IndexEngine, _ query: String) throws -> Set<String> {
    Set(try engine.search(SearchQuery(query, limit: 200)).hits.map(\.path))
  }

  /// Row: a name, and its bytes. All say the same three words.
  private static let encodings: [(name: String, bytes: [UInt8])] = {
    let text = "def open_garden_gate(key):\n  return turn(key)\n"
    let units = Array(text.utf16)
    return [
      ("utf8.py", Array(text.utf8)), ("mark.py", [0xEF, 0xBB, 0xBF] + Array(text.utf8)),
      ("little.py", [0xFF, 0xFE] + units.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }),
      ("big.py", [0xFE, 0xFF] + units.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }),
      ("half.py", [0xFF, 0xFE] + units.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] } + [0x41]),
      ("latin.py", Array("# caf".utf8) + [0xE9, 0x0A] + Array(text.utf8)),
      ("broken.py", [0xC3, 0x28, 0xF0, 0x9F, 0x0A, 0xED, 0xA0, 0x80, 0x0A] + Array(text.utf8)),
      ("return.py", Array(text.replacing("\n", with: "\r\n").utf8)),
      ("escape.py", Array("# \u{1B}[2J\u{7}\n\(text)".utf8)),
    ]
  }()

  private func writeAll(_ folder: TemporaryFolder) throws {
    for (name, bytes) in Self.encodings { try folder.write(name, bytes: bytes) }
    try folder.write("nul.py", bytes: Array("def open_garden_gate():\n".utf8) + [0, 1, 2])
    try folder.write("empty.py", "")
    try folder.write("blank.py", "\n\n  \n")
    try folder.write("mini.js", String(repeating: "function openGardenGate(a){return a};", count: 400))
    try folder.write("large.py", String(repeating: "open garden gate\n", count: 70_000))
  }

  private func checkAll(_ engine: IndexEngine, _ report: ReindexReport) throws {
    #expect(try paths(engine, "open garden gate") == Set(Self.encodings.map(\.name)))
    let reasons = Dictionary(report.filesSkipped.map { ($0.path, $0.reason) }) { first, _ in first }
    #expect(reasons["nul.py"] == "binary" && reasons["mini.js"] == "minified")
    #expect(reasons["large.py"]?.hasPrefix("larger than") == true)
    #expect(report.filesFailed.isEmpty)
  }

  @Test func everyEncodingIsIndexedOrReported() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let (state, plain, other) = (try TemporaryFolder(), try TemporaryFolder(), try TemporaryFolder())
    try writeAll(repository.folder)
    try await repository.commit("first")
    let engine = try engine(state, repository.path)
    try checkAll(engine, try await engine.reindex(id))
    // The same without git.
    try writeAll(plain)
    let second = try self.engine(other, plain.path)
    try checkAll(second, try await second.reindex(id))
    #expect(try await second.reindex(id).mode == .unchanged)
  }

  @Test func hugeFilesAndOddNamesAreReported() async throws {
    let (folder, state) = (try TemporaryFolder(), try TemporaryFolder())
    try folder.write("good.py", "def open_garden_gate(key):\n  return key\n")
    try folder.write("a\nb\u{1B}[31m.py", "def open_garden_gate(key):\n  return key\n")
    let descriptor = open(folder.file("sparse.py"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    #expect(ftruncate(descriptor, 1 << 30) == 0)
    close(descriptor)
    // A name that is no text.
    let bytes: [UInt8] = Array("\(folder.path)/caf".utf8) + [0xE9] + Array(".py".utf8) + [0]
    let name = bytes.map { CChar(bitPattern: $0) }
    close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
    let engine = try engine(state, folder.path)
    let report = try await engine.reindex(id)
    let reasons = Dictionary(report.filesSkipped.map { ($0.path, $0.reason) }) { first, _ in first }
    #expect(reasons["sparse.py"]?.hasPrefix("larger than") == true && reasons["caf\u{FFFD}.py"] == "unreadable")
    #expect(try paths(engine, "open garden gate") == ["good.py", "a\nb\u{1B}[31m.py"])
    unlink(name)
  }

  @Test func aHundredThousandFilesInOneFolder() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    try repository.write("one.py", "def open_garden_gate(key):\n  return key\n")
    let blob = try await repository.git("hash-object", "-w", "one.py")
    let lines = (0..<100_000).map { "100644 blob \(blob)\tf\($0).py\n" }.joined()
    let options = ProgramProcess.Options(folder: repository.path, input: Array(lines.utf8))
    let made = try await ProgramProcess.run("git", ["mktree"], options)
    #expect(made.status == .exited(0), "\(made.standardError)")
    let tree = String(made.standardOutput.filter(\.isHexDigit))
    let commit = try await repository.git("commit-tree", "-m", "many", tree)
    try await repository.git("update-ref", "refs/heads/main", commit)
    let engine = try engine(state, repository.path)
    try await aside {
      let report = try await engine.reindex(id)
      #expect(report.filesIndexed == 100_000 && report.chunks == 100_000 && report.embeddingsComputed == 1)
      #expect(try engine.search(SearchQuery("open garden gate f77", limit: 5)).hits.first?.path == "f77.py")
      #expect(try await engine.reindex(id).mode == .unchanged)
    }
  }

  // MARK: Repositories

  /// An object that was cut short is a reported file when it is a file, and a failure when it is a folder.
  @Test func cutObjectsAreReported() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    for name in ["a", "b", "c"] { try repository.write("\(name).py", "def open_gate_\(name)(key):\n  return key\n") }
    try await repository.commit("first")
    func cut(_ object: String) throws {
      let file = "\(repository.path)/.git/objects/\(object.prefix(2))/\(object.dropFirst(2))"
      chmod(file, 0o600)
      #expect(truncate(file, 12) == 0)
    }
    try cut(try await repository.git("rev-parse", "HEAD:b.py"))
    let engine = try engine(state, repository.path)
    let report = try await engine.reindex(id)
    #expect(report.filesFailed.map(\.path) == ["b.py"] && report.filesIndexed == 2)
    try repository.write("d.py", "def open_gate_d(key):\n  return key\n")
    try await repository.git("rm", "--quiet", "--cached", "b.py")
    unlink("\(repository.path)/b.py")
    try await repository.commit("second")
    try cut(try await repository.git("rev-parse", "HEAD^{tree}"))
    await #expect(throws: IndexError.self) { try await engine.reindex(id) }
    #expect(engine.snapshot().first?.state == .failed)
    #expect(try paths(engine, "open gate key") == ["a.py", "c.py"])
  }

  /// Formats that only the git command reads: too large and missing files are reported there too.
  @Test func theCommandReportsWhatItCannotRead() async throws {
    let git = try await TemporaryGitRepository()
    defer { git.close() }
    let (folder, state) = (try TemporaryFolder(), try TemporaryFolder())
    try await git.git("init", "--quiet", "--object-format=sha256", "--initial-branch=main", folder.path)
    try folder.write("good.py", "def open_garden_gate(key):\n  return key\n")
    try folder.write("large.py", String(repeating: "open garden gate\n", count: 70_000))
    try folder.write("cut.py", "def open_garden_gate_twice(key):\n  return key\n")
    try await git.git("-C", folder.path, "add", "--all")
    try await git.git("-C", folder.path, "commit", "--quiet", "--message", "first")
    let object = try await git.git("-C", folder.path, "rev-parse", "HEAD:cut.py")
    let file = folder.file(".git/objects/\(object.prefix(2))/\(object.dropFirst(2))")
    chmod(file, 0o600)
    #expect(truncate(file, 10) == 0)
    let engine = try engine(state, folder.path)
    let report = try await engine.reindex(id)
    #expect(report.filesFailed.map(\.path) == ["cut.py"])
    #expect(report.filesSkipped.first { $0.path == "large.py" }?.reason.hasPrefix("larger than") == true)
    #expect(try paths(engine, "open garden gate") == ["good.py"])
  }

  @Test func aPartialCloneReportsWhatItLacks() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let (copies, state) = (try TemporaryFolder(), try TemporaryFolder())
    for name in ["a", "b"] { try repository.write("\(name).py", "def open_gate_\(name)(key):\n  return key\n") }
    try await repository.commit("first")
    try await repository.git("config", "uploadpack.allowFilter", "true")
    try await repository.git(
      "clone", "--quiet", "--filter=blob:none", "--no-checkout", "file://\(repository.path)", copies.file("part"))
    let engine = try engine(state, copies.file("part"))
    let report = try await engine.reindex(id)
    #expect(Set(report.filesFailed.map(\.path)) == ["a.py", "b.py"] && report.chunks == 0)
    #expect(report.commit == (try await repository.head()))
    // Nothing was fetched to find out.
    let missing = try await repository.git(
      "-C", copies.file("part"), "rev-list", "--objects", "--missing=print", "HEAD")
    #expect(missing.split(separator: "\n").count { $0.hasPrefix("?") } == 2)
  }

  /// Deleted at any moment of a run: all of the new index, or all of the old one.
  @Test func aRepositoryDeletedDuringARunLeavesAWholeIndex() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    for number in 0..<150 { try repository.write("f\(number).py", "def open_gate_\(number)(key):\n  return key\n") }
    try await repository.commit("first")
    var random = SeededRandom()
    for round in 0..<8 {
      let (copies, state) = (try TemporaryFolder(), try TemporaryFolder())
      try await repository.git("clone", "--quiet", "--bare", ".", copies.file("r.git"))
      let engine = try engine(state, copies.file("r.git"))
      try await engine.reindex(id)
      async let run = try? engine.reindex(id, full: true)
      usleep(UInt32.random(in: 0...40_000, using: &random))
      try? FileManager.default.removeItem(atPath: copies.file("r.git"))
      _ = await run
      #expect(engine.snapshot().first?.files == 150, "round \(round) \(random)")
      #expect(try paths(engine, "open gate").count == 150, "round \(round) \(random)")
    }
  }

  @Test func aGitThatDoesNotAnswerIsKilled() async throws {
    let folder = try TemporaryFolder()
    let script = try folder.write("git.sh", "#!/bin/sh\nsleep 600 &\necho $! > \(folder.file("child"))\nwait\n")
    chmod(script, 0o700)
    let command = GitCommand(folder: folder.path, deadline: .milliseconds(1_500), program: script)
    #expect(throws: IndexError.self) { try command.prefix() }
    // What it started went with it. A machine so busy that the script did not begin has nothing to show.
    guard let child = folder.read("child").flatMap({ pid_t($0.filter(\.isNumber)) }) else { return }
    let isGone = await eventually {
      let bytes = FileManager.default.contents(atPath: "/proc/\(child)/stat")
      let state = bytes.map { String(decoding: $0, as: UTF8.self) }
      return state == nil || state?.contains(") Z ") == true
    }
    #expect(isGone)
  }
}
