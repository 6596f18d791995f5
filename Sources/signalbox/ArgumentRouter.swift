internal import Base

/// Decides between a verb and a folder: `signalbox src` starts a node on `src`, `signalbox statsu` is a slip.
enum ArgumentRouter {
  /// The hidden verb that runs a node: no folder is called so without meaning it (`./_node` reaches one that is).
  static let nodeVerb = "_node"

  /// The arguments for the parser. `verbs` are the names of the tree, `hiddenVerbs` those that are never suggested;
  /// `isFolder` looks at the disk.
  static func route(
    _ arguments: [String], verbs: [String], hiddenVerbs: [String] = [nodeVerb], isFolder: (String) -> Bool
  ) throws(Failure) -> [String] {
    let head = arguments.prefix(headCount(arguments))
    if head.contains(where: { ["--help", "-h", "--version"].contains($0) }) { return arguments }
    let rest = arguments[head.count...]
    guard let first = rest.first, first != "--" else { return [nodeVerb] + arguments }
    if verbs.contains(first) || first == "help" || hiddenVerbs.contains(first) {
      guard head.isEmpty else {
        throw Failure(.invalid, "\(DisplayText(head[0]).truncated(to: 80)) stands before '\(first)'; put it after")
      }
      return arguments
    }
    guard isFolder(first) else {
      // With a flag nobody knows, the word after it is most likely its value.
      if let flag = head.last(where: { $0.hasPrefix("-") }), !nodeFlags.contains(name(of: flag)) {
        let near = Suggestion.clause(for: flag, in: SettingsTable.flags + nodeFlags)
        throw Failure(.invalid, "Unknown option '\(DisplayText(flag).truncated(to: 120))'\(near)")
      }
      let near = Suggestion.clause(for: first, in: verbs)
      throw Failure(.invalid, "'\(DisplayText(first).truncated(to: 120))' is neither a command nor a folder\(near)")
    }
    return [nodeVerb] + arguments
  }

  /// What may stand before the first folder.
  private static let nodeFlags = ["--no-tui", "--ascii", "--color"]
  /// Those of them whose value is the next argument: neither a verb nor a folder.
  private static let valuedFlags: Set<String> = ["--color"]

  /// How many of `arguments` are flags and their values.
  private static func headCount(_ arguments: [String]) -> Int {
    var count = 0
    while count < arguments.count, arguments[count].hasPrefix("-"), arguments[count] != "--" {
      count += valuedFlags.contains(arguments[count]) ? 2 : 1
    }
    return min(count, arguments.count)
  }

  /// `--color` of `--color=never`.
  private static func name(of flag: String) -> String { String(flag.prefix { $0 != "=" }) }
}
