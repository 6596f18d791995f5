import Base
import Bench
import ControlPlane
import Foundation
import Testing

@Suite struct BenchHistoryTests {
  private func withHistory(_ body: (BenchHistory, String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/sbx-bench-\(NodeID.random())"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(BenchHistory(stateFolder: folder), folder + "/bench")
  }

  private func report(_ id: String, at time: Int64) -> BenchReport {
    BenchReport(
      id: id, commit: "c", timeMilliseconds: time, machine: .init(cores: 1, memoryBytes: 2, kernel: "k", load: 0.5),
      results: [.init(suite: "s", name: "n", value: 1, unit: "ms", target: 2, samples: 3, noise: 0.1)])
  }

  @Test func whatIsSavedComesBackNewestFirst() throws {
    try withHistory { history, folder in
      let empty = try history.load()
      #expect(empty.reports.isEmpty && empty.skipped.isEmpty)
      for (id, time) in [("b", 2), ("a", 3), ("c", 1)] as [(String, Int64)] { try history.save(report(id, at: time)) }
      #expect(try history.load().reports == [report("a", at: 3), report("b", at: 2), report("c", at: 1)])
      #expect(try history.load(limit: 2).reports.map(\.id) == ["a", "b"])
      #expect(try history.report("b") == report("b", at: 2))
      let mode = try FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions] as? Int
      #expect(mode == 0o700)
    }
  }

  @Test func corruptFilesAreSkippedAndNamed() throws {
    try withHistory { history, folder in
      try history.save(report("good", at: 1))
      let bad = ["empty": "", "cut": "{\"id\": \"cut\"", "strange": "[]", "secret": "{\"password\": \"hunter2\"}"]
      for (name, text) in bad { try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name).json")) }
      try FileManager.default.copyItem(atPath: "\(folder)/good.json", toPath: "\(folder)/copy.json")
      try FileManager.default.createDirectory(atPath: "\(folder)/folder.json", withIntermediateDirectories: false)
      try Data("x".utf8).write(to: URL(filePath: "\(folder)/Not A Report.json"))
      let contents = try history.load()
      #expect(contents.reports == [report("good", at: 1)])
      #expect(contents.skipped.count == 6)
      for name in bad.keys { #expect(contents.skipped.contains { $0.hasPrefix("\(folder)/\(name).json: ") }) }
      #expect(!contents.skipped.contains { $0.contains("hunter2") })
      try history.save(report("next", at: 2))
      #expect(try history.load().reports.map(\.id) == ["next", "good"])
    }
  }

  @Test func onlyTheNewestTwoHundredAreKept() throws {
    try withHistory { history, _ in
      for time in 1...Int64(BenchHistory.reportsMax + 3) { try history.save(report("r\(time)", at: time)) }
      let reports = try history.load(limit: .max).reports
      #expect(reports.count == BenchHistory.reportsMax)
      #expect(reports.last?.timeMilliseconds == 4)
    }
  }

  @Test(arguments: ["", "../a", "a/b", "A", "a.b", String(repeating: "a", count: 65)])
  func idsThatAreNoFileNamesAreRefused(id: String) throws {
    try withHistory { history, _ in
      #expect(throws: Failure.self) { try history.save(report(id, at: 1)) }
      #expect(throws: Failure.self) { _ = try history.report(id) }
    }
  }
}
