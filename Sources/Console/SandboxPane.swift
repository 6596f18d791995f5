internal import Base

/// Programs of agents.
struct SandboxPane: EnginePane {
  let id = PaneID.sandbox

  static let purpose = "Runs of agents' programs: language, state, memory, time, and what stopped them."

  static let actions = [
    Action(
      id: "sandbox.run", title: "Run a program in the sandbox", keys: [.character("x")],
      hint: .init(group: .act, label: "run", rank: 9), verb: "run", changesNode: true,
      refusal: { $0.refusal(of: .sandbox) }, run: { _, _ in [] })
  ]
}
