public import Base
internal import FoundationEssentials
internal import Glibc

/// A folder of one test, with a path short enough for a Unix socket in it (108 bytes). It goes with the object.
public final class TemporaryFolder: Sendable {
  /// `/tmp/sb-` and six characters, mode 0700.
  public let path: String

  public init() throws(Failure) {
    var template = Array("/tmp/sb-XXXXXX".utf8CString)
    guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) != nil else {
      throw Failure(.internal, "cannot make a temporary folder: \(String(cString: strerror(errno)))")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { close() }

  /// Removes the folder and everything in it, also what a test made unreadable.
  public func close() {
    guard access(path, F_OK) == 0 else { return }
    if (try? FileManager.default.removeItem(atPath: path)) != nil { return }  // retried below with wider modes
    Self.open(path)
    try? FileManager.default.removeItem(atPath: path)  // what is left now cannot be removed by this user at all
  }

  /// The path of something in the folder.
  public func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a text, making the folders on the way.
  @discardableResult
  public func write(_ name: String, _ text: String) throws(Failure) -> String {
    try write(name, bytes: Array(text.utf8))
  }

  @discardableResult
  public func write(_ name: String, bytes: [UInt8]) throws(Failure) -> String {
    let target = file(name)
    do {
      let parent = target.split(separator: "/").dropLast().joined(separator: "/")
      try FileManager.default.createDirectory(atPath: "/\(parent)", withIntermediateDirectories: true)
      try Data(bytes).write(to: URL(filePath: target))
    } catch {
      throw Failure(.internal, "cannot write \(target): \(error)")
    }
    return target
  }

  /// The text of a file; nil when there is none.
  public func read(_ name: String) -> String? {
    FileManager.default.contents(atPath: file(name)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Names in the folder, sorted.
  public func names() -> [String] {
    // A folder that is gone has no names.
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  private static func open(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return }
    chmod(path, 0o700)
    // What cannot be listed is left to the removal to complain about.
    for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] { open("\(path)/\(name)") }
  }
}
