import Base
import Bench
import TestKit
import Testing

@testable import EngineRoom

/// Each row of the pipeline's and the memory's bench is taken once, on real nodes: whether it works counts, and not the
/// figure.
@Suite(.timeLimit(.minutes(5))) struct PipelineWorkloadTests {
  @Test(arguments: ["pipeline", "memory"]) func everyRowGivesAFigure(suite: String) async throws {
    let folder = try TemporaryFolder()
    let bench = Workbench(executable: try signalboxExecutable(), folder: folder.path, isQuick: true)
    try #require(PipelineWorkloads.leftOut == nil)
    let rows = suite == "pipeline" ? PipelineWorkloads.all(bench) : MemoryWorkloads.all(bench)
    #expect(Set(rows.map(\.name)).count == rows.count && rows.allSatisfy { $0.suite == suite })
    for row in rows {
      do {
        try await row.prepare()
        let sample = try #require(try await row.measure())
        #expect(sample >= 0, "\(row.name)")
        if row.name == "errors" { #expect(sample == 0) }
        if row.name == "operations" { #expect(sample > 0) }
      } catch {
        Issue.record("\(row.name): \(error)")
      }
      await row.cleanup()
    }
  }
}
