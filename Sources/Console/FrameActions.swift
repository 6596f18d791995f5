internal import ControlPlane

/// What the frame itself can do, whatever engines there are.
enum FrameActions {
  /// Moving about.
  static let moving: [Action] = [
    pane(.sockets, "1"), pane(.index, "2"), pane(.sandbox, "3"), pane(.cache, "4"), pane(.bench, "5"),
    pane(.log, "6", "0"),
    Action(
      id: "focus.next", title: "Go to the next pane",
      keys: [KeyChord(.tab), .character("l"), KeyChord(.right)],
      hint: .init(group: .move, keys: "1-6 Tab", label: "pane", rank: 3),
      run: { model, _ in model.changeFocus { $0.next() } }),
    Action(
      id: "focus.previous", title: "Go to the pane before",
      keys: [KeyChord(.backtab), .character("h"), KeyChord(.left)],
      run: { model, _ in model.changeFocus { $0.previous() } }),
    motion("row.up", "Move up a line", [.character("k"), KeyChord(.up)], .up),
    Action(
      id: "row.down", title: "Move down a line", keys: [.character("j"), KeyChord(.down)],
      hint: .init(group: .move, keys: "j/k", label: "row", rank: 15),
      run: { model, _ in model.moveSelection(.down) }),
    motion("row.page-up", "Move up a page", [KeyChord(.pageUp), .control("u")], .pageUp),
    motion("row.page-down", "Move down a page", [KeyChord(.pageDown), .control("d")], .pageDown),
    motion("row.first", "Go to the first line", [.character("g"), KeyChord(.home)], .first),
    motion("row.last", "Go to the last line; the log follows from there", [.character("G"), KeyChord(.end)], .last),
    Action(
      id: "focus.zoom", title: "Zoom the pane, and back", keys: [KeyChord(.enter)],
      hint: .init(group: .move, label: "zoom", rank: 4), run: { model, _ in model.changeFocus { $0.toggleZoom() } }),
    Action(
      id: "focus.back", title: "Go back one level: the zoom, the filter, the messages",
      keys: [KeyChord(.escape), KeyChord(.backspace)], run: { model, _ in model.goBack() }),
  ]

  /// What is shown, and how.
  static let looking: [Action] = [
    Action(
      id: "palette", title: "Find an action by name", keys: [.character(":")],
      hint: .init(group: .move, label: "command", short: "cmd", rank: 5),
      run: { model, _ in model.open(.palette(Palette(pane: model.focus.focused, registry: model.registry))) }),
    Action(
      id: "help", title: "Show what can be done here", keys: [.character("?"), KeyChord(.function(1))],
      hint: .init(group: .move, label: "help", rank: 2),
      run: { model, _ in model.open(.help(HelpSheet(pane: model.focus.focused, actions: model.registry.actions))) }),
    Action(
      id: "theme", title: "Choose a theme, shown while choosing", keys: [.character("t")],
      hint: .init(group: .move, label: "theme", rank: 14), verb: "theme", argument: "[NAME]",
      run: { model, input in model.setTheme(typed: input.argument) }),
    Action(
      id: "theme.next", title: "Take the next theme", keys: [.character("T")],
      run: { model, _ in model.nextTheme() }),
    Action(
      id: "pause", title: "Freeze the picture while the data goes on, and back", keys: [.character("p")],
      hint: .init(group: .move, label: "pause", rank: 13), verb: "pause",
      run: { model, _ in model.togglePause() }),
    Action(
      id: "refresh.faster", title: "Refresh more often", keys: [.character("+"), .character("=")],
      run: { model, _ in model.changeRefresh(faster: true) }),
    Action(
      id: "refresh.slower", title: "Refresh less often", keys: [.character("-")],
      run: { model, _ in model.changeRefresh(faster: false) }),
    Action(
      id: "setting.set", title: "Change a setting of this console, or list them", verb: "set",
      argument: "[NAME VALUE]", run: { model, input in model.set(typed: input.argument) }),
    Action(
      id: "layout", title: "Choose the layout, or have it follow the window", verb: "layout", argument: "S|M|L|auto",
      run: { model, input in model.set("layout", to: input.argument ?? "") }),
    Action(
      id: "mouse", title: "Give the mouse to the console or to the terminal", keys: [.character("m")], verb: "mouse",
      run: { model, _ in model.toggleMouse() }),
    Action(
      id: "copy", title: "Copy the selected row to the terminal's clipboard", keys: [.character("y")],
      refusal: { $0.panes[$0.focus.focused].selectedText == nil ? "no row is selected here" : nil },
      run: { model, _ in model.copyRow() }),
    Action(
      id: "screen.write", title: "Write the screen as text to a new file", verb: "w", argument: "FILE",
      run: { model, input in model.writeScreen(to: input.argument) }),
    Action(
      id: "screen.repaint", title: "Paint the whole screen again", keys: [.control("l")], worksInPopups: true,
      run: { _, _ in [.repaint] }),
  ]

