import Base
import CodeIndex
import ControlPlane
import Glibc

/// Indexes a folder in a process of its own: `IndexProbe FOLDER STATE` again and again until it is killed,
/// `IndexProbe FOLDER STATE once [UID]` once, as that user if one is given; prints what came of it.
@main struct IndexProbe {
  static let id = ProjectID(folderName: "killed")

  static func main() async throws {
    let arguments = CommandLine.arguments
    if arguments.count > 3 {
      await once(arguments[1], arguments[2], user: arguments.count > 4 ? UInt32(arguments[4]) : nil)
      return
    }
    let engine = try IndexEngine(.init(folder: arguments[2], workers: 2))
    try engine.add(id, path: arguments[1])
    print("ready")
    // Into a pipe, lines wait in a buffer.
    fflush(nil)
    for round in 0..<1_000 { try await engine.reindex(id, full: round % 2 == 1) }
  }

  private static func once(_ folder: String, _ state: String, user: UInt32?) async {
    if let user, setgroups(0, nil) != 0 || setgid(user) != 0 || setuid(user) != 0 { return print("no such user") }
    do {
      let engine = try IndexEngine(.init(folder: state, workers: 2))
      try engine.add(id, path: folder)
      let before = engine.snapshot().first?.files ?? 0
      do {
        let report = try await engine.reindex(id)
        for file in report.filesSkipped { print("skipped \(file.path): \(file.reason)") }
        for file in report.filesFailed { print("failed \(file.path): \(file.error)") }
        print("indexed \(report.filesIndexed) of \(engine.snapshot().first?.files ?? 0), before \(before)")
      } catch {
        print("failure: \(error.failure.message) | \(error.failure.hint ?? "")")
        print("answers from \(engine.snapshot().first?.files ?? 0), before \(before)")
      }
    } catch {
      print("failure: \(error.failure.message)")
    }
  }
}
