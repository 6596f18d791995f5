import Base
import Bench
import TestKit
import Testing

@testable import EngineRoom

/// Each row of the index's bench is taken once, over sixty files: whether it works counts, and not the figure.
@Suite(.timeLimit(.minutes(3))) struct IndexWorkloadTests {
  @Test func everyRowGivesAFigure() async throws {
    let folder = try TemporaryFolder()
    let bench = Workbench(executable: "/nonexistent", folder: folder.path, isQuick: true)
    try #require(IndexWorkloads.leftOut == nil)
    let rows = IndexWorkloads.all(bench)
    #expect(Set(rows.map(\.name)).count == rows.count)
    for row in rows {
      #expect(row.suite == "index" && row.target != nil)
      do {
        try await row.prepare()
        let sample = try #require(try await row.measure())
        #expect(sample >= 0, "\(row.name)")
      } catch {
        Issue.record("\(row.name): \(error)")
      }
      await row.cleanup()
    }
  }
}
