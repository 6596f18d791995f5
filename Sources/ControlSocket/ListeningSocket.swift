internal import Base
internal import Glibc
internal import Synchronization

/// The socket file and the descriptor that listens on it.
///
/// The file never has wider rights than it ends with. On Linux a socket's file takes its mode from the descriptor's own
/// inode at `bind` (unix(7), `unix_bind_bsd` in the kernel), so `fchmod` goes first; group rights are added after the
/// group is set; and nobody can connect before `listen`, which comes last.
final class ListeningSocket: Sendable {
  private static let backlog: Int32 = 128
  private static let lockAttemptsMax = 40
  private static let lockPause = Duration.milliseconds(50)

  let path: String
  private let file: FileIdentity
  private let descriptor: Mutex<Int32?>
  private let hasFile = Mutex(true)

  /// Takes the place of a stale file, of nothing else. `group`: who may attach beside the owner.
  init(path: String, group: UInt32?) async throws(Failure) {
    let address = try UnixAddress(path)
    let lock = try await FolderLock(folderOf: path)
    defer { lock.release() }
    try SocketFile.clearStale(address)
    let descriptor: Int32
    switch UnixAddress.makeSocket(isBlocking: false) {
    case .success(let made): descriptor = made
    case .failure(let error): throw Self.failure("cannot make a control socket", path, error)
    }
    do throws(Failure) {
      file = try Self.open(descriptor, address, group)
    } catch {
      close(descriptor)
      throw error
    }
    self.path = path
    self.descriptor = Mutex(descriptor)
  }

  /// Hands the descriptor to its new owner, once.
  func takeDescriptor() -> Int32? {
    descriptor.withLock { descriptor in
      defer { descriptor = nil }
      return descriptor
    }
  }

  /// Removes the file, if it is still the one that was made here. To be called before the descriptor is closed: until
  /// then the kernel gives the inode to no other file. Once; later calls do nothing.
  func removeFile() {
    let isFirst = hasFile.withLock { hasFile in
      defer { hasFile = false }
      return hasFile
    }
    if isFirst, FileIdentity(path: path) == file { unlink(path) }
  }

  deinit {
    if let descriptor = takeDescriptor() {
      removeFile()
      close(descriptor)
    }
  }

  private static func open(
    _ descriptor: Int32, _ address: UnixAddress, _ group: UInt32?
  ) throws(Failure) -> FileIdentity {
    let path = address.path
    guard fchmod(descriptor, 0o600) == 0, address.withSocketAddress({ bind(descriptor, $0, $1) }) == 0 else {
      throw failure("cannot make the control socket", path, SystemError(errno))
    }
    guard let file = FileIdentity(path: path) else {
      throw failure("cannot find the control socket just made", path, SystemError(errno))
    }
    do throws(Failure) {
      if let group {
        guard lchown(path, uid_t.max, group) == 0, chmod(path, 0o660) == 0 else {
          throw failure("cannot give the control socket to group \(group)", path, SystemError(errno))
        }
      }
      guard listen(descriptor, backlog) == 0 else {
        throw failure("cannot listen on the control socket", path, SystemError(errno))
      }
    } catch {
      if FileIdentity(path: path) == file { unlink(path) }
      throw error
    }
    return file
  }

  static func failure(_ attempt: String, _ path: String, _ error: SystemError) -> Failure {
    let code: Failure.Code
    switch error.code {
    case EACCES, EPERM, EROFS: code = .denied
    case EADDRINUSE: code = .conflict
    case ENOENT, ENOTDIR: code = .notFound
    default: code = .unavailable
    }
    return Failure(code, "\(attempt) at \(path): \(error.text)", hint: "set SIGNALBOX_SOCKET to another path")
  }

  /// Held while a file is examined, replaced and bound, so that two nodes that find the same stale file do not remove
  /// each other's new one. The kernel drops it with the process.
  private struct FolderLock {
    private let descriptor: Int32

    init(folderOf path: String) async throws(Failure) {
      let folder = try SocketFile.checkedFolder(of: path)
      descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else {
        throw ListeningSocket.failure("cannot open the folder of the control socket", path, SystemError(errno))
      }
      var attempts = 0
      while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        attempts += 1
        guard errno == EWOULDBLOCK || errno == EINTR, attempts < ListeningSocket.lockAttemptsMax else {
          close(descriptor)
          throw Failure(.timeout, "another process holds the lock of \(folder), where the control socket goes")
        }
        // Nothing becomes readable when a lock is given up, and flock(2) itself would wait without a deadline. A
        // cancelled task does not sleep and soon has no attempts left.
        try? await Task.sleep(for: ListeningSocket.lockPause)
      }
    }

    func release() { close(descriptor) }
  }
}
