internal import Base
internal import ControlPlane

/// What makes two runs the same: everything that the program can see, and what it is held to. Each part goes in with
/// its length, so that no two lists of parts make the same bytes.
enum RunKey {
  /// Changes when what a sandbox looks like inside changes.
  private static let generation = "1"

  static func digest(_ request: SandboxRequest, interpreter: Interpreter, packageFolders: [String]) -> String {
    var bytes: [UInt8] = []
    func add(_ part: some Collection<UInt8>) {
      for shift in stride(from: 56, through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: UInt64(part.count) >> UInt64(shift)))
      }
      bytes.append(contentsOf: part)
    }
    func add(_ text: String) { add(text.utf8) }
    let limits = request.limits
    for text in [generation, request.language.rawValue, interpreter.path, interpreter.version, request.code] {
      add(text)
    }
    add(request.profile.rawValue)
    let numbers = [
      limits.memoryBytes, limits.cpuPercent, limits.timeoutMilliseconds, limits.processes, limits.tmpBytes,
      limits.outputBytes, limits.descriptors, limits.fileBytes,
    ]
    for number in numbers { add(String(number)) }
    add(request.input)
    add(String(request.arguments.count))
    for argument in request.arguments { add(argument) }
    for file in request.files.sorted(by: { $0.path < $1.path }) {
      add(file.path)
      add(file.content)
    }
    add(String(request.files.count))
    for folder in packageFolders { add(folder) }
    return Digest.sha256Hex(bytes)
  }
}

extension SandboxRun {
  /// Whether it may be replayed for the same key: a success that is there in full. That the program used no clock and
  /// no chance cannot be known here; who asks may say that it did.
  public var isReplayable: Bool {
    result.outcome == .succeeded && !result.stdoutTruncated && !result.stderrTruncated && !contents.contains(nil)
  }
}
