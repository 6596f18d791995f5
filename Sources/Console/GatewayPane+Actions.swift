extension GatewayPane {
  static let actions: [Action] = [
    Action(
      id: "gateway.broadcast", title: "Broadcast an event to a room", keys: [.character("s")],
      hint: .init(group: .act, label: "broadcast", short: "cast", rank: 11, home: .sockets), verb: "broadcast",
      argument: BroadcastForm.usage, changesNode: true, refusal: { $0.refusal(of: .sockets) },
      run: { model, input in model.askToBroadcast(input.argument) }),
    Action(
      id: "gateway.kick", title: "Kick the socket that is selected, or those that are marked", keys: [.character("K")],
      scope: .panes([.sockets]), hint: .init(group: .act, label: "kick", rank: 12, home: .sockets), verb: "kick",
      argument: "[ID]",
      changesNode: true, refusal: { $0.refusal(of: .sockets) },
      aimless: { $0.panes.sockets.marks.isEmpty && $0.panes.sockets.selected == nil ? "no socket is selected" : nil },
      run: { model, input in model.askToKick(input.argument) }),
  ]
}
