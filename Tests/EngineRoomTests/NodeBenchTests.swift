import Base
import ControlPlane
import TestKit
import Testing

@testable import EngineRoom

@Suite(.timeLimit(.minutes(1))) struct NodeBenchTests {
  private func report(_ time: Int64, _ value: Double, suite: String = "control", isQuick: Bool? = nil) -> BenchReport {
    var report = BenchReport(
      id: "\(time)", commit: "abc", timeMilliseconds: time,
      machine: .init(cores: 2, memoryBytes: 1, kernel: "k", load: 0),
      results: [.init(suite: suite, name: "n", value: value, unit: "ms", target: 5, samples: 1)])
    report.isQuick = isQuick
    return report
  }

  @Test func regressionsAreCountedAgainstTheLastComparableRun() {
    let now = report(9, 10)
    let last = report(8, 2)
    let older = report(7, 20)
    #expect(NodeBench.summary(of: now, after: [last, older]).regressions == 1)
    #expect(NodeBench.summary(of: now, after: [older, last]).regressions == 0)
    #expect(NodeBench.summary(of: now, after: []).regressions == 0)
    #expect(NodeBench.summary(of: now, after: [report(8, 2, suite: "cache"), older]).regressions == 0)
    #expect(NodeBench.summary(of: now, after: [report(8, 2, isQuick: true), older]).regressions == 0)
    #expect(NodeBench.summary(of: now, after: [last]) == BenchSnapshot(lastRun: 9, met: 0, missed: 1, regressions: 1))
  }

  @Test func anUnknownSuiteIsNamedAndTheKnownOnesToo() throws {
    try NodeBench.check(["control", "control"])
    let failure = #expect(throws: Failure.self) { try NodeBench.check(["control", "no\u{1B}such"]) }
    #expect(failure?.code == .invalid)
    #expect(failure?.line.contains("\u{1B}") == false && failure?.line.contains("control") == true)
  }

  @Test func theCommitIsThatOfTheFolderTheProgramLiesIn() async throws {
    let repository = try await TemporaryGitRepository()
    try repository.write("bin/program", "1")
    let commit = try await repository.commit("first")
    let program = repository.folder.file("bin/program")
    let clean = await BuildCommit.of(executable: program, version: "1.2.3")
    #expect(clean.count >= 7 && commit.hasPrefix(clean))
    try repository.write("bin/untracked", "1")
    #expect(await BuildCommit.of(executable: program, version: "1.2.3") == clean)
    try repository.write("bin/program", "2")
    #expect(await BuildCommit.of(executable: program, version: "1.2.3") == "\(clean)-dirty")
  }

  @Test func withoutARepositoryTheVersionStandsForTheCommit() async throws {
    let folder = try TemporaryFolder()
    #expect(await BuildCommit.of(executable: folder.file("program"), version: "1.2.3") == "1.2.3")
  }

  @Test func aChildThatDoesNotEndIsKilledAtItsDeadline() async throws {
    let launch = BenchChild.Launch(arguments: ["600"], environment: [:])
    await #expect(throws: Failure.self) {
      _ = try await BenchChild.run("/bin/sleep", launch, deadline: .milliseconds(10))
    }
  }

  @Test func aCancelledTaskKillsItsChild() async throws {
    let child = try BenchChild("/bin/sleep", .init(arguments: ["600"], environment: [:]))
    let task = Task { await child.end(within: .seconds(600)).status }
    task.cancel()
    #expect(await task.value == 9)
    #expect(child.hasEnded)
  }

  @Test func killingASessionTakesItsDescendantsAlong() async throws {
    let folder = try TemporaryFolder()
    let child = try BenchChild(
      "/bin/sh",
      .init(
        arguments: ["-c", "sleep 600 & echo $!; wait"], environment: ["PATH": "/usr/bin:/bin"],
        output: folder.file("said"), hasOwnSession: true))
    #expect(await eventually { folder.read("said")?.hasSuffix("\n") == true })
    let descendant = try #require(folder.read("said").flatMap { Int32($0.dropLast()) })
    child.kill()
    #expect(await eventually { !Self.isRunning(descendant) })
  }

  /// A process that nobody has reaped yet is one that has ended.
  private static func isRunning(_ processID: Int32) -> Bool {
    guard let bytes = try? WholeFile.read("/proc/\(processID)/stat", maxBytes: 4_096) else { return false }
    return !String(decoding: bytes, as: UTF8.self).contains(") Z ")
  }
}
