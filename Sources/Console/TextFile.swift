internal import Base
internal import Glibc

/// A text file that an operator names, such as a program to run.
enum TextFile {
  static let bytesMax = 1 << 20

  /// Regular files only, so that no pipe or device holds the console. Throws `invalid` in one line.
  static func read(_ path: String) -> Result<String, Failure> {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return failure(path, String(cString: strerror(errno)).lowercased()) }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
      return failure(path, "is no file")
    }
    guard facts.st_size <= bytesMax else { return failure(path, "has more than \(bytesMax) bytes") }
    var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { return failure(path, String(cString: strerror(errno)).lowercased()) }
      if got == 0 { break }
      count += got
    }
    guard count <= bytesMax else { return failure(path, "has more than \(bytesMax) bytes") }
    guard let text = String(validating: bytes[..<count], as: UTF8.self) else {
      return failure(path, "is not UTF-8 text")
    }
    return .success(text)
  }

  private static func failure(_ path: String, _ reason: String) -> Result<String, Failure> {
    .failure(Failure(.invalid, "\(path): \(reason)"))
  }
}
