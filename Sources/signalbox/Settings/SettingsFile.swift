internal import Base
internal import Yams

/// The text of a config file, read into keys with their lines. Only the shape is judged here: a flat mapping of known
/// keys to scalars, or to lists of scalars where the setting is a list.
struct SettingsFile: Sendable, Equatable {
  struct Entry: Sendable, Equatable {
    var value: String
    var line: Int
  }

  let path: String
  private(set) var entries: [String: Entry] = [:]

  static let bytesMax = 1_048_576
  /// Aliases multiply what they name. So few of them cannot grow to anything; settings need none at all.
  static let aliasesMax = 32

  init(path: String, text: String) throws(Failure) {
    self.path = path
    guard text.utf8.count <= Self.bytesMax else {
      throw Failure(.invalid, "\(DisplayText(path)) is \(text.utf8.count) bytes; a config file has at most 1 MiB")
    }
    guard Self.aliasCount(text) <= Self.aliasesMax else {
      throw Failure(
        .invalid, "\(DisplayText(path)) has more than \(Self.aliasesMax) YAML aliases; settings need none")
    }
    guard let root = try Self.compose(text, path: path) else { return }
    if Self.isNull(root) { return }
    guard let mapping = root.mapping else {
      throw Failure(.invalid, "\(Self.place(path, root)): a config file is a list of 'key: value' lines")
    }
    for (key, value) in mapping { try add(key, value) }
  }

  private mutating func add(_ key: Node, _ value: Node) throws(Failure) {
    let place = Self.place(path, key)
    guard let name = key.scalar?.string else {
      throw Failure(.invalid, "\(place): a key is a plain word, not a list or a mapping")
    }
    guard SettingsTable.fileKeys.contains(name) else {
      let near = Suggestion.clause(for: name, in: SettingsTable.fileKeys)
      throw Failure(.invalid, "\(place): unknown key '\(DisplayText(name).truncated(to: 64))'\(near)")
    }
    guard entries[name] == nil else { throw Failure(.invalid, "\(place): '\(name)' appears twice; give it once") }
    entries[name] = Entry(value: try Self.text(of: value, name: name, place: place), line: key.mark?.line ?? 0)
  }

  private static func text(of value: Node, name: String, place: String) throws(Failure) -> String {
    let row = SettingsTable.row(named: name)
    if isNull(value) {
      throw Failure(.invalid, "\(place): '\(name)' has no value; it must be \(row?.allowed ?? "the path of a file")")
    }
    if let scalar = value.scalar { return scalar.string }
    guard row?.isList == true, let sequence = value.sequence else {
      let list = row?.isList == true ? "one value or a list of values" : "one value, not a list or a mapping"
      throw Failure(.invalid, "\(place): '\(name)' must be \(list)")
    }
    var pieces: [String] = []
    for element in sequence {
      guard let piece = element.scalar?.string, !piece.contains(",") else {
        throw Failure(.invalid, "\(place): every element of '\(name)' must be one value")
      }
      pieces.append(piece)
    }
    return pieces.joined(separator: ",")
  }

  /// `key:` and `key: ~` say nothing, which is not the same as the default.
  private static func isNull(_ node: Node) -> Bool {
    guard let scalar = node.scalar, scalar.style == .plain else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  private static func place(_ path: String, _ node: Node) -> String {
    "\(DisplayText(path)):\(node.mark?.line ?? 1)"
  }

  private static func compose(_ text: String, path: String) throws(Failure) -> Node? {
    do {
      return try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw refusal(error, path: DisplayText(path).text)
    } catch {
      throw Failure(.invalid, "\(DisplayText(path)) is not YAML")
    }
  }

  private static func refusal(_ error: YamlError, path: String) -> Failure {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      let hint = problem.contains("alphabetic") ? "a value that begins with * or & is put in quotes" : nil
      return Failure(.invalid, "\(path):\(mark.line): not YAML: \(DisplayText(problem))", hint: hint)
    case .duplicatedKeysInMapping(let names, let context):
      let key = DisplayText(names.first ?? "").truncated(to: 64).text
      return Failure(.invalid, "\(path):\(context.mark.line): '\(key)' appears twice; give it once")
    case .reader(let problem, _, _, _):
      return Failure(.invalid, "\(path): not YAML: \(DisplayText(problem))")
    default:
      return Failure(.invalid, "\(path) is not YAML")
    }
  }

  /// How often something like `*name` stands where YAML would read an alias. Counting some that are none is harmless.
  private static func aliasCount(_ text: String) -> Int {
    var count = 0
    var before = UInt8(ascii: "\n")
    var isStar = false
    for byte in text.utf8 {
      let isName =
        byte == 45 || byte == 95 || (48...57).contains(byte) || (65...90).contains(byte)
        || (97...122).contains(byte) || byte >= 128
      if isStar, isName { count += 1 }
      isStar = byte == UInt8(ascii: "*") && [9, 10, 13, 32, 44, 58, 63, 91, 123].contains(before)
      before = byte
    }
    return count
  }
}
