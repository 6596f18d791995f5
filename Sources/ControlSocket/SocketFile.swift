internal import Base
internal import Glibc

/// What is at the path before the node takes it.
enum SocketFile {
  /// Who answers at a socket file.
  private enum Answer {
    case live, stale, gone
    case unknown(SystemError)
  }

  /// The folder of `path`; refused when strangers could swap files in it.
  static func checkedFolder(of path: String) throws(Failure) -> String {
    let cut = path.lastIndex(of: "/")
    let folder = cut.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    var status = stat()
    guard stat(folder, &status) == 0 else {
      throw ListeningSocket.failure("cannot use the folder \(folder) for the control socket", path, SystemError(errno))
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw Failure(.invalid, "the control socket's folder is no folder: \(folder)", hint: "set SIGNALBOX_SOCKET")
    }
    guard status.st_mode & S_IWOTH == 0 || status.st_mode & S_ISVTX != 0 else {
      throw Failure(
        .denied, "the control socket's folder can be written by everybody: \(folder)",
        hint: "chmod o-w, or set SIGNALBOX_SOCKET to another path")
    }
    return folder
  }

  /// Removes a socket file at which nobody accepts. Throws `conflict` for one at which somebody does, and for anything
  /// that is no socket, which is left as it is.
  static func clearStale(_ address: UnixAddress) throws(Failure) {
    let path = address.path
    var status = stat()
    guard lstat(path, &status) == 0, let found = FileIdentity(path: path) else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw Failure(
        .conflict, "\(path) is no socket, and is left alone", hint: "move it, or set SIGNALBOX_SOCKET to another path")
    }
    switch probe(address) {
    case .gone: return
    case .live:
      throw Failure(.conflict, "a node already answers at \(path)", hint: "signalbox status; signalbox stop")
    case .unknown(let error):
      throw ListeningSocket.failure("cannot tell whether a node answers", path, error)
    case .stale:
      guard FileIdentity(path: path) == found else {
        throw Failure(.conflict, "another node has just taken \(path)", hint: "signalbox status")
      }
      guard unlink(path) == 0 || errno == ENOENT else {
        throw ListeningSocket.failure("cannot replace the control socket that nobody serves", path, SystemError(errno))
      }
    }
  }

  private static func probe(_ address: UnixAddress) -> Answer {
    switch UnixAddress.makeSocket(isBlocking: false) {
    case .failure(let error): return .unknown(error)
    case .success(let descriptor):
      defer { close(descriptor) }
      if address.withSocketAddress({ connect(descriptor, $0, $1) }) == 0 { return .live }
      switch errno {
      case EAGAIN, EINPROGRESS: return .live  // its queue is full: somebody listens
      case ECONNREFUSED: return .stale
      case ENOENT: return .gone
      default: return .unknown(SystemError(errno))
      }
    }
  }
}
