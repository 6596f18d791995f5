internal import Base
internal import ControlPlane

/// The sockets' table, kicks, broadcasts.
extension ConsoleModel {
  /// What the panes have to ask now.
  mutating func paneQuestions() -> [Effect] { socketQuestions() + sandboxQuestions() }

  /// What the sockets' pane has to ask now: nothing while the picture is frozen or nobody answers.
  mutating func socketQuestions() -> [Effect] {
    let height = layout.size == .lines ? 0 : rows(of: .sockets)
    panes.sockets.isAlone = layout.size == .single
    guard isLinked, !isPaused, height > 0 else { return [] }
    return panes.sockets.questions(height: height, now: now.monotonic).map { .ask($0) }
  }

  mutating func changeSockets(_ body: (inout GatewayPane, _ height: Int) -> Void) -> [Effect] {
    let height = rows(of: .sockets)
    body(&panes.sockets, height)
    if hidden != nil { hidden?.apply(body, height) }
    touch()
    return []
  }

  /// The ones on the screen are marked when the node has said which there are besides.
  mutating func markAllSockets() -> [Effect] {
    guard isLinked else {
      toast(.refused, "no link to the node")
      return [.bell]
    }
    var question: SocketQuery?
    _ = changeSockets { pane, _ in question = pane.askForAll() }
    return question.map { [.ask(.sockets($0))] } ?? []
  }

  // MARK: - Kick

  /// The socket that is named, else those that are marked, else the one that is selected.
  mutating func askToKick(_ id: String?) -> [Effect] {
    let pane = panes.sockets
    let ids = id.map { [$0] } ?? (pane.marks.isEmpty ? [pane.selected?.id].compactMap(\.self) : pane.marks.sorted())
    guard !ids.isEmpty else { return [.bell] }
    do throws(Failure) { for id in ids { try PublishRule.check(socketID: id) } } catch {
      toast(.failed, "kick: \(error.line)")
      return []
    }
    let names = ids.map { id in
      let row = pane.page?.sockets.first { $0.id == id }
      return row.map { "\(id)  \(GatewayPane.name(of: $0).text)" } ?? id
    }
    return ask(
      MassQuestion(
        title: "Kick", noun: "socket", names: names,
        body: { ["The node closes \($0). Clients may connect again."] }, confirm: "Kick",
        effects: [.perform(.kickSockets(ids: ids))]))
  }

  mutating func tell(_ report: KickReport, audit: String) {
    let kicked = "kicked \(Figures.counted(report.kicked.count, "socket"))\(audit)"
    guard let missing = report.missing.first else { return toast(.done, kicked) }
    let rest = report.missing.count > 1 ? " and \(report.missing.count - 1) more" : ""
    toast(.refused, "\(kicked); gone already: \(missing)\(rest)")
  }

  // MARK: - Broadcast

  mutating func askToBroadcast(_ command: String?) -> [Effect] {
    let socket = focus.focused == .sockets ? panes.sockets.selected : nil
    let marked = focus.focused == .sockets ? panes.sockets.marks.sorted() : []
    var form = BroadcastForm(room: socket.map { $0.rooms.first ?? $0.id } ?? "", targets: marked)
    guard let command else { return open(.broadcast(form)) }
    do throws(Failure) { try form.read(command: command) } catch {
      toast(.failed, error.line)
      return []
    }
    return preview(form)
  }

  mutating func press(_ chord: KeyChord, _ old: BroadcastForm) -> [Effect] {
    if chord == KeyChord(.escape) { return closePopup() }
    // What is being counted must be what is confirmed.
    if case .asking = old.note { return [] }
    if chord == KeyChord(.enter) { return preview(old) }
    var form = old
    form.handle(chord)
    popup = .broadcast(form)
    return []
  }

  /// Asks how many will receive it; of marked sockets that is known.
  private mutating func preview(_ old: BroadcastForm) -> [Effect] {
    var form = old
    touch()
    do throws(Failure) {
      if !form.targets.isEmpty { return askToSend(try form.broadcasts()) }
      let broadcast = try form.broadcast()
      form.note = .asking(broadcast)
      popup = .broadcast(form)
      return [.ask(.audience(room: broadcast.room))]
    } catch {
      form.note = .complaint(error.line)
      popup = .broadcast(form)
      return []
    }
  }

  private mutating func askToSend(_ broadcasts: [Broadcast]) -> [Effect] {
    let data = broadcasts.first?.data.map { ": " + String($0.text.prefix(160)) } ?? ", without data"
    let event = broadcasts.first?.event ?? ""
    return ask(
      MassQuestion(
        title: "Broadcast", noun: "socket", names: broadcasts.map(\.room), body: { ["\(event) to \($0)\(data)"] },
        confirm: "Send to", effects: broadcasts.map { .perform(.broadcast($0)) }))
  }

  /// An answer to a form that was closed meanwhile concerns nobody.
  mutating func receive(audienceOf room: String, _ result: Result<Answer, Failure>) {
    guard case .broadcast(var form) = popup, case .asking(let broadcast) = form.note, broadcast.room == room else {
      return
    }
    switch result {
    case .success(.audience(let audience)): popup = .confirm(question(broadcast, audience))
    case .success:
      form.note = .complaint("the node gave another kind of answer than was asked for")
      popup = .broadcast(form)
    case .failure(let failure):
      form.note = .complaint(failure.line)
      popup = .broadcast(form)
    }
    touch()
  }

  private func question(_ broadcast: Broadcast, _ audience: Audience) -> ConfirmDialog {
    let sockets = Figures.counted(audience.sockets, "socket")
    var body = ["\(broadcast.event) to \(broadcast.room)"]
    let who = audience.sockets == 0 ? "Nobody is in this room now" : "\(sockets) will receive it"
    body.append("\(who)\(audience.isComplete ? "." : "; not every other node has answered.")")
    if let data = broadcast.data {
      body.append("Data, \(Figures.bytes(Int64(data.text.utf8.count))):")
      body.append(String(data.text.prefix(160)))
    } else {
      body.append("It carries no data.")
    }
    return ConfirmDialog(
      title: "Broadcast", body: body, confirm: "Send to \(sockets)", now: now,
      onConfirm: [.perform(.broadcast(broadcast))])
  }

  mutating func tell(_ receipt: PublishReceipt, audit: String) {
    let counted = Figures.counted(receipt.sockets, "socket")
    let sockets =
      switch receipt.isComplete {
      case nil: "\(counted) of this node"
      case true?: counted
      case false?: "at least \(counted)"
      }
    switch receipt.reach {
    case .everywhere: toast(.done, "sent to \(sockets)\(audit): \(receipt.room) \(receipt.event)")
    case .localOnly:
      toast(.refused, "sent to \(sockets) only, Redis is away\(audit): \(receipt.room) \(receipt.event)")
    }
  }
}

extension PaneSet {
  fileprivate mutating func apply(_ body: (inout GatewayPane, Int) -> Void, _ height: Int) { body(&sockets, height) }
}
