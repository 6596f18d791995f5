/// What can be done to the list of every pane.
enum ListActions {
  static let all: [Action] = [
    Action(
      id: "list.filter", title: "Filter the list: text, field=value, field>9, re:REGEX, ! inverts",
      keys: [.character("/")], hint: .init(group: .move, label: "filter", rank: -4), verb: "filter",
      argument: "[FILTER]", refusal: { $0.refusal(of: $0.focus.focused) },
      run: { model, input in model.filter(input.argument) }),
    Action(
      id: "list.next-match", title: "Go to the next row that the filter shows", keys: [.character("n")],
      refusal: { $0.panes[$0.focus.focused].filter.isEmpty ? "no filter: / sets one" : nil },
      run: { model, _ in model.nextMatch(1) }),
    Action(
      id: "list.previous-match", title: "Go to the row before that the filter shows", keys: [.character("N")],
      refusal: { $0.panes[$0.focus.focused].filter.isEmpty ? "no filter: / sets one" : nil },
      run: { model, _ in model.nextMatch(-1) }),
    Action(
      id: "list.sort", title: "Sort the list by the next column, or by the one that is named",
      keys: [.character("o")], hint: .init(group: .move, label: "sort", rank: 8), verb: "sort",
      argument: "[COLUMN, -COLUMN, < or >]", refusal: sortRefusal,
      run: { model, input in model.sort(by: input.argument) }),
    Action(
      id: "list.sort-left", title: "Sort the list by the column to the left", keys: [.character("<")],
      refusal: sortRefusal, run: { model, _ in model.sort(by: "<") }),
    Action(
      id: "list.sort-right", title: "Sort the list by the column to the right", keys: [.character(">")],
      refusal: sortRefusal, run: { model, _ in model.sort(by: ">") }),
    Action(
      id: "list.reverse", title: "Reverse the order of the list", keys: [.character("O")], refusal: sortRefusal,
      run: { model, _ in model.reverseSort() }),
    Action(
      id: "list.mark", title: "Mark the row; actions then apply to what is marked", keys: [.character(" ")],
      hint: .init(group: .move, label: "mark", rank: 16), refusal: \.markRefusal,
      run: { model, _ in model.toggleMark() }),
    Action(
      id: "list.mark-all", title: "Mark all rows that the filter shows, or none", keys: [.character("*")],
      refusal: \.markRefusal, run: { model, _ in model.markAll() }),
  ]

  private static let sortRefusal: @Sendable (ConsoleModel) -> String? = { model in
    model.refusal(of: model.focus.focused) ?? model.panes[model.focus.focused].sortRefusal
  }
}
