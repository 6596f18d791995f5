/// Which colour a role has in a scheme that says nothing of roles.
extension Role {
  /// By the conventions of base16: 00 to 07 are tones from background to foreground, 08 to 0F colours.
  var paletteName: String {
    switch self {
    case .background: "base00"
    case .barBackground, .popupBackground: "base01"
    case .selectionBackground: "base02"
    case .dim, .border, .logDebug: "base03"
    case .stale: "base04"
    case .foreground, .input: "base05"
    case .selectionForeground: "base06"
    case .err, .graphHigh, .logError: "base08"
    case .warn, .miss, .logWarn: "base09"
    case .busy, .graphMiddle: "base0A"
    case .ok, .graphLow, .hit: "base0B"
    case .info, .spark, .logInfo: "base0C"
    case .accent, .borderFocus, .key, .popupBorder: "base0D"
    case .title: "base0E"
    case .dangerButton: "base0F"
    }
  }

  /// The number among the terminal's 16 when the theme is dark.
  var darkAnsi: UInt8 {
    switch self {
    case .background, .barBackground, .popupBackground: 0
    case .selectionBackground, .accent: self == .accent ? 12 : 4
    case .foreground, .input: 7
    case .selectionForeground: 15
    case .dim, .border, .logDebug, .stale: 8
    case .err, .graphHigh, .logError, .dangerButton: 9
    case .warn, .miss, .logWarn, .busy, .graphMiddle: 11
    case .ok, .graphLow, .hit: 10
    case .info, .spark, .logInfo: 14
    case .borderFocus, .key, .popupBorder: 12
    case .title: 13
    }
  }

  /// The number among the terminal's 16 when the theme is light.
  var lightAnsi: UInt8 {
    switch self {
    case .background, .popupBackground: 15
    case .barBackground: 7
    case .selectionBackground, .accent, .borderFocus, .key, .popupBorder: 4
    case .foreground, .input: 0
    case .selectionForeground: 15
    case .dim, .border, .logDebug, .stale: 8
    case .err, .graphHigh, .logError, .dangerButton: 1
    case .warn, .miss, .logWarn, .busy, .graphMiddle: 3
    case .ok, .graphLow, .hit: 2
    case .info, .spark, .logInfo: 6
    case .title: 5
    }
  }
}
