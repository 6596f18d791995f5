/// What a colour means. Panes name roles; only a `Theme` knows colours.
public enum Role: UInt8, Sendable, CaseIterable {
  case background
  case foreground
  case dim
  case border
  case borderFocus
  case title
  case key
  case selectionBackground
  case selectionForeground
  case ok
  case warn
  case err
  case info
  case busy
  case stale
  case accent
  case graphLow
  case graphMiddle
  case graphHigh
  case spark
  case hit
  case miss
  case barBackground
  case logDebug
  case logInfo
  case logWarn
  case logError
  case popupBackground
  case popupBorder
  case input
  case dangerButton

  /// The roles that are painted behind text.
  public static let backgrounds: [Role] = [.background, .selectionBackground, .barBackground, .popupBackground]

  /// The key in `roles:` of a theme file.
  public var name: String { Self.names[Int(rawValue)] }

  init?(name: String) {
    guard let index = Self.names.firstIndex(of: name) else { return nil }
    self.init(rawValue: UInt8(index))
  }

  /// In the order of the cases.
  private static let names = """
    bg fg dim border border-focus title key selection-bg selection-fg ok warn err info busy stale accent \
    graph-lo graph-mid graph-hi spark hit miss bar-bg log-debug log-info log-warn log-error popup-bg \
    popup-border input danger-button
    """.split(separator: " ").map(String.init)
}
