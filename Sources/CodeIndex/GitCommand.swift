internal import Base
internal import Glibc

/// The git command, for repositories that libgit2 refuses. It never asks, never takes a lock it can do without, and
/// never fetches: what a partial clone lacks counts as unreadable.
struct GitCommand: Sendable {
  var folder: String

  /// A command that takes longer is killed.
  private static let deadline = Duration.seconds(120)
  private static let outputMax = 1 << 30
  private static let blobsPerCall = 500

  private static let environment = [
    "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1", "LC_ALL=C",
  ]

  /// Where in the repository the folder is, with a slash at the end; nil when git sees no repository.
  func prefix() throws(IndexError) -> String? {
    let (status, output) = try run(["rev-parse", "--show-prefix"])
    return status == 0 ? Self.line(output) : nil
  }

  func head(prefix: String) throws(IndexError) -> Fingerprint {
    let (status, output) = try run(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
    guard status == 0 else {
      let (unborn, _) = try run(["symbolic-ref", "--quiet", "HEAD"])
      guard unborn == 0 else { throw .repositoryUnreadable(path: folder, reason: "git cannot read HEAD") }
      return Fingerprint(commit: nil, tree: nil, ref: nil)
    }
    let commit = Self.line(output)
    let (found, tree) = try run(["rev-parse", "--verify", "--quiet", "\(commit)^{tree}:\(prefix.dropLast())"])
    let (onBranch, ref) = try run(["symbolic-ref", "--quiet", "--short", "HEAD"])
    return Fingerprint(
      commit: commit, tree: found == 0 ? Self.line(tree) : nil, ref: onBranch == 0 ? Self.line(ref) : nil)
  }

  func entries(of tree: String) throws(IndexError) -> [SourceEntry] {
    let (status, output) = try run(["ls-tree", "-r", "-z", "--full-tree", tree])
    guard status == 0 else { throw .objectUnreadable(id: tree, reason: "git ls-tree failed") }
    // mode SP type SP id TAB path NUL
    return output.split(separator: 0).compactMap { record in
      guard let tab = record.firstIndex(of: UInt8(ascii: "\t")) else { return nil }
      let fields = record[..<tab].split(separator: UInt8(ascii: " "))
      guard fields.count == 3, let mode = UInt32(String(decoding: fields[0], as: UTF8.self), radix: 8),
        let id = ObjectID(hex: String(decoding: fields[2], as: UTF8.self))
      else { return nil }
      let path = String(decoding: record[record.index(after: tab)...], as: UTF8.self)
      return SourceEntry(path: path, id: id, skip: SourceEntry.skip(mode: mode, path: path))
    }
  }

  /// The contents of blobs, in their order; nil for what is missing, no file, or too large.
  func blobs(_ ids: [ObjectID]) throws(IndexError) -> [[UInt8]?] {
    var blobs: [[UInt8]?] = []
    for start in stride(from: 0, to: ids.count, by: Self.blobsPerCall) {
      let part = ids[start..<min(start + Self.blobsPerCall, ids.count)]
      let names = part.map { "\($0)\n" }.joined()
      let (status, output) = try run(["cat-file", "--batch"], input: Array(names.utf8))
      guard status == 0 else { throw .repositoryUnreadable(path: folder, reason: "git cat-file failed") }
      blobs += Self.parse(batch: output, count: part.count)
    }
    return blobs
  }

  /// `id SP type SP size LF contents LF`, or `id SP missing LF`.
  static func parse(batch: [UInt8], count: Int) -> [[UInt8]?] {
    var blobs: [[UInt8]?] = []
    var at = 0
    while blobs.count < count {
      guard let end = batch[at...].firstIndex(of: UInt8(ascii: "\n")) else { break }
      let fields = batch[at..<end].split(separator: UInt8(ascii: " "))
      at = end + 1
      guard fields.count == 3, let size = Int(String(decoding: fields[2], as: UTF8.self)), size >= 0,
        size < batch.count - at
      else {
        blobs.append(nil)
        continue
      }
      let isFile = fields[1].elementsEqual("blob".utf8) && size <= FileRules.bytesMax
      blobs.append(isFile ? Array(batch[at..<at + size]) : nil)
      at += size + 1
    }
    return blobs + [[UInt8]?](repeating: nil, count: count - blobs.count)
  }

  private static func line(_ output: [UInt8]) -> String {
    String(decoding: output.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  // MARK: Running

  /// Input and output are unnamed files: nothing can block, and nothing is left behind.
  private func run(_ arguments: [String], input: [UInt8] = []) throws(IndexError) -> (status: Int32, output: [UInt8]) {
    let source = try Self.unnamedFile()
    defer { close(source) }
    let sink = try Self.unnamedFile()
    defer { close(sink) }
    guard Self.writeAll(source, input) else { throw .storage(file: "/tmp", reason: String(cString: strerror(errno))) }
    lseek(source, 0, SEEK_SET)
    let child = try spawn(["git", "-C", folder] + arguments, source, sink)
    let status = try Self.wait(child, folder)
    return (status, try Self.readAll(sink))
  }

  private func spawn(_ command: [String], _ source: Int32, _ sink: Int32) throws(IndexError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, source, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, sink, STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    var inherited: [String] = []
    for name in ["PATH", "HOME", "XDG_CONFIG_HOME", "USER", "SUDO_UID", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"] {
      if let value = getenv(name) { inherited.append("\(name)=\(String(cString: value))") }
    }
    var child: pid_t = 0
    let code = Self.withCStrings(command) { argv in
      Self.withCStrings(inherited + Self.environment) { environment in
        posix_spawnp(&child, "git", &actions, nil, argv, environment)
      }
    }
    guard code == 0 else {
      throw .repositoryUnreadable(path: folder, reason: "git is needed for it: \(String(cString: strerror(code)))")
    }
    return child
  }

  private static func wait(_ child: pid_t, _ folder: String) throws(IndexError) -> Int32 {
    let end = ContinuousClock.now + deadline
    var pause: UInt32 = 500
    while true {
      var status: Int32 = 0
      let ended = waitpid(child, &status, WNOHANG)
      if ended == child { return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F) }
      if ended < 0, errno != EINTR { return -1 }
      if ContinuousClock.now > end {
        kill(child, SIGKILL)
        waitpid(child, &status, 0)
        throw .repositoryUnreadable(path: folder, reason: "git did not answer within \(deadline)")
      }
      usleep(pause)
      pause = min(pause * 2, 10_000)
    }
  }

  private static func unnamedFile() throws(IndexError) -> Int32 {
    var template = Array("/tmp/signalbox-XXXXXX".utf8CString)
    let descriptor = template.withUnsafeMutableBufferPointer { $0.baseAddress.map { mkstemp($0) } ?? -1 }
    guard descriptor >= 0 else { throw .storage(file: "/tmp", reason: String(cString: strerror(errno))) }
    unlink(template)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
  }

  private static func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      written += count
    }
    return true
  }

  private static func readAll(_ descriptor: Int32) throws(IndexError) -> [UInt8] {
    let size = Int(lseek(descriptor, 0, SEEK_END))
    guard size >= 0, size <= outputMax else { throw .storage(file: "/tmp", reason: "output of git is too large") }
    var bytes = [UInt8](repeating: 0, count: size)
    var read = 0
    while read < size {
      let count = bytes[read...].withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(read)) }
      guard count > 0 else { throw .storage(file: "/tmp", reason: "output of git cannot be read back") }
      read += count
    }
    return bytes
  }

  private static func withCStrings<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: texts.count + 1)
    for (index, text) in texts.enumerated() { pointers[index] = strdup(text) }
    pointers[texts.count] = nil
    defer {
      for index in texts.indices { free(pointers[index]) }
      pointers.deallocate()
    }
    return body(UnsafePointer(pointers))
  }
}
