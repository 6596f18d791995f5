import Base
import ControlPlane

@testable import Console

/// Snapshots of an index with fixed figures.
enum IndexFixture {
  static func id(_ name: String) -> ProjectID { ProjectID(folderName: name) }

  static func index() -> IndexSnapshot {
    var index = IndexSnapshot(projects: [
      ProjectStatus(
        id: id("api"), path: "/srv/git/api", ref: "main", commit: "9f31c2a08d", state: .indexing, files: 41_208,
        chunks: 402_117, progress: 0.82, filesPerSecond: 1_912, etaSeconds: 5, currentFile: "src/session/auth.ts",
        embedCacheHitRate: 0.991),
      ProjectStatus(
        id: id("core"), path: "/srv/git/core", ref: "dev", commit: "c41e09b", state: .failed, files: 2_310,
        chunks: 18_204, error: "cannot read git object 0ab91c: it is damaged"),
      ProjectStatus(
        id: id("docs"), path: "/srv/docs", state: .stale, files: 212, chunks: 1_204, error: "never indexed"),
      ProjectStatus(
        id: id("web"), path: "/srv/git/web", ref: "main", commit: "77b0aa1", state: .ready, files: 12_044,
        chunks: 98_112, embedCacheHitRate: 0.42),
    ])
    index.queries = 1_204
    index.queryLatency = LatencySummary(
      p50: 3.2, p95: 6.1, p99: 8.8, counts: Array(repeating: 0, count: 8) + [12, 90, 410, 620, 61, 11])
    index.bytes = 1_204 << 20
    index.bytesMax = 20 << 30
    index.embeddingsComputed = 41_204
    index.embeddingsFromCache = 402_117
    index.lastRuns = [
      ReindexEnding(
        timeMilliseconds: ModelFixture.start.wall - 60_000, project: id("web"), report: report("web"), failure: nil),
      ReindexEnding(
        timeMilliseconds: ModelFixture.start.wall - 90_000, project: id("core"), report: nil,
        failure: Failure(.unavailable, "cannot read git object 0ab91c: it is damaged")),
    ]
    var journey = PipelineJourney(
      timeMilliseconds: ModelFixture.start.wall - 60_000, project: id("web"), trigger: .commit, commit: "77b0aa1f",
      filesChanged: 12, keysInvalidated: 41, totalMilliseconds: 38, isComplete: true)
    journey.stages = [
      .init(name: "detect", milliseconds: 2), .init(name: "invalidate", milliseconds: 1),
      .init(name: "reindex", milliseconds: 30), .init(name: "broadcast", milliseconds: 1),
    ]
    index.journeys = [journey]
    return index
  }

  static func report(_ project: String, failed: [String] = []) -> ReindexReport {
    ReindexReport(
      project: id(project), commit: "77b0aa1", mode: .incremental, filesIndexed: 12, filesUnchanged: 12_032,
      filesSkipped: [], filesSkippedCount: 0, filesFailed: failed.map { .init(path: $0, error: "unreadable") },
      chunks: 98_112, embeddingsComputed: 41, embeddingsFromCache: 7, durationSeconds: 0.031, filesPerSecond: 387)
  }

  static func snapshot(_ index: IndexSnapshot? = index()) -> Snapshot {
    var snapshot = ModelFixture.snapshot()
    snapshot.index = index
    return snapshot
  }

  static func console(
    _ width: Int = 120, _ height: Int = 40, index: IndexSnapshot? = index(), isReadOnly: Bool = false,
    glyphs: GlyphSet = .braille
  ) -> ModelFixture {
    var fixture = ModelFixture(width: width, height: height, isReadOnly: isReadOnly, glyphs: glyphs)
    fixture.receive(.snapshot(snapshot(index)))
    return fixture
  }

  static func hit(_ number: Int) -> SearchHit {
    SearchHit(
      path: "src/session/auth\(number).ts", startLine: 41 + number, endLine: 80 + number, symbol: "refreshSession",
      language: "typescript", score: 0.82 - Double(number) / 100,
      snippet: "export async function refreshSession\(number)(token: string) {\n\tconst next = rotate(token);\n}",
      project: id("api"))
  }
}

/// What the pictures of panes are compared by.
enum PanePicture {
  /// The lines of the pane alone, its border included.
  static func text(_ fixture: ModelFixture, _ pane: PaneID) -> String {
    guard let frame = fixture.model.layout.frames[pane] else { return "" }
    let canvas = fixture.model.picture()
    return (frame.y..<frame.maxY).map { y in
      (frame.x..<frame.maxX).map { canvas[$0, y].cluster }.joined()
    }.joined(separator: "\n")
  }
}
