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
      run: { model, input in model.askToKick(input.argument) }),
    Action(
      id: "sockets.filter", title: "Filter the sockets: text, field=value, queue>64K, re:REGEX, ! inverts",
      keys: [.character("/")], scope: .panes([.sockets]),
      hint: .init(group: .move, label: "filter", rank: 6, home: .sockets), verb: "sockets filter", argument: "[FILTER]",
      refusal: { $0.refusal(of: .sockets) }, run: { model, input in model.filterSockets(input.argument) }),
    Action(
      id: "sockets.sort", title: "Sort the sockets by the next column", keys: [.character("o")],
      scope: .panes([.sockets]), hint: .init(group: .move, label: "sort", rank: 9, home: .sockets),
      refusal: { $0.refusal(of: .sockets) },
      run: { model, _ in model.changeSockets { $0.takeNextOrder(height: $1) } }),
    Action(
      id: "sockets.reverse", title: "Reverse the order of the sockets", keys: [.character("O")],
      scope: .panes([.sockets]), refusal: { $0.refusal(of: .sockets) },
      run: { model, _ in model.changeSockets { $0.reverse(height: $1) } }),
    Action(
      id: "sockets.mark", title: "Mark the socket, for a kick of several", keys: [.character(" ")],
      scope: .panes([.sockets]), refusal: { $0.panes.sockets.selected == nil ? "no socket is selected" : nil },
      run: { model, _ in model.markSocket() }),
    Action(
      id: "sockets.markAll", title: "Mark all sockets that the filter shows", keys: [.character("*")],
      scope: .panes([.sockets]), refusal: { $0.panes.sockets.selected == nil ? "there are no sockets to mark" : nil },
      run: { model, _ in model.markAllSockets() }),
  ]
}
