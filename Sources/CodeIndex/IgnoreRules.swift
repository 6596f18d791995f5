internal import Base

/// One `.gitignore` or `.signalboxignore`, and the stack of them on the way to a folder (gitignore(5)).
///
/// A line is a pattern: `#` comments, `!` takes back, a slash at the end means folders only, a slash at the beginning
/// or in the middle ties it to the folder of the file, `**` stands for any folders. The last line that fits decides.
/// What lies in an ignored folder cannot be taken back.
struct IgnoreRules: Sendable {
  private struct Rule: Sendable {
    var pattern: PathPattern
    var isNegated: Bool
    var isFolderOnly: Bool
  }

  /// More lines, or longer ones, are left out.
  private static let linesMax = 10_000
  private static let lineBytesMax = 1_024

  /// From the project's root with a slash at the end; empty for the root.
  private let folder: String
  private let rules: [Rule]

  init(text: String, folder: String) {
    self.folder = folder
    rules = text.split(whereSeparator: \.isNewline).prefix(Self.linesMax).compactMap { Self.rule($0) }
  }

  var isEmpty: Bool { rules.isEmpty }

  private static func rule(_ line: Substring) -> Rule? {
    var text = line
    while text.hasSuffix(" "), !text.hasSuffix("\\ ") { text = text.dropLast() }
    guard !text.isEmpty, !text.hasPrefix("#"), text.utf8.count <= lineBytesMax else { return nil }
    let isNegated = text.hasPrefix("!")
    if isNegated { text = text.dropFirst() }
    let isFolderOnly = text.hasSuffix("/")
    if isFolderOnly { text = text.dropLast() }
    let isAnchored = text.contains("/")
    if text.hasPrefix("/") { text = text.dropFirst() }
    guard !text.isEmpty else { return nil }
    // A pattern that cannot be read fits nothing, as in git.
    guard let pattern = try? PathPattern(isAnchored ? String(text) : "**/" + text) else { return nil }
    return Rule(pattern: pattern, isNegated: isNegated, isFolderOnly: isFolderOnly)
  }

  /// Whether this file says anything about the path: true for ignored, false for taken back, nil for nothing.
  func verdict(path: String, isFolder: Bool) -> Bool? {
    guard path.hasPrefix(folder) else { return nil }
    let relative = Array(path.utf8.dropFirst(folder.utf8.count))
    for rule in rules.reversed() where isFolder || !rule.isFolderOnly {
      if rule.pattern.matches(relative) { return !rule.isNegated }
    }
    return nil
  }

  /// The verdict of the nearest file that has one; the stack is ordered from the root down.
  static func isIgnored(_ path: String, isFolder: Bool, by stack: [IgnoreRules]) -> Bool {
    for rules in stack.reversed() {
      if let verdict = rules.verdict(path: path, isFolder: isFolder) { return verdict }
    }
    return false
  }

  /// The same for a path whose folders have not been walked through: any ignored folder on the way decides.
  static func isIgnoredOnTheWay(_ path: String, by stack: [IgnoreRules]) -> Bool {
    guard stack.contains(where: { !$0.isEmpty }) else { return false }
    var end = path.startIndex
    while let slash = path[end...].firstIndex(of: "/") {
      if isIgnored(String(path[..<slash]), isFolder: true, by: stack) { return true }
      end = path.index(after: slash)
    }
    return isIgnored(path, isFolder: false, by: stack)
  }
}

/// A glob over a whole path, where `*` and `?` stay within one folder and `**` stands for any number of folders.
///
/// Both sides are cut at the slashes and matched part by part; a `**` keeps one way back, as a `*` does within a part
/// (see `Glob`), so no pattern can make it slow.
struct PathPattern: Sendable {
  private enum Part: Sendable {
    case anyFolders
    case glob(Glob)
  }

  private let parts: [Part]

  init(_ text: String) throws(Failure) {
    var parts: [Part] = []
    for part in text.split(separator: "/", omittingEmptySubsequences: true) {
      parts.append(part == "**" ? .anyFolders : .glob(try Glob(String(part))))
    }
    // `src/**` means what lies below, and not `src` itself.
    if case .anyFolders? = parts.last { parts.append(.glob(try Glob("*"))) }
    self.parts = parts
  }

  func matches(_ path: String) -> Bool { matches(Array(path.utf8)) }

  func matches(_ path: [UInt8]) -> Bool {
    let folders = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: true).map(Array.init)
    var at = 0
    var part = 0
    var resume: (part: Int, at: Int)?
    while at < folders.count {
      if part < parts.count, case .anyFolders = parts[part] {
        resume = (part + 1, at)
        part += 1
      } else if part < parts.count, case .glob(let glob) = parts[part], glob.matches(folders[at]) {
        part += 1
        at += 1
      } else if let back = resume {
        resume = (back.part, back.at + 1)
        part = back.part
        at = back.at + 1
      } else {
        return false
      }
    }
    return part == parts.count
  }
}
