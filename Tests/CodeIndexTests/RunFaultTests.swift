import Base
import ControlPlane
import FoundationEssentials
import Glibc
import Synchronization
import TestKit
import Testing

@testable import CodeIndex

/// Runs that are cancelled, starved of disk, refused files, or asked while they work.
@Suite struct RunFaultTests {
  private let id = ProjectID(folderName: "faults")
  private static var isRoot: Bool { geteuid() == 0 }

  private func engine(_ state: TemporaryFolder, _ path: String) throws -> IndexEngine {
    let engine = try IndexEngine(.init(folder: state.file("index"), workers: 2))
    try engine.add(id, path: path)
    return engine
  }

  /// A shell line with `$PROBE` in it, in a home of its own.
  private func shell(_ line: String, home: String) async throws -> String {
    let environment = Environment.clean(["HOME": home, "PROBE": KillTests.probe, "GIT_CONFIG_NOSYSTEM": "1"])
    let options = ProgramProcess.Options(environment: environment, folder: "/")
    let outcome = try await ProgramProcess.run("/bin/sh", ["-c", line], options, within: .seconds(120))
    return outcome.standardOutput + outcome.standardError
  }

  @Test func aSearchSeesOneCommitOrTheNextAndNeverHalf() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    func write(_ epoch: Int) throws {
      for number in 0..<30 {
        try repository.write("f\(number).py", "def gate_epoch\(epoch)_file\(number)(key):\n  return key\n")
      }
    }
    try write(0)
    try await repository.commit("0")
    let engine = try engine(state, repository.path)
    try await engine.reindex(id)
    let isDone = Atomic(false)
    async let searches = aside {
      var seen: Set<Substring> = []
      while !isDone.load(ordering: .relaxed) {
        let hits = try engine.search(SearchQuery("gate key", limit: 100)).hits
        let epochs = Set(hits.compactMap { $0.symbol.split(separator: "_").dropFirst().first })
        #expect(hits.count == 30 && epochs.count == 1, "\(hits.count) \(epochs)")
        seen.formUnion(epochs)
      }
      return seen
    }
    for epoch in 1...10 {
      try write(epoch)
      try await repository.commit("\(epoch)")
      try await engine.reindex(id, full: epoch % 3 == 0)
    }
    isDone.store(true, ordering: .relaxed)
    #expect(try await !searches.isEmpty)
    #expect(try engine.search(SearchQuery("gate")).hits.first?.symbol.contains("epoch10") == true)
  }

  @Test func aCancelledRunKeepsTheOldIndexAndWhatItFinished() async throws {
    let (folder, state) = (try TemporaryFolder(), try TemporaryFolder())
    let body = (0..<60).map { "  line\($0) = compute(key, \($0))\n" }.joined()
    for number in 0..<400 { try folder.write("f\(number).py", "def gate_\(number)(key):\n\(body)") }
    let engine = try engine(state, folder.path)
    let total = try await engine.reindex(id).chunks
    async let run = engine.reindex(id, full: true)
    // Beside the pool of tasks, of which the run takes every thread: who waits in it may look when all is over.
    let isCancelled = await aside {
      let isWorking = await eventually {
        let project = engine.snapshot().first
        return project?.state == .indexing && (project?.progress).map { $0 > 0 && $0 < 1 } == true
      }
      return isWorking && engine.cancel(id)
    }
    #expect(isCancelled)
    let result: ReindexReport? = try? await run
    #expect(result == nil)
    #expect(engine.snapshot().first?.state == .stale && engine.snapshot().first?.chunks == total)
    #expect(try !engine.search(SearchQuery("gate 7")).hits.isEmpty)
    #expect(try self.engine(state, folder.path).snapshot().first?.chunks == total)
  }

  /// Of more files than a commit has: on threads that come last, with the same result.
  @Test func aLargeRunIndexesEveryFile() async throws {
    let (folder, state) = (try TemporaryFolder(), try TemporaryFolder())
    for number in 0..<1_100 { try folder.write("f\(number).py", "def gate_\(number)(key):\n  return key\n") }
    let engine = try engine(state, folder.path)
    let report = try await engine.reindex(id)
    #expect(report.filesIndexed == 1_100 && report.filesFailed.isEmpty)
    #expect(try engine.search(SearchQuery("gate_1099")).hits.first?.path == "f1099.py")
  }

  /// Each round moves it away a little later in the run. A run that came too early sees no folder and one that came too
  /// late sees all of it; none makes an index of what was left.
  @Test(arguments: [false, true]) func aFolderThatIsMovedAwayDuringARunLeavesTheOldIndex(isRepository: Bool)
    async throws
  {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let (folder, state) = (try TemporaryFolder(), try TemporaryFolder())
    let path = isRepository ? repository.path : folder.file("project")
    for number in 0..<200 {
      let text = "def gate_\(number)(key):\n  return key\n"
      if isRepository {
        try repository.write("f\(number).py", text)
      } else {
        try folder.write("project/f\(number).py", text)
      }
    }
    if isRepository {
      try await repository.commit("first")
      for number in 0..<200 { try repository.write("f\(number).py", "def gate_edit_\(number)(key):\n  return key\n") }
    }
    var options = IndexEngine.Options(folder: state.file("index"), workers: 2)
    options.readsWorkTree = true
    let engine = try IndexEngine(options)
    try engine.add(id, path: path)
    let started = ContinuousClock.now
    try await engine.reindex(id)
    let step = (ContinuousClock.now - started) / 40
    for round in 0..<40 {
      async let run = engine.reindex(id)
      _ = await aside { usleep(UInt32((step * round).milliseconds * 1_000)) }
      #expect(rename(path, path + ".away") == 0)
      _ = try? await run
      #expect(engine.snapshot().first?.files == 200, "round \(round)")
      #expect(rename(path + ".away", path) == 0)
    }
    try await engine.reindex(id)
    #expect(engine.snapshot().first?.state == .ready && engine.snapshot().first?.files == 200)
  }

  /// `write` fails for every file past 4 kB: the kernel's limit for one process.
  @Test func aFullDiskIsAnErrorAndNoCorruption() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    for number in 0..<30 { try repository.write("f\(number).py", "def gate_\(number)(key):\n  return key\n") }
    try await repository.commit("first")
    let index = state.file("index")
    let run = "exec \"$PROBE\" \(repository.path) \(index) once"
    let starved = "ulimit -f 8; trap '' XFSZ; \(run)"
    let first = try await shell(starved, home: state.path)
    #expect(first.contains("failure: cannot write") && first.contains("answers from 0"), "\(first)")
    let second = try await shell(run, home: state.path)
    #expect(second.contains("indexed 30 of 30"), "\(second)")
    for number in 30..<60 { try repository.write("f\(number).py", "def gate_\(number)(key):\n  return key\n") }
    try await repository.commit("second")
    let third = try await shell(starved, home: state.path)
    #expect(third.contains("failure: cannot write") && third.contains("answers from 30, before 30"), "\(third)")
    let left = try FileManager.default.contentsOfDirectory(atPath: index + "/segments")
    #expect(left.allSatisfy { $0.hasSuffix(".seg") })
    let last = try await shell(run, home: state.path)
    #expect(last.contains("of 60, before 30"), "\(last)")
  }

  /// A file system with no room, in a namespace of its own.
  @Test(.enabled(if: isRoot)) func aFullFileSystemIsAnErrorAndNoCorruption() async throws {
    let (folder, state) = (try TemporaryFolder(), try TemporaryFolder())
    for number in 0..<400 { try folder.write("f\(number).py", "def gate_\(number)(key):\n  return key\n") }
    let mounted = state.file("disk")
    mkdir(mounted, 0o700)
    let run = "\"$PROBE\" \(folder.path) \(mounted) once"
    let mount = "mount -t tmpfs -o size=64k none \(mounted) || { echo cannot mount; exit; }"
    let script = "\(mount); \(run); mount -o remount,size=64m \(mounted); \(run)"
    let output = try await shell("unshare -m --propagation private sh -c '\(script)'", home: state.path)
    if output.contains("cannot mount") || output.contains("Operation not permitted") { return }
    #expect(output.contains("No space left on device") && output.contains("answers from 0"), "\(output)")
    #expect(output.contains("indexed 400 of 400"), "\(output)")
  }

  @Test func unreadableFilesAndFoldersAreReported() async throws {
    let (folder, state) = (try TemporaryFolder(), try TemporaryFolder())
    for name in ["good.py", "secret.py", "shut/inner.py"] {
      try folder.write(name, "def gate(key):\n  return key\n")
    }
    chmod(folder.path, 0o755)
    chmod(state.path, 0o777)
    chmod(folder.file("good.py"), 0o644)
    chmod(folder.file("secret.py"), 0)
    chmod(folder.file("shut"), 0)
    let user = Self.isRoot ? "65534" : ""
    let output = try await shell(
      "umask 0; exec \"$PROBE\" \(folder.path) \(state.file("index")) once \(user)", home: state.path)
    #expect(output.contains("skipped secret.py: unreadable"), "\(output)")
    #expect(output.contains("skipped shut: unreadable"), "\(output)")
    #expect(output.contains("indexed 1 of 1"), "\(output)")
  }

  /// git does not trust a repository of somebody else unless the user says so; neither does the index.
  @Test(.enabled(if: isRoot)) func aForeignRepositoryNeedsToBeListed() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    try repository.write("a.py", "def gate(key):\n  return key\n")
    try await repository.commit("first")
    #expect(try await shell("chown -R 65534:65534 \(repository.path)", home: state.path).isEmpty)
    let run = "\"$PROBE\" \(repository.path) \(state.file("index")) once"
    let refused = try await shell(run, home: state.path)
    #expect(refused.contains("belongs to another user"), "\(refused)")
    #expect(refused.contains("git config --global --add safe.directory \(repository.path)"), "\(refused)")
    for listed in ["*", repository.path, "/elsewhere"] {
      let config = "HOME=\(state.path) git config --global --replace-all safe.directory '\(listed)'"
      let output = try await shell("\(config); \(run)", home: state.path)
      if listed == "/elsewhere" {
        #expect(output.contains("belongs to another user"), "\(output)")
      } else {
        #expect(output.contains("of 1, before"), "\(listed): \(output)")
      }
    }
  }
}
