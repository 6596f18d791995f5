/// How many colours may be used.
public enum ColorDepth: Int, Sendable, Comparable, CaseIterable {
  case mono, ansi16, indexed256, rgb

  public static func < (left: ColorDepth, right: ColorDepth) -> Bool { left.rawValue < right.rawValue }

  /// What `--color` says.
  public enum Choice: String, Sendable, CaseIterable {
    /// As the terminal and `NO_COLOR` say.
    case auto
    case never
    /// As the terminal says, whatever `NO_COLOR` says.
    case always
  }

  /// `colors` and `hasRGB` are those of the terminal type; a type without colours stays without.
  public static func of(
    environment: [String: String], choice: Choice = .auto, colors: Int, hasRGB: Bool
  ) -> ColorDepth {
    if choice == .never || colors < 8 { return .mono }
    if choice == .auto, !(environment["NO_COLOR"] ?? "").isEmpty { return .mono }
    if hasRGB { return .rgb }
    if colors < 256 { return .ansi16 }
    return wantsTrueColor(environment) ? .rgb : .indexed256
  }

  static func wantsTrueColor(_ environment: [String: String]) -> Bool {
    ["truecolor", "24bit"].contains(environment["COLORTERM"]?.lowercased() ?? "")
  }
}
