internal import ControlPlane

extension SandboxPane {
  static let actions: [Action] = [
    Action(
      id: "sandbox.run", title: "Run a program in the sandbox", keys: [.character("x")],
      hint: .init(group: .act, label: "run", rank: 9, home: .sandbox), verb: "run", argument: RunForm.usage,
      changesNode: true, refusal: { $0.refusal(of: .sandbox) },
      run: { model, input in model.askToRun(input.argument) }),
    Action(
      id: "sandbox.rerun", title: "Change the selected run's program and run it again", keys: [.character("e")],
      scope: .panes([.sandbox]), changesNode: true, refusal: { $0.refusal(of: .sandbox) },
      aimless: aimless, run: { model, _ in model.editRun() }),
    Action(
      id: "sandbox.kill", title: "Kill the runs that are marked or selected", keys: [.character("K")],
      scope: .panes([.sandbox]),
      hint: .init(group: .act, label: "kill", rank: 12, home: .sandbox), verb: "kill", argument: "[ID]",
      changesNode: true, refusal: { $0.refusal(of: .sandbox) },
      aimless: aimless, run: { model, input in model.askToKill(input.argument) }),
    Action(
      id: "sandbox.pull", title: "Have the Docker Engine fetch the sandbox's images", verb: "pull images",
      changesNode: true, refusal: { $0.refusal(of: .sandbox) }, run: { _, _ in [.perform(.pullImages)] }),
  ]

  /// Why nothing can be done to a run that nobody named.
  private static let aimless: @Sendable (ConsoleModel) -> String? = { model in
    (model.panes[.sandbox] as? SandboxPane)?.list.chosen.isEmpty ?? true ? "no run is selected" : nil
  }
}
