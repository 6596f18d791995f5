internal import Base
internal import ControlPlane

/// What the entries of the registry do.
extension ConsoleModel {
  mutating func moveSelection(_ motion: Motion) -> [Effect] {
    let pane = focus.focused
    let height = rows(of: pane)
    changePane(pane) { $0.move(motion, height: height) }
    return []
  }

  mutating func changeFocus(_ body: (inout FocusRing) -> Void) -> [Effect] {
    body(&focus)
    settle()
    return []
  }

  /// One level back: the zoom, then the marks, then the filter. It never quits.
  mutating func goBack() -> [Effect] {
    if focus.unzoom() {
      settle()
    } else if !panes[focus.focused].marks.isEmpty {
      changePane(focus.focused) { $0.clearMarks() }
    } else if !panes[focus.focused].filter.isEmpty {
      setFilter("", of: focus.focused)
    } else if !toasts.isEmpty {
      toasts = []
      touch()
    }
    return []
  }

  mutating func open(_ popup: Popup) -> [Effect] {
    self.popup = popup
    touch()
    return []
  }

  mutating func togglePause() -> [Effect] {
    if let hidden {
      panes = hidden
      snapshot = hiddenSnapshot ?? snapshot
      self.hidden = nil
      hiddenSnapshot = nil
    } else {
      hidden = panes
    }
    settle()
    return []
  }

  mutating func changeRefresh(faster: Bool) -> [Effect] {
    let choices = FrameClock.intervals
    let next = faster ? choices.last { $0 < refresh } : choices.first { $0 > refresh }
    guard let next else {
      toast(.refused, faster ? "refresh is as fast as it goes" : "refresh is as slow as it goes")
      return []
    }
    return setRefresh(next)
  }

  mutating func setRefresh(_ milliseconds: Int64) -> [Effect] {
    refresh = milliseconds
    touch()
    return [.setRefresh(milliseconds)]
  }

  mutating func cycleLevel() -> [Effect] {
    let choices: [LogLevel] = [.trace, .debug, .info, .warning, .error]
    let index = choices.firstIndex(of: panes.log.book.level) ?? 0
    return setLevel(choices[(index + 1) % choices.count])
  }

  mutating func setLevel(typed text: String?) -> [Effect] {
    guard let level = text.flatMap(LogLevel.init(typed:)) else {
      toast(.failed, "level: '\(text ?? "")' is none of \(Self.levelNames)")
      return []
    }
    return setLevel(level)
  }

  static let levelNames = ConsoleSetting.levelNames

  mutating func setLevel(_ level: LogLevel) -> [Effect] {
    let rows = rows(of: .log)
    changeLog { $0.setLevel(level, height: rows) }
    return []
  }

  mutating func setNodeLevel(typed text: String?) -> [Effect] {
    guard let level = text.flatMap(LogLevel.init(typed:)) else {
      toast(.failed, "node level: '\(text ?? "")' is none of \(Self.levelNames)")
      return []
    }
    return [.perform(.setLogLevel(level))]
  }

  mutating func toggleFollow() -> [Effect] {
    let rows = rows(of: .log)
    changeLog { $0.setFollowing(!$0.isFollowing, height: rows) }
    return []
  }

  mutating func apply(theme name: String) -> [Effect] {
    themeName = name
    touch()
    return [.setTheme(name)]
  }

  mutating func setTheme(typed text: String?) -> [Effect] {
    guard let text else { return open(.themes(ThemePicker(themes: options.themes, current: themeName))) }
    return [.setTheme(text)]
  }

  mutating func nextTheme() -> [Effect] {
    let names = options.themes.map(\.name)
    guard !names.isEmpty else { return [] }
    let index = names.firstIndex(of: themeName) ?? -1
    return apply(theme: names[(index + 1) % names.count])
  }

  mutating func toggleMouse() -> [Effect] { setMouse(!isMouseOn) }

  mutating func setMouse(_ isOn: Bool) -> [Effect] {
    isMouseOn = isOn
    toast(.done, isOn ? "mouse: clicks and wheel go to the console" : "mouse: left to the terminal for selecting text")
    return [.setMouse(isOn)]
  }

