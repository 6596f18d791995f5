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
  /// Where a program that has been compiled lies: on the root, which nobody inside can write to.
  static let programInside = "/program"
  /// Whom the program sees itself as.
  static let userInside = "65534"

  init(
    interpreter: Interpreter, extraMounts: [String], filter: [UInt8], limits: SandboxLimits,
    files: [SandboxRequest.File], command: [String], isConfined: Bool, program: [UInt8]? = nil
  ) {
    add("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session", "--as-pid-1")
    add("--cap-drop", "ALL", "--uid", Self.userInside, "--gid", Self.userInside, "--hostname", "sandbox")
    add("--clearenv")
    for (name, value) in Self.environment(interpreter, extraMounts) { add("--setenv", name, value) }
    for (destination, source) in interpreter.mounts.sorted(by: { $0.key < $1.key }) {
      add("--ro-bind", source, destination)
    }
    add("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev")
    file("0444", "/etc/passwd", Array("sandbox:x:65534:65534::/tmp:/\n".utf8))
    file("0555", Self.launcherInside, nil)
    if let program { file("0555", Self.programInside, program) }
    add("--perms", "1777", "--size", String(limits.tmpBytes), "--tmpfs", "/tmp")
    add("--perms", "0755", "--size", String(limits.tmpBytes), "--tmpfs", Self.workFolder)
    // After the folders above, of which one may hold it on the host.
    for folder in extraMounts { add("--ro-bind", folder, folder) }
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

  private static func environment(_ interpreter: Interpreter, _ packages: [String]) -> [(String, String)] {
    let language = interpreter.language
    var pairs = [("PATH", "/usr/bin"), ("HOME", "/tmp"), ("LANG", "C.UTF-8")]
    pairs += interpreter.environment.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    if language == .python { pairs.append(("PYTHONDONTWRITEBYTECODE", "1")) }
    if !packages.isEmpty {
      pairs.append((language == .python ? "PYTHONPATH" : "NODE_PATH", packages.joined(separator: ":")))
    }
    return pairs
  }
}
