extension LogPane {
  static let actions: [Action] = [
    Action(
      id: "log.level", title: "Show the next higher level only, then all again", keys: [.character("L")],
      hint: .init(group: .move, label: "level", rank: 12), run: { model, _ in model.cycleLevel() }),
    Action(
      id: "log.set-level", title: "Show this level of the log and above", verb: "level", argument: "LEVEL",
      run: { model, input in model.setLevel(typed: input.argument) }),
    Action(
      id: "log.follow", title: "Follow the newest line, or stay", keys: [.character("f")], scope: .panes([.log]),
      hint: .init(group: .move, label: "follow", rank: 9), run: { model, _ in model.toggleFollow() }),
  ]
}
