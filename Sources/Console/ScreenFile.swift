internal import Base
internal import Glibc

/// The file that `:w` writes: always a new one, readable by its owner only, since a screen may show what others must
/// not see.
enum ScreenFile {
  static func write(_ text: String, to path: String) -> News {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return failure(path) }
    defer { close(descriptor) }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return failure(path) }
      bytes = bytes.dropFirst(count)
    }
    return .done("screen written to \(path)")
  }

  private static func failure(_ path: String) -> News {
    let reason =
      errno == EEXIST ? "it exists, and nothing is overwritten" : String(cString: strerror(errno)).lowercased()
    return .failed(Failure(.invalid, "w: \(path): \(reason)"))
  }
}
