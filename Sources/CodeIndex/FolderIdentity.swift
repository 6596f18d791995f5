internal import Glibc

/// Which folder a path leads to. A run compares it before and after: one that was moved away meanwhile looks like one
/// whose files were deleted, and a link that was set to another looks like half of each.
struct FolderIdentity: Equatable, Sendable {
  private let device: UInt64
  private let inode: UInt64

  /// Throws when no folder is there.
  init(of path: String) throws(IndexError) {
    var facts = stat()
    let reason =
      stat(path, &facts) == 0 || errno == ENOENT ? "there is no such folder" : String(cString: strerror(errno))
    guard facts.st_mode & S_IFMT == S_IFDIR else { throw .folderUnreadable(path: path, reason: reason) }
    (device, inode) = (UInt64(facts.st_dev), UInt64(facts.st_ino))
  }
}
