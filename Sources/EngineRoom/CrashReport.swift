public import Base
internal import CCrash
internal import Glibc

/// The backtrace that a dying process leaves in the state folder, and its reading at the next start.
public enum CrashReport {
  /// Reports are short: a head, a signal line and at most 128 frames.
  private static let maxBytes = 1 << 20

  /// From now on a fault writes its signal and stack to `file` before the process dies of it.
  public static func install(file: String, version: String) throws(Failure) {
    let code = sb_crash_install(file, version)
    guard code == 0 else {
      throw Failure(.internal, "crash reports cannot be written to \(file): \(String(cString: strerror(code)))")
    }
  }

  /// What the process before left, with every name demangled; nil when it left nothing. `isNew` is true once for each
  /// report: the log tells it at one start, `doctor` as long as the file is there.
  public static func read(file: String) throws(Failure) -> (text: String, isNew: Bool)? {
    guard let bytes = try WholeFile.read(file, maxBytes: maxBytes), !bytes.isEmpty else { return nil }
    var facts = stat()
    guard stat(file, &facts) == 0 else { return nil }
    let mark = "\(facts.st_mtim.tv_sec).\(facts.st_mtim.tv_nsec)"
    let seen = try WholeFile.read("\(file).seen", maxBytes: 64)
    let isNew = seen != Array(mark.utf8)
    return (String(decoding: bytes, as: UTF8.self), isNew)
  }

  /// Remembers that this report was told.
  public static func markSeen(file: String) throws(Failure) {
    var facts = stat()
    guard stat(file, &facts) == 0 else { return }
    try WholeFile.replace("\(file).seen", with: Array("\(facts.st_mtim.tv_sec).\(facts.st_mtim.tv_nsec)".utf8))
  }
}
