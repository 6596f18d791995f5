internal import Base

/// The flags of the settings table, taken out of the arguments before the parser of verbs sees the rest: every verb
/// takes them, at any place before `--`.
struct SettingFlags: Sendable, Equatable {
  /// Flag → value, as given.
  private(set) var values: [String: String] = [:]
  /// What is left for the verbs.
  private(set) var rest: [String] = []

  /// Flags a verb has for itself; there they are not settings. Keyed by verb.
  static let verbsOwn: [String: Set<String>] = ["cache": ["--namespace"], "status": ["--watch"]]

  /// Short for a setting's flag with a value.
  static let short: [String: (flag: String, value: String)] = ["--watch-worktree": ("--watch", "worktree")]

  init() {}

  /// Takes setting flags out of `arguments` (without the program's name).
  init(_ arguments: [String], verbsOwn: [String: Set<String>] = Self.verbsOwn) throws(Failure) {
    let known = Set(SettingsTable.flags)
    var index = 0
    var own: Set<String>?
    while index < arguments.count {
      let argument = arguments[index]
      index += 1
      if argument == "--" {
        rest += arguments[(index - 1)...]
        break
      }
      if own == nil, !argument.hasPrefix("-") { own = verbsOwn[argument] ?? [] }
      if let meant = Self.short[argument] {
        try take(meant.flag, meant.value)
        continue
      }
      let pieces = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard argument.hasPrefix("--"), known.contains(pieces[0]), own?.contains(pieces[0]) != true else {
        try Self.refuseSecret(pieces[0])
        rest.append(argument)
        continue
      }
      if pieces.count == 2 {
        try take(pieces[0], pieces[1])
      } else {
        guard index < arguments.count, !Self.looksLikeFlag(arguments[index]) else {
          throw Failure(.invalid, "\(pieces[0]) needs a value: \(Self.allowed(pieces[0]))")
        }
        try take(pieces[0], arguments[index])
        index += 1
      }
    }
  }

  /// The flags again as arguments, for another process that is to have the same settings.
  var arguments: [String] { values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } }

  private mutating func take(_ flag: String, _ value: String) throws(Failure) {
    guard values.updateValue(value, forKey: flag) == nil else {
      throw Failure(.invalid, "\(flag) is given twice; give it once")
    }
  }

  /// A value that begins with dashes is given as `--flag=--value`: a forgotten value must not swallow the next flag.
  private static func looksLikeFlag(_ text: String) -> Bool { text.hasPrefix("--") }

  private static func allowed(_ flag: String) -> String {
    if flag == "--config" { return "the path of a YAML file" }
    return SettingsTable.rows.first { $0.flag == flag }?.allowed ?? "the path of a file that holds the secret"
  }

  private static func refuseSecret(_ flag: String) throws(Failure) {
    guard let row = SettingsTable.rows.first(where: { $0.isSecret && "--\(Setting.kebab($0.name))" == flag }) else {
      return
    }
    throw Failure(
      .invalid, "\(flag) is not a flag: arguments are visible to other users",
      hint: "set \(row.environment), or \(row.fileFlag ?? "") FILE")
  }
}
