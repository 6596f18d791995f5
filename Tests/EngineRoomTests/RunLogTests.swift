import Base
import ControlPlane
import Foundation
import Glibc
import TestKit
import Testing

@testable import EngineRoom

/// The runs that ended, on disk.
@Suite struct RunLogTests {
  private struct Stage {
    let folder = try? TemporaryFolder()
    let clock = ManualClock(startMilliseconds: 1_000_000)

    func log(_ bounds: RunLog.Bounds = RunLog.Bounds()) throws -> RunLog {
      RunLog(folder: try #require(folder).file("runs"), clock: clock, bounds: bounds)
    }

    func names() -> Set<String> {
      // A folder that is not there has no names.
      let names = folder.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0.file("runs")) } ?? []
      return Set(names.filter { $0 != "log" })
    }
  }

  private static func detail(
    _ id: String, title: String = "print(1)", actor: String = "kris", outcome: RunOutcome = .succeeded,
    time: Int64 = 1_000_000, files: [String] = []
  ) -> RunDetail {
    let summary = RunSummary(
      id: id, state: .finished, language: "python", actor: actor, title: title, timeMilliseconds: time,
      outcome: outcome)
    var result = RunResult(
      id: id, language: "python", backend: "bubblewrap", stdout: "out\u{1B}", stderr: "",
      limits: .init(
        memoryBytes: 1, cpuPercent: 1, timeoutMilliseconds: 1, processes: 1, tmpBytes: 1, outputBytes: 1,
        enforcedBy: "cgroup"))
    result.files = files.map { .init(path: $0, bytes: 3) }
    return RunDetail(summary: summary, result: result, code: title)
  }

  @Test func whatIsAppendedIsReadAfterARestart() async throws {
    let stage = Stage()
    let log = try stage.log()
    let first = Self.detail("run-0001", files: ["../../evil", "a b"])
    try await log.append(first, files: [Array("one".utf8), nil])
    try await log.append(Self.detail("run-0002", title: "import x", outcome: .failed), files: [])
    let again = try stage.log()
    #expect(try await again.search(RunQuery()).map(\.id) == ["run-0002", "run-0001"])
    #expect(try await again.detail("run-0001") == first)
    #expect(try await again.file("run-0001", number: 0) == Array("one".utf8))
    #expect(try await again.file("run-0001", number: 1) == nil)
    #expect(stage.names() == ["run-0001", "run-0002"], "no name that a program chose is on disk")
  }

  @Test func aTakenIdCostsTheRunThatHasItNothing() async throws {
    let stage = Stage()
    let log = try stage.log()
    let first = Self.detail("run-0001", files: ["a"])
    try await log.append(first, files: [Array("one".utf8)])
    await #expect(throws: Failure.self) { try await log.append(Self.detail("run-0001", title: "other"), files: []) }
    #expect(try await log.detail("run-0001") == first)
    #expect(try await log.file("run-0001", number: 0) == Array("one".utf8))
    #expect(stage.names() == ["run-0001"])
  }

  @Test func itIsSearchedByWordsOutcomeCallerAndNumber() async throws {
    let stage = Stage()
    let log = try stage.log()
    try await log.append(Self.detail("run-0001", title: "Fetch the plan", actor: "ada"), files: [])
    try await log.append(Self.detail("run-0002", title: "plot it", outcome: .timedOut), files: [])
    try await log.append(Self.detail("run-0003", title: "plan again"), files: [])
    func ids(_ query: RunQuery, actor: String? = nil) async throws -> [String] {
      try await log.search(query, actor: actor).map(\.id)
    }
    #expect(try await ids(RunQuery(text: "PLAN")) == ["run-0003", "run-0001"])
    #expect(try await ids(RunQuery(text: "plan ada")) == ["run-0001"])
    #expect(try await ids(RunQuery(outcome: .timedOut)) == ["run-0002"])
    #expect(try await ids(RunQuery(), actor: "ada") == ["run-0001"])
    #expect(try await ids(RunQuery(limit: 2)) == ["run-0003", "run-0002"])
  }

  @Test func aTornLineAndFoldersWithoutOneAreTracesOfADeath() async throws {
    let stage = Stage()
    let log = try stage.log()
    try await log.append(Self.detail("run-0001"), files: [])
    try await log.append(Self.detail("run-0002"), files: [])
    let folder = try #require(stage.folder)
    let text = try #require(folder.read("runs/log"))
    let lines = text.split(separator: "\n")
    // The second line was cut, a third run was written beside its place, and a fourth has no line at all.
    try folder.write("runs/log", "\(lines[0])\n\(lines[1].prefix(40))")
    try folder.write("runs/.run-0003/run.json", "{")
    try folder.write("runs/run-0004/run.json", "{}")
    let again = try stage.log()
    #expect(try await again.search(RunQuery()).map(\.id) == ["run-0001"])
    #expect(stage.names() == ["run-0001"])
    try await again.append(Self.detail("run-0005"), files: [])
    let third = try stage.log()
    #expect(try await third.search(RunQuery()).map(\.id) == ["run-0005", "run-0001"], "the torn line swallows nothing")
  }

  @Test func theOldestGoWhenABoundIsReached() async throws {
    let stage = Stage()
    var bounds = RunLog.Bounds()
    bounds.runs = 3
    let log = try stage.log(bounds)
    for number in 1...9 { try await log.append(Self.detail("run-000\(number)"), files: []) }
    #expect(try await log.search(RunQuery()).map(\.id) == ["run-0009", "run-0008", "run-0007"])
    #expect(stage.names() == ["run-0009", "run-0008", "run-0007"])
    let lines = try #require(stage.folder?.read("runs/log")).split(separator: "\n")
    #expect(lines.count <= 7, "the log is written anew: \(lines.count)")
    #expect(try await stage.log(bounds).search(RunQuery()).count == 3)
  }

  @Test func filesGoByAgeAndSizeAndRecordsStay() async throws {
    let stage = Stage()
    var bounds = RunLog.Bounds()
    bounds.fileBytes = 5
    bounds.fileMilliseconds = 10_000
    let log = try stage.log(bounds)
    try await log.append(Self.detail("run-0001", files: ["a"]), files: [[1, 2, 3]])
    try await log.append(Self.detail("run-0002", files: ["a"]), files: [[1, 2, 3]])
    #expect(try await log.file("run-0001", number: 0) == nil, "six bytes are more than five")
    #expect(try await log.file("run-0002", number: 0) == [1, 2, 3])
    stage.clock.advance(by: .seconds(11))
    try await log.append(Self.detail("run-0003", time: stage.clock.nowMilliseconds()), files: [])
    #expect(try await log.file("run-0002", number: 0) == nil, "it is too old")
    #expect(try await log.detail("run-0001") != nil)
  }

  @Test func aFolderThatCannotBeWrittenIsAFailure() async throws {
    let log = RunLog(folder: "/proc/no-such-place/runs", clock: ManualClock(startMilliseconds: 0))
    await #expect(throws: Failure.self) { try await log.append(Self.detail("run-0001"), files: []) }
  }
}
