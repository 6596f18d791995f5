internal import Base

/// Agents' sockets.
struct GatewayPane: EnginePane {
  let id = PaneID.sockets

  static let purpose = "Sockets of agents: who, where, round trip, messages a second, bytes waiting."

  static let actions = [
    Action(
      id: "gateway.broadcast", title: "Broadcast an event to a room", keys: [.character("s")],
      hint: .init(group: .act, label: "broadcast", rank: 11), verb: "broadcast", changesNode: true,
      refusal: { $0.refusal(of: .sockets) }, run: { _, _ in [] }),
    Action(
      id: "gateway.kick", title: "Kick the socket, kill the run that is selected", keys: [.character("K")],
      scope: .panes([.sockets, .sandbox]), hint: .init(group: .act, label: "kick/kill", rank: 12), verb: "kick",
      changesNode: true, refusal: { $0.refusal(of: $0.focus.focused) }, run: { _, _ in [] }),
  ]
}
