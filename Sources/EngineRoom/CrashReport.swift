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

  /// What the process before left, if it was not told yet; nil otherwise. Puts the names of functions into the file,
  /// where they can be found, and remembers that it was told: the log tells it at one start, `doctor` as long as the
  /// file is there.
  public static func takeNews(file: String) throws(Failure) -> String? {
    guard let mark = mark(of: file), try WholeFile.read("\(file).seen", maxBytes: 64) != mark,
      let bytes = try WholeFile.read(file, maxBytes: maxBytes), !bytes.isEmpty
    else { return nil }
    let text = named(String(decoding: bytes, as: UTF8.self), writtenAt: modified(file))
    try WholeFile.replace(file, with: Array(text.utf8))
    try WholeFile.replace("\(file).seen", with: Self.mark(of: file) ?? [])
    return text
  }

  // MARK: Names

  /// Adds the function to each frame that has only an offset: `program(+0x83eb32)[0x…]` gains ` name`. A program that
  /// was built after the crash would give wrong names and is left out.
  static func named(_ report: String, writtenAt: Int) -> String {
    let lines = report.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    var offsets: [String: [UInt64]] = [:]
    for line in lines {
      if let frame = frame(line) { offsets[frame.program, default: []].append(frame.offset) }
    }
    var names: [String: [UInt64: String]] = [:]
    for (program, addresses) in offsets where modified(program) <= writtenAt {
      if let symbols = ElfSymbols(path: program) { names[program] = symbols.names(at: addresses) }
    }
    return lines.map { line in
      guard let frame = frame(line), let name = names[frame.program]?[frame.offset] else { return line }
      return "\(line) \(demangled(name))"
    }.joined(separator: "\n")
  }

  /// `path(+0xHEX)[0xHEX]`, as backtrace_symbols_fd(3) writes a frame without a name.
  private static func frame(_ line: String) -> (program: String, offset: UInt64)? {
    guard line.hasPrefix("/"), line.hasSuffix("]"), let mark = line.range(ofLast: "(+0x") else { return nil }
    let digits = line[mark.upperBound...].prefix { $0.isHexDigit }
    guard let offset = UInt64(digits, radix: 16) else { return nil }
    return (String(line[..<mark.lowerBound]), offset)
  }

  private static func demangled(_ name: String) -> String {
    guard let text = sb_crash_demangle(name) else { return name }
    defer { free(text) }
    return String(cString: text)
  }

  // MARK: The file

  /// Seconds since 1970; the far future for a file that is not there.
  private static func modified(_ path: String) -> Int {
    var facts = stat()
    return stat(path, &facts) == 0 ? facts.st_mtim.tv_sec : .max
  }

  /// Tells this report from the one before it; nil when there is none.
  private static func mark(of file: String) -> [UInt8]? {
    var facts = stat()
    guard stat(file, &facts) == 0 else { return nil }
    return Array("\(facts.st_mtim.tv_sec).\(facts.st_mtim.tv_nsec)".utf8)
  }
}

extension String {
  fileprivate func range(ofLast mark: String) -> Range<String.Index>? {
    var end = endIndex
    while end > startIndex {
      end = index(before: end)
      if self[end...].hasPrefix(mark) { return end..<index(end, offsetBy: mark.count) }
    }
    return nil
  }
}
