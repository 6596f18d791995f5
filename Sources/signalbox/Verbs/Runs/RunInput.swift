internal import Base
internal import ControlPlane
internal import Glibc

/// From the arguments of `run` to the request: reads what they name. Throws `invalid`, one line, and `limit`.
struct RunInput {
  /// Of one file; the node says what it takes.
  private static let bytesMax = 16 << 20
  private static let endings = [
    "py": "python", "js": "javascript", "mjs": "javascript", "cjs": "javascript", "ts": "typescript",
    "mts": "typescript",
    "go": "go",
  ]
  private static let languages = ["python", "javascript", "typescript", "go"]

  let command: RunCommand

  init(_ command: RunCommand) { self.command = command }

  func request() throws(Failure) -> RunRequest {
    let language = try language()
    let profile = try profile()
    if command.program == "-", command.stdin == "-" {
      throw Failure(.invalid, "standard input cannot be both the program and --stdin")
    }
    var files: [RunRequest.File] = []
    for text in command.files { files.append(try file(text)) }
    guard let code = String(validating: try Self.read(command.program), as: UTF8.self) else {
      throw Failure(.invalid, "\(Self.shown(command.program)): the program is not UTF-8")
    }
    return RunRequest(
      id: Digest.hex((0..<8).map { _ in UInt8.random(in: 0...255) }), language: language, code: code, files: files,
      input: Blob(try command.stdin.map { path throws(Failure) in try Self.read(path) } ?? []),
      arguments: command.arguments, timeoutMilliseconds: try timeout(), memoryBytes: try memory(), profile: profile,
      isCached: !command.noCache, project: try project())
  }

  private func language() throws(Failure) -> String {
    if let language = command.language {
      guard Self.languages.contains(language) else {
        throw Failure(
          .invalid,
          "--language '\(Self.shown(language))' must be one of \(Self.languages.joined(separator: ", "))"
            + Suggestion.clause(for: language, in: Self.languages))
      }
      return language
    }
    let name = command.program.split(separator: "/").last ?? ""
    let pieces = name.split(separator: ".")
    guard pieces.count > 1, let ending = pieces.last, let language = Self.endings[ending.lowercased()] else {
      throw Failure(
        .invalid, "\(Self.shown(command.program)): its name does not say its language",
        hint: "give --language \(Self.languages.joined(separator: "|"))")
    }
    return language
  }

  private func profile() throws(Failure) -> String {
    let profiles = ["strict", "standard", "off"]
    guard profiles.contains(command.profile) else {
      throw Failure(
        .invalid,
        "--profile '\(Self.shown(command.profile))' must be one of \(profiles.joined(separator: ", "))"
          + Suggestion.clause(for: command.profile, in: profiles))
    }
    return command.noValidate ? "off" : command.profile
  }

  private func timeout() throws(Failure) -> Int? {
    guard let text = command.timeout else { return nil }
    guard let time = Quantity.milliseconds(text), (100...300_000).contains(time) else {
      throw Failure(.invalid, "--timeout '\(Self.shown(text))' must be a time from 100ms to 5m, such as 30s")
    }
    return Int(time)
  }

  private func memory() throws(Failure) -> Int? {
    guard let text = command.memory else { return nil }
    guard let bytes = Quantity.bytes(text), ((16 << 20)...(64 << 30)).contains(bytes) else {
      throw Failure(.invalid, "--memory '\(Self.shown(text))' must be a size from 16M to 64G, such as 512M")
    }
    return Int(bytes)
  }

  private func project() throws(Failure) -> ProjectID? {
    guard let text = command.project else { return nil }
    guard let id = ProjectID(rawValue: text) else {
      throw Failure(.invalid, "--project '\(Self.shown(text))' is no project id", hint: ProjectID.rule)
    }
    return id
  }

  /// `NAME=PATH`.
  private func file(_ text: String) throws(Failure) -> RunRequest.File {
    let pieces = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard pieces.count == 2, !pieces[0].isEmpty, !pieces[1].isEmpty else {
      throw Failure(.invalid, "--file '\(Self.shown(text))' must be NAME=PATH")
    }
    return RunRequest.File(path: pieces[0], content: Blob(try Self.read(pieces[1])))
  }

  private static func read(_ path: String) throws(Failure) -> [UInt8] {
    if path == "-" { return try StandardInput.read(bytesMax: bytesMax) }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unreadable(path, errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count == 0 { return bytes }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw unreadable(path, errno) }
      bytes.append(contentsOf: chunk.prefix(count))
      guard bytes.count <= bytesMax else {
        throw Failure(.limit, "\(shown(path)) is longer than \(Quantity.describe(bytes: Int64(bytesMax)))")
      }
    }
  }

  private static func unreadable(_ path: String, _ code: Int32) -> Failure {
    Failure(.invalid, "\(shown(path)): cannot be read: \(String(cString: strerror(code)))")
  }

  private static func shown(_ text: String) -> String { DisplayText(text).truncated(to: 120).text }
}
