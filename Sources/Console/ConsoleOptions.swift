/// How a console is started.
public struct ConsoleOptions: Sendable {
  /// The engines run in this process and end with the console.
  public var isEmbedded: Bool
  /// Actions that change the node are shown with their reason and not done.
  public var isReadOnly: Bool
  /// How this console is named to others: a label, not a credential.
  public var operatorLabel: String
  /// Where the node is reached; nil when embedded.
  public var nodePath: String?
  /// A theme's name or path; `auto` asks the terminal whether it is dark or light.
  public var theme: String
  public var themes: ThemeLibrary
  public var color: ColorDepth.Choice
  /// The set wanted; the terminal may show less.
  public var glyphs: GlyphSet
  /// The process environment, for what the terminal says of itself there.
  public var environment: [String: String]
  /// Milliseconds between two snapshots, 100…10,000.
  public var refreshMilliseconds: Int64
  /// The operator's own settings; `theme` and `glyphs` here are stronger.
  public var file: ConsoleFile

  public init(
    isEmbedded: Bool, isReadOnly: Bool = false, operatorLabel: String, nodePath: String? = nil,
    theme: String = "signalbox-dark", themes: ThemeLibrary, color: ColorDepth.Choice = .auto,
    glyphs: GlyphSet = .braille, environment: [String: String], refreshMilliseconds: Int64 = 500,
    file: ConsoleFile = .none
  ) {
    self.isEmbedded = isEmbedded
    self.isReadOnly = isReadOnly
    self.operatorLabel = operatorLabel
    self.nodePath = nodePath
    self.theme = theme
    self.themes = themes
    self.color = color
    self.glyphs = glyphs
    self.environment = environment
    self.refreshMilliseconds = refreshMilliseconds
    self.file = file
  }
}
