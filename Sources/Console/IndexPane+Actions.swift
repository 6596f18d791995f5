internal import ControlPlane

extension IndexPane {
  static let actions: [Action] = [
    Action(
      id: "index.reindex", title: "Reindex the selected project: what has changed", keys: [.character("r")],
      hint: .init(group: .act, label: "reindex", rank: 7, home: .index), verb: "reindex", argument: "[ID]",
      changesNode: true, refusal: { $0.refusal(of: .index) },
      run: { model, input in model.reindex(input.argument) }),
    Action(
      id: "index.rebuild", title: "Reindex from scratch: the named project, or all of them", keys: [.character("R")],
      verb: "rebuild", argument: "[ID]", changesNode: true, refusal: { $0.refusal(of: .index) },
      run: { model, input in model.askToRebuild(input.argument) }),
    Action(
      id: "index.cancel", title: "Cancel the selected project's reindex", keys: [.character("K")],
      scope: .panes([.index]), verb: "cancel", argument: "[ID]", changesNode: true,
      refusal: { $0.refusal(of: .index) }, run: { model, input in model.askToCancelReindex(input.argument) }),
    Action(
      id: "index.search", title: "Search the code of all projects", keys: [.character("f")],
      // The log has its own use of the key.
      scope: .panes(Set(PaneID.allCases).subtracting([.log])),
      hint: .init(group: .act, label: "find", rank: 10, home: .index), verb: "search", argument: "[QUERY]",
      refusal: { $0.refusal(of: .index) }, run: { model, input in model.search(input.argument) }),
    Action(
      id: "index.filter", title: "Filter the projects by id, path or branch", keys: [.character("/")],
      scope: .panes([.index]), hint: .init(group: .move, label: "filter", rank: 6, home: .index),
      verb: "projects filter", argument: "[TEXT]", refusal: { $0.refusal(of: .index) },
      run: { model, input in model.filterProjects(input.argument) }),
    Action(
      id: "index.allow", title: "Let a project's sources go to the remote embedder", verb: "allow upload",
      argument: "ID", changesNode: true, refusal: { $0.refusal(of: .index) },
      run: { model, input in model.askToAllowUpload(input.argument) }),
  ]
}
