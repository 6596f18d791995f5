import Base
import Bench
import TestKit
import Testing

@testable import EngineRoom

/// Each row of the cache's bench is taken once, in its shortest form: whether it works counts, and not the figure.
@Suite struct CacheWorkloadTests {
  @Test func everyRowGivesAFigure() async throws {
    let folder = try TemporaryFolder()
    let bench = Workbench(executable: "/nonexistent", folder: folder.path, isQuick: true)
    try #require(CacheWorkloads.leftOut == nil)
    let rows = CacheWorkloads.all(bench)
    #expect(Set(rows.map(\.name)).count == rows.count)
    for row in rows {
      #expect(row.suite == "cache" && row.target != nil)
      do {
        try await row.prepare()
        let sample = try await row.measure()
        #expect(sample.map { $0 >= 0 } ?? true, "\(row.name)")
      } catch {
        Issue.record("\(row.name): \(error)")
      }
      await row.cleanup()
    }
  }
}
