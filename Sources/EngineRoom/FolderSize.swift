internal import Glibc

/// How much a folder holds.
enum FolderSize {
  /// Folders inside of each other that are looked into: more than the node makes.
  private static let depthMax = 16

  /// Bytes of all files under `path`; symbolic links are not followed, and what cannot be seen counts nothing.
  static func bytes(of path: String) -> Int { bytes(of: path, depth: 0) }

  private static func bytes(of path: String, depth: Int) -> Int {
    guard depth < depthMax, let folder = opendir(path) else { return 0 }
    defer { closedir(folder) }
    var total = 0
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      var facts = stat()
      guard name != ".", name != "..", fstatat(dirfd(folder), name, &facts, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
      switch facts.st_mode & S_IFMT {
      case S_IFREG: total += Int(facts.st_size)
      case S_IFDIR: total += bytes(of: "\(path)/\(name)", depth: depth + 1)
      default: break
      }
    }
    return total
  }
}
