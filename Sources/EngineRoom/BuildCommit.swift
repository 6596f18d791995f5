internal import Base

/// Which source a program was built from, as far as the folder it lies in can tell.
enum BuildCommit {
  private static let deadline = Duration.seconds(5)

  /// `1a2b3c4` of the repository that the program lies in, with `-dirty` when tracked files differ from it; the
  /// version when it lies in none, or git is not there.
  static func of(executable: String, version: String) async -> String {
    let folder = executable.split(separator: "/").dropLast().joined(separator: "/")
    guard let commit = await git("/" + folder, ["rev-parse", "--short", "HEAD"]), !commit.isEmpty,
      commit.utf8.count <= 64, commit.allSatisfy(\.isHexDigit),
      let changes = await git("/" + folder, ["status", "--porcelain", "--untracked-files=no"])
    else { return version }
    return changes.isEmpty ? commit : "\(commit)-dirty"
  }

  private static func git(_ folder: String, _ arguments: [String]) async -> String? {
    let outcome = await ProbeCommand(
      executable: "/usr/bin/env", arguments: ["git", "-C", folder] + arguments,
      environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"],
      deadline: deadline
    ).run()
    guard case .ended(0, let output) = outcome else { return nil }
    return output.split(separator: "\n").joined(separator: "\n")
  }
}
