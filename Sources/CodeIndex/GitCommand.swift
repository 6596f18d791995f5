internal import Base
internal import CSpawn
internal import Glibc

/// The git command, for repositories that libgit2 refuses. It never asks, never takes a lock it can do without, and
/// never fetches: what a partial clone lacks counts as unreadable.
struct GitCommand: Sendable {
  var folder: String

  /// A command that takes longer is killed.
  var deadline = Duration.seconds(120)
  /// What is started: a name that is looked up in PATH, or a path.
  var program = "git"

  private static let outputMax = 1 << 30
  /// Bounds what one call writes: a hundred megabytes.
  private static let blobsPerCall = 100

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

  struct Blob: Sendable, Equatable {
    /// Nil when it was not read.
    var bytes: [UInt8]?
    var skip: SkipReason?
  }

  /// The contents of blobs, in their order. The sizes first: a file of a gigabyte must not be unpacked to learn that it
  /// is too large.
  func blobs(_ ids: [ObjectID]) throws(IndexError) -> [Blob] {
    var blobs: [Blob] = []
    for start in stride(from: 0, to: ids.count, by: Self.blobsPerCall) {
      let part = Array(ids[start..<min(start + Self.blobsPerCall, ids.count)])
      let sizes = try batch("--batch-check", part, Self.parse(sizes:count:))
      let wanted = zip(part, sizes).filter { $1 <= FileRules.bytesMax }.map(\.0)
      var contents = try batch("--batch", wanted, Self.parse(batch:count:)).makeIterator()
      for size in sizes {
        if size == Int.max {
          blobs.append(Blob(bytes: nil, skip: .unreadable))
        } else if size > FileRules.bytesMax {
          blobs.append(Blob(bytes: nil, skip: .tooLarge))
        } else {
          let bytes = contents.next() ?? nil
          blobs.append(Blob(bytes: bytes, skip: bytes == nil ? .unreadable : nil))
        }
      }
    }
    return blobs
  }

  /// Asks `git cat-file` about objects. One that is damaged, or that a partial clone would have to fetch, ends the
  /// command: then each half is asked for, until it alone is left out.
  private func batch<Value>(
    _ option: String, _ ids: [ObjectID], _ parse: ([UInt8], Int) -> [Value]
  ) throws(IndexError) -> [Value] {
    guard !ids.isEmpty else { return [] }
    let names = ids.map { "\($0)\n" }.joined()
    let (status, output) = try run(["cat-file", option], input: Array(names.utf8))
    if status == 0 || ids.count == 1 { return parse(status == 0 ? output : [], ids.count) }
    let middle = ids.count / 2
    return try batch(option, Array(ids[..<middle]), parse) + batch(option, Array(ids[middle...]), parse)
  }

  /// `id SP type SP size LF`; `Int.max` for what is missing or no file.
  static func parse(sizes output: [UInt8], count: Int) -> [Int] {
    var sizes: [Int] = []
    for line in output.split(separator: UInt8(ascii: "\n")).prefix(count) {
      let fields = line.split(separator: UInt8(ascii: " "))
      let size = fields.count == 3 ? Int(String(decoding: fields[2], as: UTF8.self)) : nil
      let isFile = fields.count == 3 && fields[1].elementsEqual("blob".utf8)
      sizes.append(isFile ? size.map { $0 < 0 ? Int.max : $0 } ?? Int.max : Int.max)
    }
    return sizes + [Int](repeating: Int.max, count: count - sizes.count)
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
  func run(_ arguments: [String], input: [UInt8] = []) throws(IndexError) -> (status: Int32, output: [UInt8]) {
    let source = try Self.unnamedFile()
    defer { close(source) }
    let sink = try Self.unnamedFile()
    defer { close(sink) }
    guard Self.writeAll(source, input) else { throw .storage(file: "/tmp", reason: String(cString: strerror(errno))) }
    lseek(source, 0, SEEK_SET)
    let child = try spawn([program, "-C", folder] + arguments, source, sink)
    let status = try wait(child)
    return (status, try Self.readAll(sink))
  }

  private func spawn(_ command: [String], _ source: Int32, _ sink: Int32) throws(IndexError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, source, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, sink, STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    sb_close_from(&actions, 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A group of its own: whatever it starts ends with it.
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    var inherited: [String] = []
    for name in ["PATH", "HOME", "XDG_CONFIG_HOME", "USER", "SUDO_UID", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"] {
      if let value = getenv(name) { inherited.append("\(name)=\(String(cString: value))") }
    }
    var child: pid_t = 0
    let code = Self.withCStrings(command) { argv in
      Self.withCStrings(inherited + Self.environment) { environment in
        posix_spawnp(&child, program, &actions, &attributes, argv, environment)
      }
    }
    guard code == 0 else {
      throw .repositoryUnreadable(path: folder, reason: "git is needed for it: \(String(cString: strerror(code)))")
    }
    return child
  }

  private func wait(_ child: pid_t) throws(IndexError) -> Int32 {
    let end = ContinuousClock.now + deadline
    // Without one (the table of descriptors is full) each step is waited for whole.
    let process = sb_pidfd(child)
    defer { if process >= 0 { close(process) } }
    while true {
      var status: Int32 = 0
      let ended = waitpid(child, &status, WNOHANG)
      if ended == child { return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F) }
      if ended < 0, errno != EINTR { return -1 }
      let left = end - ContinuousClock.now
      guard left > .zero else {
        kill(-child, SIGKILL)
        kill(child, SIGKILL)
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        throw .repositoryUnreadable(path: folder, reason: "git did not answer within \(deadline)")
      }
      let step = process >= 0 ? left.milliseconds.rounded(.up) : 10
      var item = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
      poll(&item, 1, Int32(min(step, 1_000)))
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
