public import Base
internal import FoundationEssentials
internal import Glibc

/// A temporary folder of a bench, with a path short enough for a control socket in it. Whoever makes it removes it.
public struct ScratchFolder: Sendable {
  public let path: String

  /// A Unix socket's path has 107 bytes, of which those below this folder need some.
  private static let baseBytesMax = 50

  /// In the temporary folder of the process, or in `/tmp` when that has too long a name. Mode 0700.
  public init() throws(Failure) {
    var base = FileManager.default.temporaryDirectory.path
    while base.count > 1, base.hasSuffix("/") { base.removeLast() }
    if base.utf8.count > Self.baseBytesMax { base = "/tmp" }
    var template = Array("\(base)/signalbox-bench-XXXXXX".utf8CString)
    guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) != nil else {
      throw Failure(.unavailable, "cannot make a temporary folder in \(base): \(String(cString: strerror(errno)))")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Removes the folder with everything in it.
  public func remove() {
    // What cannot be removed is left in the temporary folder, where the system removes it; the figures stand.
    try? FileManager.default.removeItem(atPath: path)
  }
}
