/// What bubblewrap is told for one sandbox: pure, so that tests can read it. A file is handed in through a descriptor
/// that only the launcher knows; it stands here as its place in `files`.
struct BubblewrapArguments: Sendable, Equatable {
  enum Word: Sendable, Equatable {
    case text(String)
    case file(Int)
    /// The socket of the process inside.
    case inside
  }

  var words: [Word] = []
  /// Contents; nil stands for the launcher's own executable.
  private(set) var files: [[UInt8]?] = []

  static let workFolder = "/workspace"
  private static let launcherInside = "/.launcher"
  /// Whom the program sees itself as.
  static let userInside = "65534"

  init(
    interpreter: Interpreter, extraMounts: [String], filter: [UInt8], limits: SandboxLimits,
    files: [SandboxRequest.File], command: [String], isConfined: Bool
  ) {
    add("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session", "--as-pid-1")
    add("--cap-drop", "ALL", "--uid", Self.userInside, "--gid", Self.userInside, "--hostname", "sandbox")
    add("--clearenv")
    for (name, value) in Self.environment(interpreter.language) { add("--setenv", name, value) }
    for (destination, source) in interpreter.mounts.sorted(by: { $0.key < $1.key }) {
      add("--ro-bind", source, destination)
    }
    for folder in extraMounts { add("--ro-bind", folder, folder) }
    add("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev")
    file("0444", "/etc/passwd", Array("sandbox:x:65534:65534::/tmp:/\n".utf8))
    file("0555", Self.launcherInside, nil)
    add("--perms", "1777", "--size", String(limits.tmpBytes), "--tmpfs", "/tmp")
    add("--perms", "0755", "--size", String(limits.tmpBytes), "--tmpfs", Self.workFolder)
    for one in files { file("0644", "\(Self.workFolder)/\(one.path)", one.content) }
    add("--remount-ro", "/", "--chdir", Self.workFolder, "--seccomp")
    words.append(.file(self.files.count))
    self.files.append(filter)
    add("--", Self.launcherInside, "inside")
    words.append(.inside)
    add(String(limits.fileBytes), isConfined ? "confined" : "free")
    for word in command { add(word) }
  }

  private mutating func add(_ texts: String...) { words += texts.map(Word.text) }

  private mutating func file(_ mode: String, _ path: String, _ content: [UInt8]?) {
    add("--perms", mode, "--file")
    words.append(.file(files.count))
    add(path)
    files.append(content)
  }

  private static func environment(_ language: Language) -> [(String, String)] {
    var pairs = [("PATH", "/usr/bin"), ("HOME", "/tmp"), ("LANG", "C.UTF-8")]
    if language == .python { pairs.append(("PYTHONDONTWRITEBYTECODE", "1")) }
    return pairs
  }
}
