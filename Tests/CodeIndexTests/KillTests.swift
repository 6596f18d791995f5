import Base
import ControlPlane
import FoundationEssentials
import Glibc
import TestKit
import Testing

@testable import CodeIndex

/// A process that is killed at any moment leaves an index that is whole: the generation before or the one after.
@Suite struct KillTests {
  static var probe: String {
    // A process that cannot read its own link finds no program, and the test says so.
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let candidates = [own, CommandLine.arguments.first ?? ""].flatMap { path -> [String] in
      let parts = path.split(separator: "/").dropLast()
      return [parts, parts.dropLast(), parts.dropLast(2), parts.dropLast(3)].map {
        "/" + $0.joined(separator: "/") + "/IndexProbe"
      }
    }
    return candidates.first { access($0, X_OK) == 0 } ?? "IndexProbe"
  }

  @Test func fiftyKillsNeverLeaveHalfAnIndex() async throws {
    let repository = try await TemporaryGitRepository()
    defer { repository.close() }
    let state = try TemporaryFolder()
    for number in 0..<60 {
      try repository.write("f\(number).py", "def function_\(number)(a, b):\n  return a + b + \(number)\n")
    }
    try await repository.commit("first")
    let id = ProjectID(folderName: "killed")
    var random = SeededRandom()
    var whole = 0
    for round in 0..<50 {
      if round % 5 == 4 {
        try repository.write("f\(round).py", "def changed_\(round)(a, b):\n  return a * b\n")
        try await repository.commit("round \(round)")
      }
      let process = try ProgramProcess(Self.probe, [repository.path, state.file("index")])
      #expect(await eventually { process.standardOutput.contains("ready") || !process.isRunning })
      if round % 10 == 5 {
        // A slow machine has nothing whole within milliseconds; now and then a run may come to its end.
        let manifest = state.file("index/projects/killed.manifest")
        _ = await eventually { FileManager.default.fileExists(atPath: manifest) || !process.isRunning }
      }
      usleep(UInt32.random(in: 0...15_000, using: &random))
      process.kill()
      _ = try await process.outcome()
      let engine = try IndexEngine(.init(folder: state.file("index"), workers: 2))
      #expect(engine.damaged.isEmpty, "\(random)")
      try engine.add(id, path: repository.path)
      let status = try #require(engine.snapshot().first)
      // Nothing yet, or all of it; the segments a full run replaced may be the ones that are there.
      #expect(status.files == 0 || status.files == 60, "round \(round): \(status) \(random)")
      whole += status.files == 60 ? 1 : 0
    }
    #expect(whole > 0)
    let engine = try IndexEngine(.init(folder: state.file("index"), workers: 2))
    try engine.add(id, path: repository.path)
    try await engine.reindex(id)
    #expect(try engine.search(SearchQuery("changed 49")).hits.first?.path == "f49.py")
    let left = try FileManager.default.contentsOfDirectory(atPath: state.file("index/segments"))
    #expect(left.allSatisfy { $0.hasSuffix(".seg") })
  }
}
