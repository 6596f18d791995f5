extension LogPane {
  static let actions: [Action] = [
    Action(
      id: "log.filter", title: "Filter the log: text, re:REGEX, field=value, ! inverts", keys: [.character("/")],
      // The sockets have a filter of their own.
      scope: .panes(Set(PaneID.allCases).subtracting([.sockets])),
      hint: .init(group: .move, label: "filter", rank: 6), verb: "filter", argument: "[FILTER]",
      run: { model, input in model.filterLog(input.argument) }),
    Action(
      id: "log.next-match", title: "Go to the next match of the filter", keys: [.character("n")],
      scope: .panes([.log]), refusal: { $0.panes.log.book.filter == nil ? "no filter: / sets one" : nil },
      run: { model, _ in model.nextMatch(1) }),
    Action(
      id: "log.previous-match", title: "Go to the match before", keys: [.character("N")],
      scope: .panes([.log]), refusal: { $0.panes.log.book.filter == nil ? "no filter: / sets one" : nil },
      run: { model, _ in model.nextMatch(-1) }),
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

extension ConsoleModel {
  /// `/` works from every pane without a filter of its own and takes the focus to the log, whose filter it is.
  mutating func filterLog(_ text: String?) -> [Effect] {
    focus.focus(.log)
    settle()
    if let text {
      if let complaint = setFilter(text) { toast(.failed, complaint) }
      return []
    }
    return open(.filter(FilterPrompt(original: panes.log.book.filter?.source)))
  }
}
