internal import Base
internal import Glibc

/// The program's standard input, read whole.
enum StandardInput {
  /// All of it. Throws `limit` past `bytesMax`.
  static func read(bytesMax: Int) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(STDIN_FILENO, &chunk, chunk.count)
      if count == 0 { return bytes }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw Failure(.internal, "cannot read standard input: \(String(cString: strerror(errno)))")
      }
      bytes.append(contentsOf: chunk.prefix(count))
      guard bytes.count <= bytesMax else {
        throw Failure(.limit, "standard input is longer than \(Quantity.describe(bytes: Int64(bytesMax)))")
      }
    }
  }
}
