internal import Glibc

/// Looks for programs on a given `PATH`, and reads versions out of what they print.
enum ProgramFinder {
  /// The first executable file of that name. Entries that are no absolute path are passed over, as a node has no
  /// meaningful current folder.
  static func find(_ name: String, path: String) -> String? {
    for folder in path.split(separator: ":") where folder.hasPrefix("/") {
      let candidate = "\(folder)/\(name)"
      var status = stat()
      guard stat(candidate, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(candidate, X_OK) == 0 else {
        continue
      }
      return candidate
    }
    return nil
  }

  /// The first thing that looks like a version (`7.0.15`, `5.9.0`, `1.24rc1`): a digit, then digits, dots and letters,
  /// with at least one dot. So nothing a program prints reaches a terminal but these characters.
  static func version(in output: String) -> String? {
    let isVersionByte = { (byte: UInt8) in
      (48...57).contains(byte) || byte == 46 || (97...122).contains(byte) || byte == 45 || byte == 43
    }
    for word in output.utf8.split(whereSeparator: { !isVersionByte($0) }) {
      var rest = Array(word)[...]
      while let first = rest.first, !(48...57).contains(first) { rest.removeFirst() }
      while let last = rest.last, last == 46 || last == 45 || last == 43 { rest.removeLast() }
      guard rest.contains(46), rest.count <= 40 else { continue }
      return String(decoding: rest, as: UTF8.self)
    }
    return nil
  }

  /// The leading numbers of a version, for comparisons: `6.2.14-x` is 6, 2, 14.
  static func numbers(_ version: String) -> [Int] {
    version.split(separator: ".").map { Int($0.prefix { $0.isASCII && $0.isNumber }) ?? 0 }
  }

  /// Whether `version` is `least` or later.
  static func isAtLeast(_ version: String, _ least: [Int]) -> Bool {
    !numbers(version).lexicographicallyPrecedes(least)
  }
}
