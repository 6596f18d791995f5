import Base
import CodeIndex
import Glibc

/// Indexes a folder again and again until it is killed: `IndexProbe FOLDER STATE`.
@main struct IndexProbe {
  static func main() async throws {
    let arguments = CommandLine.arguments
    let engine = try IndexEngine(.init(folder: arguments[2], workers: 2))
    let id = ProjectID(folderName: "killed")
    try engine.add(id, path: arguments[1])
    print("ready")
    // Into a pipe, lines wait in a buffer.
    fflush(nil)
    for round in 0..<1_000 { try await engine.reindex(id, full: round % 2 == 1) }
  }
}
