internal import FoundationEssentials
internal import Glibc

/// Lists a folder without git: what `.gitignore` and `.signalboxignore` leave, symbolic links never followed. A file is
/// read only when its size, times or inode differ from what the last listing saw.
struct FolderTree {
  private static let depthMax = 100

  let root: String
  /// Of the last listing, by path.
  let known: [String: Manifest.File]
  private(set) var files: [Manifest.File] = []

  init(root: String, known: [String: Manifest.File]) {
    self.root = root
    self.known = known
  }

  /// Throws when the root itself cannot be listed; what is unreadable below it is a skipped file.
  mutating func walk(isCancelled: () -> Bool) throws(IndexError) {
    try list("", depth: 0, stack: [], isCancelled)
  }

  private mutating func list(
    _ folder: String, depth: Int, stack: [IgnoreRules], _ isCancelled: () -> Bool
  ) throws(IndexError) {
    if isCancelled() { throw .cancelled }
    guard let names = Self.names("\(root)/\(folder)") else {
      let reason = String(cString: strerror(errno))
      if folder.isEmpty { throw .folderUnreadable(path: root, reason: reason) }
      // Its files are missing from the index, so somebody must be told.
      return skip(String(folder.dropLast()), .unreadable)
    }
    var stack = stack
    for name in [".gitignore", ".signalboxignore"] where names.contains(name) {
      guard let text = Self.contents("\(root)/\(folder)\(name)", max: 1 << 20) else { continue }
      stack.append(IgnoreRules(text: String(decoding: text, as: UTF8.self), folder: folder))
    }
    for name in names where name != ".git" {
      let path = folder + name
      guard !name.unicodeScalars.contains("\u{FFFD}") else {
        skip(path, .unreadable)
        continue
      }
      var status = stat()
      guard lstat("\(root)/\(path)", &status) == 0 else {
        if errno != ENOENT { skip(path, .unreadable) }
        continue
      }
      switch status.st_mode & S_IFMT {
      case S_IFDIR:
        guard depth < Self.depthMax, !IgnoreRules.isIgnored(path, isFolder: true, by: stack),
          FileRules.skip(path: "\(path)/x.c") == nil
        else { continue }
        try list(path + "/", depth: depth + 1, stack: stack, isCancelled)
      case S_IFREG: add(path, status, isIgnored: IgnoreRules.isIgnored(path, isFolder: false, by: stack))
      case S_IFLNK: skip(path, .symbolicLink)
      default: continue
      }
    }
  }

  private mutating func add(_ path: String, _ status: stat, isIgnored: Bool) {
    guard files.count < FileRules.filesMax else { return skip(path, .tooManyFiles) }
    // Ignored files are as good as absent: there may be a hundred thousand of them.
    guard !isIgnored else { return }
    if let reason = FileRules.skip(path: path) { return skip(path, reason) }
    guard status.st_size <= FileRules.bytesMax else { return skip(path, .tooLarge) }
    let stamp = FileStamp(status)
    if let same = known[path], same.stamp == stamp {
      files.append(same)
      return
    }
    guard let bytes = Self.contents("\(root)/\(path)", max: FileRules.bytesMax),
      let id = bytes.withUnsafeBufferPointer({ GitRepository.blobID(of: $0) })
    else { return skip(path, .unreadable) }
    files.append(Manifest.File(entry: SourceEntry(path: path, id: id, skip: nil, isInFolder: true), stamp: stamp))
  }

  private mutating func skip(_ path: String, _ reason: SkipReason) {
    guard let none = ObjectID(bytes: [UInt8](repeating: 0, count: 20)) else { return }
    files.append(Manifest.File(entry: SourceEntry(path: path, id: none, skip: reason), stamp: nil))
  }

  /// Names sorted by their bytes; nil when the folder cannot be listed. What is no UTF-8 is repaired, and cannot be
  /// opened by that name.
  private static func names(_ folder: String) -> [String]? {
    guard let directory = opendir(folder) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Names of the folders in a folder; links are none.
  static func folders(_ folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let isUnknown = entry.pointee.d_type == UInt8(DT_UNKNOWN)
      guard isUnknown || entry.pointee.d_type == UInt8(DT_DIR) else { continue }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      var facts = stat()
      guard name != ".", name != ".." else { continue }
      if isUnknown, lstat("\(folder)/\(name)", &facts) != 0 || facts.st_mode & S_IFMT != S_IFDIR { continue }
      names.append(name)
    }
    return names
  }

  /// Nil when it is not there, no plain file, or longer than `max`.
  static func contents(_ path: String, max: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= max else { return nil }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count) }
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { break }
      count += got
    }
    return count == bytes.count ? bytes : Array(bytes.prefix(count))
  }
}

extension FileStamp {
  init(_ status: stat) {
    let contents = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    let anything = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
    self.init(size: Int64(status.st_size), changed: max(contents, anything), inode: UInt64(status.st_ino))
  }
}
