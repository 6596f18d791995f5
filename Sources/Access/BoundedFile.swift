internal import Glibc

/// Reads a whole file that must not be longer than a bound.
enum BoundedFile {
  /// Nil when it cannot be opened or read, is longer than `bytesMax`, or is a folder. A FIFO does not block.
  static func read(_ path: String, bytesMax: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while content.count <= bytesMax {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count == 0 { return content }
      if count < 0 {
        if errno == EINTR { continue }
        return nil
      }
      content.append(contentsOf: chunk[..<count])
    }
    return nil
  }
}
