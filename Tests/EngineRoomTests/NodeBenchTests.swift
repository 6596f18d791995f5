import Base
import ControlPlane
import TestKit
import Testing

@testable import EngineRoom

@Suite(.timeLimit(.minutes(1))) struct NodeBenchTests {
  private func report(
    _ time: Int64, _ value: Double, commit: String = "new", suite: String = "control", isQuick: Bool? = nil
  ) -> BenchReport {
    var report = BenchReport(
      id: "\(time)", commit: commit, timeMilliseconds: time,
      machine: .init(cores: 2, memoryBytes: 1, kernel: "k", load: 0),
      results: [
        .init(
          suite: suite, name: "n", value: value, unit: "ms", target: 5, samples: 1, figures: [value, value, value])
      ])
    report.isQuick = isQuick
    return report
  }

  @Test func regressionsAreCountedAgainstTheLastComparableRunOfAnotherCommit() {
    let now = report(9, 10)
    let last = report(8, 2, commit: "old")
    let older = report(7, 20, commit: "older")
    #expect(NodeBench.summary(of: now, after: [last, older]).regressions == 1)
    #expect(NodeBench.summary(of: now, after: [older, last]).regressions == 0)
    #expect(
      NodeBench.summary(of: now, after: [report(8, 2), older]).regressions == 0, "the same commit again is noise")
    #expect(NodeBench.summary(of: now, after: []).regressions == 0)
    #expect(NodeBench.summary(of: now, after: [report(8, 2, commit: "old", suite: "cache"), older]).regressions == 0)
    #expect(NodeBench.summary(of: now, after: [report(8, 2, commit: "old", isQuick: true), older]).regressions == 0)
    #expect(NodeBench.summary(of: now, after: [last]) == BenchSnapshot(lastRun: 9, met: 0, missed: 1, regressions: 1))
  }

  @Test func singleRunsOfTwoCommitsCountNoRegressionUntilThereAreThreeOfEach() {
    func single(_ time: Int64, _ value: Double, _ commit: String) -> BenchReport {
      var single = report(time, value, commit: commit)
      single.results[0].figures = nil
      return single
    }
    let old = (1...3).map { single($0, 2, "old") }.reversed()
    let now = single(9, 10, "new")
    #expect(NodeBench.summary(of: now, after: Array(old)).regressions == 0)
    let repeated = [single(8, 10, "new"), single(7, 10, "new")] + old
    #expect(NodeBench.summary(of: now, after: repeated).regressions == 1)
  }

  @Test(arguments: ["batch", "batch=", "=1", "batch=0", "batch=1,1", "batch=1,x", "batch=100001", "batch=1=2"])
  func aSweepThatIsNoneIsRefused(text: String) {
    #expect(throws: Failure.self) { try BenchSweep(text) }
  }

  @Test func aSweepIsOfAKnownSettingWithinItsRangeAndInPlaceOfSuites() throws {
    try NodeBench.check(BenchOptions(runs: 20, sweep: try BenchSweep("batch=32,64,128")))
    for (text, suites) in [("nothing=1", []), ("loops=257", []), ("batch=64", ["index"])] {
      let options = BenchOptions(suites: suites, sweep: try BenchSweep(text))
      #expect(throws: Failure.self) { try NodeBench.check(options) }
    }
    #expect(throws: Failure.self) { try NodeBench.check(BenchOptions(runs: 21)) }
    #expect(throws: Failure.self) { try NodeBench.check(BenchOptions(runs: 0)) }
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
