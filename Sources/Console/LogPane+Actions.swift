extension LogPane {
  static let actions: [Action] = [
    Action(
      id: "log.filter", title: "Filter the log: text, re:REGEX, field=value, ! inverts; in the cache, its names",
      keys: [.character("/")],
      // Sockets, projects and runs have filters of their own.
      scope: .panes(Set(PaneID.allCases).subtracting([.sockets, .index, .sandbox])),
      hint: .init(group: .move, label: "filter", rank: 6), verb: "filter", argument: "[FILTER]",
      run: { model, input in model.filter(input.argument) }),
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
  /// `/` filters the namespaces where the cache has the focus. From everywhere else but the sockets, which have a
  /// filter of their own, it takes the focus to the log.
  mutating func filter(_ text: String?) -> [Effect] {
    let pane: PaneID = focus.focused == .cache ? .cache : .log
    focus.focus(pane)
    settle()
    if let text {
      if let complaint = setFilter(text, of: pane) { toast(.failed, complaint) }
      return []
    }
    return open(
      .filter(
        FilterPrompt(
          pane: pane, original: pane == .cache ? panes.cacheFilter : panes.log.book.filter?.source)))
  }
}
