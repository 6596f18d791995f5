internal import Base
internal import Glibc

/// Small files that are read and written whole.
enum WholeFile {
  /// The bytes of a file; nil when there is none. Throws `limit` past `maxBytes`.
  static func read(_ path: String, maxBytes: Int) throws(Failure) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw failure(path, "read", errno)
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure(path, "read", errno) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk.prefix(count))
      guard bytes.count <= maxBytes else {
        throw Failure(.limit, "\(path): larger than \(Quantity.describe(bytes: Int64(maxBytes)))")
      }
    }
  }

  /// Replaces a file so that a reader, or a machine that loses power, sees the old text or the new and never a part:
  /// written beside it, synced, renamed over it.
  static func replace(_ path: String, with bytes: [UInt8]) throws(Failure) {
    let temporary = "\(path).new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure(path, "write", errno) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.write(descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw abandon(descriptor, temporary, path, errno) }
      written += count
    }
    guard fsync(descriptor) == 0 else { throw abandon(descriptor, temporary, path, errno) }
    close(descriptor)
    guard rename(temporary, path) == 0 else { throw failure(path, "write", errno) }
  }

  private static func abandon(_ descriptor: Int32, _ temporary: String, _ path: String, _ code: Int32) -> Failure {
    close(descriptor)
    unlink(temporary)
    return failure(path, "write", code)
  }

  private static func failure(_ path: String, _ verb: String, _ code: Int32) -> Failure {
    Failure(.unavailable, "\(path): cannot \(verb): \(String(cString: strerror(code)))", isRetriable: false)
  }
}