  mutating func copyRow() -> [Effect] {
    guard let text = panes[focus.focused].selectedText else { return [.bell] }
    toast(.done, "copied to the terminal's clipboard")
    return [.copy(text)]
  }

  mutating func writeScreen(to path: String?) -> [Effect] {
    guard let path else {
      toast(.failed, "w: name the file to write")
      return []
    }
    let canvas = picture()
    let text = (0..<canvas.height).map { canvas.line($0).trimmingTrailingSpaces + "\n" }.joined()
    return [.writeFile(path: path, text: text)]
  }

  // MARK: - Leaving

  mutating func askToQuit(_ now: Moment) -> [Effect] {
    guard options.isEmbedded else { return [.detach] }
    let dialog = ConfirmDialog(
      title: "Quit",
      body: [
        "Stop the node too? Its engines run in this process and end with the console; clients are disconnected.", "",
        "`signalbox start` and `signalbox attach` keep a node running without a console.",
      ],
      confirm: "Stop the node and quit", now: now, onConfirm: [.quit(stopNode: true)])
    return open(.confirm(dialog))
  }

  // MARK: - The node

  mutating func askForBench(_ input: Action.Input) -> [Effect] {
    let suites = (input.argument ?? "").split(separator: " ").map(String.init)
    let noun = suites.count == 1 ? "suite" : "suites"
    let what = suites.isEmpty ? "every suite" : "the \(noun) \(suites.joined(separator: ", "))"
    let dialog = ConfirmDialog(
      title: "Run bench",
      body: ["Runs \(what) on this node.", "Figures are drawn every two seconds meanwhile."], confirm: "Run",
      now: input.now, onConfirm: [.perform(.runBench(BenchOptions(suites: suites)))])
    return open(.confirm(dialog))
  }

  /// The suite of the selected row: its last run against the one before.
  mutating func compareBenches() -> [Effect] {
    guard let pane = panes[.bench] as? BenchPane, let sheet = pane.comparison else { return [.bell] }
    return open(.comparison(sheet))
  }

  /// The node has live clients and would not: the operator may insist by typing its name.
  mutating func askForLiveBench(_ bench: BenchOptions, _ failure: Failure) {
    let name = snapshot?.node ?? ""
    var confirmed = bench
    confirmed.isLiveConfirmed = true
    let dialog = ConfirmDialog(
      title: "Run bench on a live node",
      body: [failure.message, "Type the node's name, \(name), to run it all the same."],
      confirm: "Run", expected: name, now: now, onConfirm: [.perform(.runBench(confirmed))])
    _ = open(.confirm(dialog))
  }

  mutating func askToDrain(_ now: Moment) -> [Effect] {
    let name = snapshot?.node ?? "node"
    let dialog = ConfirmDialog(
      title: "Drain the node",
      body: ["No new work, clients are told to move, then the node stops.", "Type its name, \(name), to go on."],
      confirm: "Drain", expected: name, now: now, onConfirm: [.perform(.drain)])
    return open(.confirm(dialog))
  }

  mutating func askToStop(_ now: Moment) -> [Effect] {
    let name = snapshot?.node ?? "node"
    let dialog = ConfirmDialog(
      title: "Stop the node",
      body: ["The node stops for everyone who uses it.", "Type its name, \(name), to go on."],
      confirm: "Stop", expected: name, now: now, onConfirm: [.perform(.stop)])
    return open(.confirm(dialog))
  }

  mutating func tellHealth() -> [Effect] { open(.health) }

  mutating func addProject(_ path: String?) -> [Effect] {
    guard let path else { return [.bell] }
    return [.perform(.addProject(path: path, id: nil))]
  }

  mutating func askToRemoveProject(_ input: Action.Input) -> [Effect] {
    guard let id = input.argument.flatMap(ProjectID.init(rawValue:)) else {
      toast(.failed, "remove: a project id is \(ProjectID.rule)")
      return []
    }
    let dialog = ConfirmDialog(
      title: "Remove project", body: ["The node forgets \(id.rawValue) and its index.", "The folder itself stays."],
      confirm: "Remove", now: input.now, onConfirm: [.perform(.removeProject(id: id))])
    return open(.confirm(dialog))
  }
}

extension String {
  var trimmingTrailingSpaces: String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
