internal import Base
internal import ControlPlane

extension ConsoleModel {
  /// A key, a click, a paste, another size.
  mutating func handle(_ input: InputEvent, now: Moment) -> [Effect] {
    tick(now: now)
    return take(input) + paneQuestions()
  }

  private mutating func take(_ input: InputEvent) -> [Effect] {
    switch input {
    case .key(let key, let modifiers): return press(KeyChord(key, modifiers))
    case .mouse(let event): return isMouseOn ? point(event) : []
    case .paste(let text): return paste(text)
    case .resize(let width, let height):
      guard width != self.width || height != self.height else { return [] }
      self.width = width
      self.height = height
      settle()
      return []
    case .focus, .end: return []
    }
  }

  private mutating func press(_ chord: KeyChord) -> [Effect] {
    let action = registry.action(for: chord, in: focus.focused)
    dismissFailures()
    // These work over everything that is open, except that a letter is one where text is typed.
    if let action, action.worksInPopups, popup == nil || !chord.isText { return run(action, argument: nil) }
    if popup != nil { return pressInPopup(chord) }
    return action.map { run($0, argument: nil) } ?? []
  }

  private mutating func dismissFailures() {
    let kept = toasts.filter { $0.kind != .failed }
    guard kept.count != toasts.count else { return }
    toasts = kept
    touch()
  }

  /// Does an action, or says why it cannot be done.
  mutating func run(_ action: Action, argument: String?) -> [Effect] {
    if let reason = action.reason(in: self, argument: argument) {
      toast(.refused, "not done: \(reason)")
      return [.bell]
    }
    return action.run(&self, Action.Input(argument: argument, now: now))
  }

  /// C-c: closes what is open; twice leaves.
  mutating func interrupt() -> [Effect] {
    if popup != nil { return closePopup() }
    if let first = interruptedAt, now.monotonic - first <= Self.interruptWindow {
      return options.isEmbedded ? [.quit(stopNode: true)] : [.detach]
    }
    interruptedAt = now.monotonic
    let consequence = options.isEmbedded ? "stops the node and quits" : "detaches"
    toast(.refused, "C-c again \(consequence)")
    return []
  }

  private mutating func paste(_ text: String) -> [Effect] {
    switch popup {
    case .palette(var palette):
      palette.insert(text, pane: focus.focused)
      popup = .palette(palette)
    case .filter(var prompt):
      prompt.insert(text)
      popup = .filter(prompt)
      applyFilter()
    case .confirm(var dialog):
      dialog.paste(text, now: now)
      popup = .confirm(dialog)
    case .invalidate(var form):
      if case .asking = form.note { break }
      form.insert(text)
      popup = .invalidate(form)
    case .broadcast(var form):
      if case .asking = form.note { break }
      form.insert(text)
      popup = .broadcast(form)
    case .search(var sheet):
      sheet.insert(text)
      popup = .search(sheet)
    case .run(var form):
      if case .reading = form.note { break }
      form.insert(text, programRows: programRows)
      popup = .run(form)
    default:
      toast(.refused, "paste dropped: nothing here takes text")
      return []
    }
    touch()
    return []
  }

  // MARK: - Mouse

  private mutating func point(_ event: MouseEvent) -> [Effect] {
    switch event.kind {
    case .wheelUp: return scroll(-3, at: event)
    case .wheelDown: return scroll(3, at: event)
    case .press(button: 1): return click(event)
    default: return []
    }
  }

  private mutating func scroll(_ lines: Int, at event: MouseEvent) -> [Effect] {
    if popup != nil { return movePopup(by: lines) }
    guard let pane = layout.pane(x: event.x, y: event.y) else { return [] }
    let height = rows(of: pane)
    changePane(pane) { $0.move(.scroll(lines), height: height) }
    return []
  }

  private mutating func click(_ event: MouseEvent) -> [Effect] {
    dismissFailures()
    if popup != nil { return clickInPopup(x: event.x, y: event.y) }
    if let footer = layout.footer, footer.contains(x: event.x, y: event.y) {
      return Footer(model: self).action(atColumn: event.x).map { run($0, argument: nil) } ?? []
    }
    guard let pane = layout.pane(x: event.x, y: event.y) else { return [] }
    focus.focus(pane)
    touch()
    if let area = layout.content(of: pane), area.contains(x: event.x, y: event.y), layout.size != .lines {
      changePane(pane) { $0.select(line: event.y - area.y, height: area.height) }
    }
    return []
  }
}
