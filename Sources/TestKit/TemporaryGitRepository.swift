public import Base

/// A real git repository of one test, made with the git command line and untouched by the configuration of user and
/// machine. Commits have fixed authors, and times one second apart, so their hashes are the same in every run.
public final class TemporaryGitRepository: Sendable {
  public let folder: TemporaryFolder
  private let clock = ManualClock(startMilliseconds: 1_767_225_600_000)

  public var path: String { folder.path }

  /// An empty repository on branch `main`.
  public init() async throws(Failure) {
    folder = try TemporaryFolder()
    try await git("init", "--quiet", "--initial-branch=main")
  }

  public func close() { folder.close() }

  /// Writes a file of the work tree; nothing is staged yet.
  public func write(_ name: String, _ text: String) throws(Failure) { try folder.write(name, text) }

  public func rename(_ old: String, _ new: String) async throws(Failure) { try await git("mv", "--", old, new) }

  public func delete(_ name: String) async throws(Failure) { try await git("rm", "--quiet", "--", name) }

  /// Stages everything and commits it; the hash of the commit.
  @discardableResult
  public func commit(_ message: String) async throws(Failure) -> String {
    clock.advance(by: .seconds(1))
    try await git("add", "--all")
    try await git("commit", "--quiet", "--allow-empty", "--message", message)
    return try await head()
  }

  /// Makes a branch here and switches to it.
  public func branch(_ name: String) async throws(Failure) { try await git("switch", "--quiet", "--create", name) }

  public func checkout(_ name: String) async throws(Failure) { try await git("checkout", "--quiet", name) }

  public func head() async throws(Failure) -> String { try await git("rev-parse", "HEAD") }

  /// Any git command in the work tree; its standard output without the last line feed.
  @discardableResult
  public func git(_ arguments: String...) async throws(Failure) -> String {
    let options = ProgramProcess.Options(environment: environment(), folder: path)
    let outcome = try await ProgramProcess.run("git", arguments, options)
    guard outcome.status == .exited(0) else {
      throw Failure(.internal, "git \(arguments.joined(separator: " ")) failed: \(outcome.standardError)")
    }
    return outcome.standardOutput.hasSuffix("\n") ? String(outcome.standardOutput.dropLast()) : outcome.standardOutput
  }

  private func environment() -> [String: String] {
    let date = Timestamp.iso8601(clock.nowMilliseconds())
    return Environment.clean([
      "HOME": path, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0",
      "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@example.com", "GIT_AUTHOR_DATE": date,
      "GIT_COMMITTER_NAME": "Test", "GIT_COMMITTER_EMAIL": "test@example.com", "GIT_COMMITTER_DATE": date,
      "LC_ALL": "C",
    ])
  }
}
