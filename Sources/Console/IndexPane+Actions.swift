internal import ControlPlane

extension IndexPane {
  static let actions: [Action] = [
    Action(
      id: "index.reindex", title: "Reindex what is marked or selected: what has changed", keys: [.character("r")],
      hint: .init(group: .act, label: "reindex", rank: 7, home: .index), verb: "reindex", argument: "[ID]",
      changesNode: true, refusal: { $0.refusal(of: .index) },
      aimless: aimless, run: { model, input in model.reindex(input.argument) }),
    Action(
      id: "index.rebuild", title: "Reindex from scratch: the named project, those that are marked, or all",
      keys: [.character("R")],
      verb: "rebuild", argument: "[ID]", changesNode: true, refusal: { $0.refusal(of: .index) },
      run: { model, input in model.askToRebuild(input.argument) }),
    Action(
      id: "index.cancel", title: "Cancel the reindex of what is marked or selected", keys: [.character("K")],
      scope: .panes([.index]), verb: "cancel", argument: "[ID]", changesNode: true,
      refusal: { $0.refusal(of: .index) }, aimless: aimless,
      run: { model, input in model.askToCancelReindex(input.argument) }),
    Action(
      id: "index.search", title: "Search the code of all projects", keys: [.character("f")],
      // The log has its own use of the key.
      scope: .panes(Set(PaneID.allCases).subtracting([.log])),
      hint: .init(group: .act, label: "find", rank: 10, home: .index), verb: "search", argument: "[QUERY]",
      refusal: { $0.refusal(of: .index) }, run: { model, input in model.search(input.argument) }),
    Action(
      id: "index.edit", title: "Open a file of the selected project in the editor", verb: "edit",
      argument: "FILE[:LINE]", refusal: { aimless($0) }, run: { model, input in model.edit(typed: input.argument) }),
    Action(
      id: "index.allow", title: "Let a project's sources go to the remote embedder", verb: "allow upload",
      argument: "ID", changesNode: true, refusal: { $0.refusal(of: .index) },
      run: { model, input in model.askToAllowUpload(input.argument) }),
  ]

  /// Why nothing can be done to a project that nobody named.
  private static let aimless: @Sendable (ConsoleModel) -> String? = { model in
    (model.panes[.index] as? IndexPane)?.list.chosen.isEmpty ?? true ? "no project is selected" : nil
  }
}
