internal import Glibc

/// What the resolver must know of who started the process, passed in so that it stays a pure function.
struct LoginFacts: Sendable, Equatable {
  var homeFolder: String
  var loginName: String
  var workingFolder: String

  /// Of this process: `HOME` when it is an absolute path, else the password file.
  static func current(environment: [String: String]) -> LoginFacts {
    let entry = passwordEntry()
    var home = environment["HOME"] ?? ""
    if !home.hasPrefix("/") { home = entry?.home ?? "/" }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let hasFolder = getcwd(&buffer, buffer.count) != nil
    let folder = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return LoginFacts(
      homeFolder: home, loginName: entry?.name ?? "uid-\(getuid())", workingFolder: hasFolder ? folder : "/")
  }

  private static func passwordEntry() -> (name: String, home: String)? {
    var record = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16_384)
    guard getpwuid_r(getuid(), &record, &buffer, buffer.count, &found) == 0, found != nil,
      let name = record.pw_name, let home = record.pw_dir
    else { return nil }
    return (String(cString: name), String(cString: home))
  }
}
