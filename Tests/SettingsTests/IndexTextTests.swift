import Base
import ControlPlane
import Testing

@testable import signalbox

/// What people read of the index.
@Suite struct IndexTextTests {
  private static let pear = ProjectID(folderName: "pear")

  @Test func theBarFillsAndShowsOutsideNamesSafely() {
    var progress = ReindexProgress(
      project: Self.pear, filesDone: 50, filesTotal: 100, filesPerSecond: 25, etaSeconds: 2,
      currentFile: "a\u{1B}[2Jb.py")
    #expect(
      ProgressDisplay.bar(progress)
        == "[############............] 50/100 files, 25/s, 2.0 s left  a\\x1b[2Jb.py")
    #expect(ProgressDisplay.line(progress) == "pear: 50/100 files, 25/s, 2.0 s left")
    progress.etaSeconds = .infinity
    progress.filesTotal = 0
    progress.filesFailed = 3
    #expect(ProgressDisplay.bar(progress).hasPrefix("[########################] 50/0 files, 25/s, 3 failed"))
  }

  @Test func aReportNamesWhatWasSkippedFailedAndNoted() {
    var report = ReindexReport(
      project: Self.pear, commit: "0123456789abcdef", mode: .incremental, filesIndexed: 2, filesUnchanged: 5,
      filesSkipped: [
        .init(path: "a", reason: "binary"), .init(path: "b", reason: "vendored"), .init(path: "c", reason: "vendored"),
      ], filesSkippedCount: 3, filesFailed: [.init(path: "x\u{9B}y", error: "unreadable")], chunks: 20,
      embeddingsComputed: 4, embeddingsFromCache: 3, durationSeconds: 0.5, filesPerSecond: 4)
    report.notes = ["the model changed"]
    #expect(
      IndexText.report(report) == """
        pear at 0123456789ab: incremental, 2 files indexed, 5 unchanged, 3 skipped, 1 failed
        20 chunks, 4 embeddings computed, 3 known, in 0.50 s, 4 files/s
        skipped 2: vendored
        skipped 1: binary
        the model changed
        failed  x\\x9by: unreadable
        """)
  }

  @Test func hitsShowWhereAndWhatWithoutControlBytes() {
    let hit = SearchHit(
      path: "src/a\u{1B}.py", startLine: 3, endLine: 42, symbol: "parse", language: "python", score: 0.98765,
      snippet: "def parse():\n\u{9B}31m", project: Self.pear)
    #expect(
      IndexText.hits([hit]) == """
        src/a\\x1b.py:3-42  parse  python  pear  0.988
            def parse():
            \\x9b31m
        """)
  }
}