  /// What changes the node and belongs to no engine.
  static let node: [Action] = [
    Action(
      id: "project.add", title: "Make a folder known as a project", verb: "add", argument: "PATH", changesNode: true,
      run: { model, input in model.addProject(input.argument) }),
    Action(
      id: "project.remove", title: "Forget a project", verb: "remove", argument: "ID", changesNode: true,
      run: { model, input in model.askToRemoveProject(input) }),
    Action(
      id: "node.level", title: "Set what the node logs until its next start", verb: "node level", argument: "LEVEL",
      changesNode: true, run: { model, input in model.setNodeLevel(typed: input.argument) }),
    Action(
      id: "node.health", title: "Say why the node is not well, and what to do", keys: [.character("!")],
      hint: .init(group: .move, label: "why", rank: 1), verb: "health",
      refusal: { $0.snapshot?.reasons.isEmpty ?? true ? "nothing is known to be wrong" : nil },
      run: { model, _ in model.tellHealth() }),
    Action(
      id: "node.drain", title: "Drain the node: no new work, then stop", verb: "drain", changesNode: true,
      run: { model, input in model.askToDrain(input.now) }),
    Action(
      id: "node.stop", title: "Stop the node", verb: "stop", changesNode: true,
      refusal: { $0.options.isEmbedded ? "the node ends with this console: q quits" : nil },
      run: { model, input in model.askToStop(input.now) }),
  ]

  static let leaving: [Action] = [
    Action(
      id: "interrupt", title: "Close what is open; twice leaves", keys: [.control("c")], worksInPopups: true,
      run: { model, _ in model.interrupt() }),
    Action(
      id: "suspend", title: "Stop the console until the shell's fg", keys: [.control("z")], worksInPopups: true,
      run: { _, _ in [.suspend] }),
    Action(
      id: "detach", title: "Detach: the node goes on", keys: [.character("D")],
      hint: .init(group: .leave, label: "detach", rank: 1), verb: "detach",
      refusal: {
        $0.options.isEmbedded
          ? "the engines run in this process; `signalbox start` and `signalbox attach` keep a node running" : nil
      }, run: { _, _ in [.detach] }),
    Action(
      id: "quit", title: "Leave the console; embedded, asks whether to stop the node", keys: [.character("q")],
      hint: .init(group: .leave, label: "quit", rank: 0), verb: "q",
      run: { model, input in model.askToQuit(input.now) }),
  ]

  private static func pane(_ pane: PaneID, _ keys: Character...) -> Action {
    Action(
      id: "focus.\(pane.name.lowercased())", title: "Go to \(pane.name), again to zoom",
      keys: keys.map(KeyChord.character), run: { model, _ in model.changeFocus { $0.jump(to: pane) } })
  }

  private static func motion(_ id: String, _ title: String, _ keys: [KeyChord], _ motion: Motion) -> Action {
    Action(id: id, title: title, keys: keys, run: { model, _ in model.moveSelection(motion) })
  }
}
