internal import Glibc

/// The outcome of reading a small file.
enum FileReading: Sendable, Equatable {
  /// The content and the permission bits.
  case bytes([UInt8], mode: UInt32)
  case absent
  case unreadable(String)
  case tooLarge

  /// Reads a regular file of at most `bytesMax` bytes. A pipe or a device is refused, because it could make the start
  /// wait for ever; `/dev/null` is an empty file.
  static func of(_ path: String, bytesMax: Int) -> FileReading {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else {
      return errno == ENOENT || errno == ENOTDIR ? .absent : .unreadable(String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return .unreadable(String(cString: strerror(errno))) }
    guard status.st_mode & S_IFMT == S_IFREG || path == "/dev/null" else {
      return .unreadable("it is not a regular file")
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= bytesMax {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 {
        if errno == EINTR { continue }
        return .unreadable(String(cString: strerror(errno)))
      }
      if count == 0 { return .bytes(bytes, mode: UInt32(status.st_mode & 0o777)) }
      bytes += chunk[..<count]
    }
    return .tooLarge
  }
}
