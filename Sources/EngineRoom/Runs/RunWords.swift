internal import Base
internal import ControlPlane
internal import Sandbox

/// The sandbox's own words in those of the control plane, and back.
enum RunWords {
  /// Those that the contract names, whether or not they can be run here.
  static let languages = ["python", "javascript", "typescript", "go"]

  /// Of a run's own id.
  static let idLengths = 8...64
  private static let titleLength = 120

  /// The request as the sandbox takes it. Throws `invalid`, one line.
  static func request(_ wish: RunRequest, owner: String, settings: RunSettings) throws(Failure) -> SandboxRequest {
    guard let language = Language(rawValue: wish.language) else {
      let shown = DisplayText(wish.language).truncated(to: 40)
      throw languages.contains(wish.language)
        ? Failure(.unavailable, "programs in \(wish.language) cannot be run by this build", isRetriable: false)
        : Failure(
          .invalid, "there is no language '\(shown)'", hint: "one of \(languages.joined(separator: ", "))")
    }
    guard let profile = SandboxRequest.Profile(rawValue: wish.profile) else {
      let shown = DisplayText(wish.profile).truncated(to: 40)
      throw Failure(.invalid, "there is no profile '\(shown)'", hint: "one of strict, standard, off")
    }
    if let id = wish.id { try check(id: id) }
    var limits = SandboxLimits(timeoutMilliseconds: wish.timeoutMilliseconds ?? settings.timeoutMilliseconds)
    limits.memoryBytes = settings.memoryBytes
    if let memory = wish.memoryBytes {
      guard memory <= settings.memoryBytesMax else {
        let (asked, most) = (Int64(memory), Int64(settings.memoryBytesMax))
        throw Failure(
          .invalid,
          "a program may have \(Quantity.describe(bytes: most)) of memory here, not \(Quantity.describe(bytes: asked))",
          hint: "ask for less, or set SANDBOX_MEMORY_MAX of the node")
      }
      limits.memoryBytes = memory
    }
    let request = SandboxRequest(
      language: language, code: wish.code,
      files: wish.files.map { SandboxRequest.File(path: $0.path, content: $0.content.bytes) },
      input: wish.input.bytes, arguments: wish.arguments, limits: limits, profile: profile, owner: owner)
    if let objection = request.objection { throw Failure(.invalid, objection) }
    return request
  }

  /// Throws `invalid` unless it can be the id of a run, and so a folder's name.
  static func check(id: String) throws(Failure) {
    let isPlain = id.utf8.allSatisfy { byte in
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
    }
    guard idLengths.contains(id.utf8.count), isPlain else {
      throw Failure(.invalid, "this is not the id of a run", hint: "8 to 64 of A-Z a-z 0-9 -")
    }
  }

  /// The program's first line that says something, without the marks of a comment.
  static func title(of code: String) -> String {
    let marks = Set("#/*\"'".utf8)
    for line in code.utf8.prefix(8_192).split(separator: 10, maxSplits: 64) {
      var words = line.drop { $0 <= 32 }.prefix { $0 != 13 }
      guard !words.starts(with: "#!".utf8) else { continue }
      let isComment = ["#", "//", "/*", "* ", "\"\"\"", "'''"].contains { words.starts(with: $0.utf8) }
      if isComment {
        words = words.drop { marks.contains($0) || $0 <= 32 }
        while let last = words.last, marks.contains(last) || last <= 32 { words.removeLast() }
      }
      guard words.contains(where: { $0 > 32 }) else { continue }
      return String(String(decoding: words, as: UTF8.self).prefix(titleLength))
    }
    return ""
  }
}

extension RunSummary {
  /// What its end tells of it.
  mutating func take(_ result: RunResult) {
    state = .finished
    backend = result.backend
    outcome = result.outcome
    exitCode = result.exitCode
    signal = result.signal
    isCached = result.cached
    queueMilliseconds = result.queueMilliseconds
    startMilliseconds = result.startMilliseconds
    durationMilliseconds = result.durationMilliseconds
    memoryPeakBytes = result.memoryPeakBytes
    guard result.blocked else { return }
    let rules = result.violations.filter { $0.severity == .critical }.map(\.rule)
    reason = Set(rules).sorted().prefix(8).joined(separator: ", ")
  }
}
