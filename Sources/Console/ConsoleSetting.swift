internal import Base
internal import ControlPlane

/// One thing that an operator sets: by a line of the console's file, or by `:set` while it runs.
enum ConsoleSetting: Sendable, Equatable {
  case layout(Layout.Choice)
  /// A name or a path.
  case theme(String)
  /// Milliseconds between two snapshots.
  case refresh(Int64)
  case glyphs(GlyphSet)
  case mouse(Bool)
  /// What the log shows.
  case level(LogLevel)

  static let names = ["layout", "theme", "refresh", "glyphs", "mouse", "level"]
  static let levelNames = "trace, debug, info, notice, warn, error, critical"

  /// Throws `invalid`, with what is accepted.
  init(_ name: String, _ value: String) throws(Failure) {
    func wrong(_ accepted: String) -> Failure {
      Failure(.invalid, "\(name): '\(DisplayText(value).truncated(to: 40))' is not accepted", hint: accepted)
    }
    switch name {
    case "layout":
      let choice = Layout.Choice.allCases.first { $0.rawValue.lowercased() == value.lowercased() }
      guard let choice else { throw wrong("S, M, L or auto") }
      self = .layout(choice)
    case "theme":
      guard !value.isEmpty else { throw wrong("a theme's name or the path of a theme file") }
      self = .theme(value)
    case "refresh":
      guard let milliseconds = Self.milliseconds(value) else { throw wrong("a time from 250ms to 10s") }
      self = .refresh(milliseconds)
    case "glyphs":
      guard let glyphs = GlyphSet(rawValue: value) else { throw wrong("braille, block or ascii") }
      self = .glyphs(glyphs)
    case "mouse":
      guard let isOn = ["on": true, "true": true, "off": false, "false": false][value] else { throw wrong("on or off") }
      self = .mouse(isOn)
    case "level":
      guard let level = LogLevel(typed: value) else { throw wrong(Self.levelNames) }
      self = .level(level)
    default:
      throw Failure(
        .invalid, "nothing here is called '\(DisplayText(name).truncated(to: 40))'",
        hint: "settings: \(Self.names.joined(separator: ", "))")
    }
  }

  /// People type `0.5s` here as well as what the settings take. Nil when it is none, or out of bounds.
  private static func milliseconds(_ text: String) -> Int64? {
    let allowed = (FrameClock.intervals.first ?? 0)...(FrameClock.intervals.last ?? 0)
    if let value = Quantity.milliseconds(text) { return allowed.contains(value) ? value : nil }
    let number = text.hasSuffix("s") ? text.dropLast() : text[...]
    guard let seconds = Double(number), seconds.isFinite, (0...1_000).contains(seconds) else { return nil }
    let value = Int64((seconds * 1_000).rounded())
    return allowed.contains(value) ? value : nil
  }
}

extension ConsoleModel {
  /// `:set refresh 1s`; without anything, what is set.
  mutating func set(typed text: String?) -> [Effect] {
    guard let text else { return open(.help(HelpSheet(title: "Settings", notes: settingLines))) }
    let words = text.split(separator: " ", maxSplits: 1).map(String.init)
    return set(words.first ?? "", to: words.count > 1 ? words[1] : "")
  }

  mutating func set(_ name: String, to value: String) -> [Effect] {
    do throws(Failure) {
      return apply(try ConsoleSetting(name, value))
    } catch {
      toast(.failed, "set \(error.line)")
      return []
    }
  }

  mutating func apply(_ setting: ConsoleSetting) -> [Effect] {
    switch setting {
    case .layout(let choice):
      layoutChoice = choice
      if width < choice.least.width || height < choice.least.height {
        let least = choice.least
        let size = "\(least.width)x\(least.height)"
        toast(.refused, "layout \(choice.rawValue) needs \(size): as soon as the window has it")
      }
      settle()
      touch()
    case .theme(let name): return [.setTheme(name)]
    case .refresh(let milliseconds): return setRefresh(milliseconds)
    case .glyphs(let wanted):
      guard wanted == .ascii || options.glyphs != .ascii else {
        toast(.refused, "this terminal shows ASCII only")
        return []
      }
      glyphs = wanted
      touch()
    case .mouse(let isOn): return setMouse(isOn)
    case .level(let level): return setLevel(level)
    }
    return []
  }

  /// What the operator's file says, without a word about it. Theme and glyphs were chosen among stronger wishes before.
  mutating func begin(with settings: [ConsoleSetting]) -> [Effect] {
    var effects: [Effect] = []
    for setting in settings {
      switch setting {
      case .theme, .glyphs: continue
      case .layout(let choice): layoutChoice = choice
      case .mouse(let isOn):
        isMouseOn = isOn
        effects.append(.setMouse(isOn))
      case .refresh, .level: effects += apply(setting)
      }
    }
    settle()
    return effects
  }

  /// `refresh  500ms`, a line for each.
  private var settingLines: [String] {
    let pace = refresh < 1_000 ? "\(refresh)ms" : "\(Quantity.fixed(Double(refresh) / 1_000, digits: 1))s"
    let values = [
      layoutChoice.rawValue, themeName, pace, glyphs.rawValue,
      isMouseOn ? "on" : "off", panes.log.book.level.rawValue,
    ]
    return zip(ConsoleSetting.names, values).map { Figures.padded($0, right: 10) + $1 }
      + ["", ":set NAME VALUE changes one until this console is left", options.fileNote]
  }
}
