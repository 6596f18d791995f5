/// What each role looks like. Made by `ThemeFile`; a value, so that a preview is an assignment.
public struct Theme: Equatable, Sendable {
  public enum Variant: String, Sendable {
    case dark, light
  }

  /// A colour as a theme names it.
  public enum Color: Hashable, Sendable {
    /// The terminal's own foreground or background.
    case terminalDefault
    /// One of the terminal's own 16.
    case ansi(UInt8)
    case rgb(RGB)
  }

  public struct Entry: Equatable, Sendable {
    public var color: Color
    public var attributes: Style.Attributes
    /// The colour on a terminal with 16.
    public var ansi16: Color
  }

  /// A text role that is hard to read.
  public struct Warning: Equatable, Sendable {
    public let foreground: Role
    public let background: Role
    public let contrast: Double
  }

  public let name: String
  public let author: String
  public let variant: Variant
  private let entries: [Entry]

  init(name: String, author: String, variant: Variant, entry: (Role) -> Entry) {
    self.name = name
    self.author = author
    self.variant = variant
    entries = Role.allCases.map(entry)
  }

  public subscript(role: Role) -> Entry { entries[Int(role.rawValue)] }

  // MARK: - What a cell looks like

  /// A colour as a terminal of one depth takes it.
  enum Paint: Hashable {
    case terminalDefault
    case indexed(UInt8)
    case rgb(UInt32)
  }

  struct Look: Hashable {
    var foreground: Paint
    var background: Paint
    var attributes: Style.Attributes
  }

  func look(of style: Style, depth: ColorDepth) -> Look {
    let foreground = self[style.foreground]
    let background = self[style.background]
    var attributes = style.attributes.union(foreground.attributes).union(background.attributes)
    guard depth != .mono else {
      attributes.formUnion(Self.monoAttributes(style.foreground))
      attributes.formUnion(Self.monoAttributes(style.background))
      return Look(foreground: .terminalDefault, background: .terminalDefault, attributes: attributes)
    }
    // A background of its own already says what the reverse bar says without colours.
    return Look(
      foreground: Self.paint(foreground, depth), background: Self.paint(background, depth), attributes: attributes)
  }

  private static func paint(_ entry: Entry, _ depth: ColorDepth) -> Paint {
    switch depth == .ansi16 ? entry.ansi16 : entry.color {
    case .terminalDefault: .terminalDefault
    case .ansi(let number): .indexed(number)
    case .rgb(let color): depth == .indexed256 ? .indexed(color.nearest256) : .rgb(color.value)
    }
  }

  /// What a role is without any colour.
  private static func monoAttributes(_ role: Role) -> Style.Attributes {
    switch role {
    case .title, .key, .borderFocus, .warn, .busy, .graphHigh, .logWarn, .popupBorder: .bold
    case .err, .logError, .miss: [.bold, .underline]
    case .dim, .stale, .logDebug: .dim
    case .selectionBackground, .dangerButton: .reverse
    case .input: .underline
    default: []
    }
  }

  // MARK: - Legibility

  /// The least contrast of text, WCAG 2.2 level AA.
  public static let contrastMin = 4.5

  /// The text roles whose contrast is under `contrastMin`; colours of the terminal's own cannot be judged.
  public var warnings: [Warning] {
    Self.textPairs.compactMap { foreground, background in
      guard case .rgb(let text) = self[foreground].color, case .rgb(let ground) = self[background].color else {
        return nil
      }
      let contrast = text.contrast(on: ground)
      return contrast < Self.contrastMin
        ? Warning(foreground: foreground, background: background, contrast: contrast) : nil
    }
  }

  private static let textPairs: [(Role, Role)] =
    [
      Role.foreground, .dim, .title, .key, .ok, .warn, .err, .info, .busy, .stale, .accent, .hit, .miss,
      .logDebug, .logInfo, .logWarn, .logError,
    ].map { ($0, .background) } + [
      (.selectionForeground, .selectionBackground), (.foreground, .barBackground), (.title, .barBackground),
      (.foreground, .popupBackground), (.input, .popupBackground), (.dangerButton, .popupBackground),
    ]
}
