/// What a colour means. Panes name roles; only a `Theme` knows colours. The raw values are the keys of `roles:` in a
/// theme file.
public enum Role: String, Sendable, CaseIterable {
  case background = "bg"
  case foreground = "fg"
  case dim
  case border
  case borderFocus = "border-focus"
  case title
  case key
  case selectionBackground = "selection-bg"
  case selectionForeground = "selection-fg"
  case ok
  case warn
  case err
  case info
  case busy
  case stale
  case accent
  case graphLow = "graph-lo"
  case graphMiddle = "graph-mid"
  case graphHigh = "graph-hi"
  case spark
  case hit
  case miss
  case barBackground = "bar-bg"
  case logDebug = "log-debug"
  case logInfo = "log-info"
  case logWarn = "log-warn"
  case logError = "log-error"
  case popupBackground = "popup-bg"
  case popupBorder = "popup-border"
  case input
  case dangerButton = "danger-button"

  /// The roles that are painted behind text.
  public static let backgrounds: [Role] = [.background, .selectionBackground, .barBackground, .popupBackground]

  /// The number of the role in `allCases`, for tables.
  var index: Int { Self.indices[self] ?? 0 }

  private static let indices = Dictionary(uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })
}
