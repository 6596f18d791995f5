internal import Base
internal import Glibc

/// A path that fits into `sockaddr_un`.
struct UnixAddress: Sendable {
  /// `sun_path` has 108 bytes, the last of which ends the text.
  static let pathBytesMax = 107

  let path: String

  /// Throws `invalid` for an empty or too long path, and for one with a zero byte.
  init(_ path: String) throws(Failure) {
    let count = path.utf8.count
    guard count > 0, !path.utf8.contains(0) else {
      throw Failure(.invalid, "the control socket needs a path", hint: "set SIGNALBOX_SOCKET")
    }
    guard count <= Self.pathBytesMax else {
      throw Failure(
        .invalid,
        "the control socket's path has \(count) bytes, and a Unix socket takes at most \(Self.pathBytesMax): \(path)",
        hint: "set SIGNALBOX_SOCKET to a shorter path")
    }
    self.path = path
  }

  func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }

  /// A new socket of the family, not inherited by child processes. The errno when there is none to be had.
  static func makeSocket(isBlocking: Bool) -> Result<Int32, SystemError> {
    let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, isBlocking ? flags : flags | Int32(SOCK_NONBLOCK.rawValue), 0)
    return descriptor >= 0 ? .success(descriptor) : .failure(SystemError(errno))
  }
}
