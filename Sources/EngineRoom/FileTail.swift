internal import Glibc

/// The end of a file of lines, without reading more of it than a fixed amount.
public enum FileTail {
  public enum Reading: Equatable {
    case lines([String])
    case absent
    case unreadable(String)
  }

  /// Bytes read from the end: some hundred thousand records.
  public static let bytesMax = 32 * 1_048_576

  /// Whole lines; the one that the limit cut in two is left out.
  public static func lines(of path: String, bytesMax: Int = Self.bytesMax) -> Reading {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      return errno == ENOENT || errno == ENOTDIR ? .absent : .unreadable(String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    let size = Int(lseek(descriptor, 0, SEEK_END))
    guard size >= 0 else { return .unreadable(String(cString: strerror(errno))) }
    let start = max(0, size - bytesMax)
    var bytes = [UInt8](repeating: 0, count: size - start)
    var filled = 0
    while filled < bytes.count {
      let count = bytes[filled...].withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress, $0.count, off_t(start + filled))
      }
      if count < 0, errno == EINTR { continue }
      if count < 0 { return .unreadable(String(cString: strerror(errno))) }
      if count == 0 { break }
      filled += count
    }
    var pieces = bytes[..<filled].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if start > 0, !pieces.isEmpty { pieces.removeFirst() }
    return .lines(pieces.filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) })
  }
}
