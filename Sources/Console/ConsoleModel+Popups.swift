internal import Base
internal import ControlPlane

extension ConsoleModel {
  /// Lines that a popup's list has on this screen.
  var popupRows: Int { PopupFrame.listRows(width: width, height: height) }

  mutating func pressInPopup(_ chord: KeyChord) -> [Effect] {
    touch()
    switch popup {
    case .palette(let palette): return press(chord, palette)
    case .help(let sheet): return press(chord, sheet)
    case .themes(let picker): return press(chord, picker)
    case .confirm(let dialog): return press(chord, dialog)
    case .filter(let prompt): return press(chord, prompt)
    case .invalidate(let form): return press(chord, form)
    case .broadcast(let form): return press(chord, form)
    case .search(let sheet): return press(chord, sheet)
    case .run(let form): return press(chord, form)
    case .comparison(let sheet): return press(chord, sheet)
    case .health:
      let leaving = [KeyChord(.escape), KeyChord(.enter), KeyChord(.backspace), .character("!"), .character("q")]
      return leaving.contains(chord) ? closePopup() : []
    case nil: return []
    }
  }

  /// Esc and C-c: away with it, and back to what was.
  mutating func closePopup() -> [Effect] {
    defer { touch() }
    switch popup {
    case .themes(let picker):
      popup = nil
      return picker.original == themeName ? [] : apply(theme: picker.original)
    case .filter(let prompt):
      popup = nil
      setFilter(prompt.original, of: prompt.pane)
    default:
      popup = nil
    }
    return []
  }

  private mutating func press(_ chord: KeyChord, _ old: Palette) -> [Effect] {
    var palette = old
    if chord == KeyChord(.escape) || (chord == KeyChord(.backspace) && palette.field.text.isEmpty) {
      return closePopup()
    }
    guard chord == KeyChord(.enter) else {
      palette.handle(chord, pane: focus.focused, height: popupRows)
      popup = .palette(palette)
      return []
    }
    guard let entry = palette.selected else { return [.bell] }
    if entry.argument == nil, entry.action.needsArgument, entry.action.reason(in: self, argument: "") == nil {
      palette.begin(entry.action, pane: focus.focused)
      popup = .palette(palette)
      return []
    }
    popup = nil
    return run(entry.action, argument: entry.argument)
  }

  private mutating func press(_ chord: KeyChord, _ old: ComparisonSheet) -> [Effect] {
    var sheet = old
    if [KeyChord(.escape), KeyChord(.enter), .character("c"), .character("q")].contains(chord) { return closePopup() }
    guard let distance = listMotion(chord) else { return [] }
    sheet.move(by: distance, height: PopupFrame.comparisonRows(width: width, height: height))
    popup = .comparison(sheet)
    return []
  }

  private mutating func press(_ chord: KeyChord, _ old: HelpSheet) -> [Effect] {
    var sheet = old
    if [KeyChord(.escape), .character("q"), .character("?"), KeyChord(.backspace)].contains(chord) {
      return closePopup()
    }
    if chord == KeyChord(.enter) {
      guard let action = sheet.selected else { return [] }
      popup = nil
      return act(action)
    }
    if let distance = listMotion(chord) {
      sheet.move(by: distance, height: popupRows)
      popup = .help(sheet)
    }
    return []
  }

  private mutating func press(_ chord: KeyChord, _ old: ThemePicker) -> [Effect] {
    var picker = old
    if chord == KeyChord(.escape) || chord == .character("q") { return closePopup() }
    if chord == KeyChord(.enter) {
      popup = nil
      return []
    }
    guard let distance = listMotion(chord) else { return [] }
    picker.move(by: distance, height: popupRows)
    popup = .themes(picker)
    return preview(picker)
  }

  private mutating func preview(_ picker: ThemePicker) -> [Effect] {
    guard let theme = picker.selected, theme.name != themeName else { return [] }
    return apply(theme: theme.name)
  }

  private mutating func press(_ chord: KeyChord, _ old: ConfirmDialog) -> [Effect] {
    var dialog = old
    let answer = dialog.handle(chord, now: now)
    popup = .confirm(dialog)
    return finish(dialog, answer)
  }

  private mutating func finish(_ dialog: ConfirmDialog, _ answer: ConfirmDialog.Answer) -> [Effect] {
    switch answer {
    case .open: return []
    case .cancelled: return closePopup()
    case .confirmed:
      popup = nil
      return dialog.onConfirm
    }
  }

  private mutating func press(_ chord: KeyChord, _ old: FilterPrompt) -> [Effect] {
    var prompt = old
    if chord == KeyChord(.escape) { return closePopup() }
    if chord == KeyChord(.enter) {
      guard prompt.complaint == nil else { return [.bell] }
      popup = nil
      return []
    }
    guard prompt.handle(chord) else { return [] }
    popup = .filter(prompt)
    applyFilter()
    return []
  }

  /// The pane follows what stands in the prompt; what is no filter yet leaves it as it is.
  mutating func applyFilter() {
    guard case .filter(var prompt) = popup else { return }
    prompt.complaint = setFilter(prompt.field.text, of: prompt.pane)
    popup = .filter(prompt)
    touch()
  }

  func listMotion(_ chord: KeyChord) -> Int? {
    switch chord {
    case KeyChord(.up), .character("k"), KeyChord(.backtab): -1
    case KeyChord(.down), .character("j"), KeyChord(.tab): 1
    case KeyChord(.pageUp), .control("u"): -popupRows
    case KeyChord(.pageDown), .control("d"): popupRows
    case KeyChord(.home), .character("g"): -10_000
    case KeyChord(.end), .character("G"): 10_000
    default: nil
    }
  }

  // MARK: - Mouse

  mutating func movePopup(by lines: Int) -> [Effect] {
    touch()
    switch popup {
    case .help(var sheet):
      sheet.move(by: lines, height: popupRows)
      popup = .help(sheet)
    case .palette(var palette):
      let chord = KeyChord(lines < 0 ? .up : .down)
      for _ in 0..<abs(lines) { palette.handle(chord, pane: focus.focused, height: popupRows) }
      popup = .palette(palette)
    case .themes(var picker):
      picker.move(by: lines.signum(), height: popupRows)
      popup = .themes(picker)
      return preview(picker)
    case .comparison(var sheet):
      sheet.move(by: lines, height: PopupFrame.comparisonRows(width: width, height: height))
      popup = .comparison(sheet)
    case .search(var sheet):
      sheet.move(by: lines.signum(), height: searchRows)
      popup = .search(sheet)
    default: break
    }
    return []
  }

  /// Outside of the popup: closes it, except that a question stays until it is answered.
  mutating func clickInPopup(x: Int, y: Int) -> [Effect] {
    touch()
    let frame = PopupFrame(model: self)
    switch popup {
    case .confirm(let dialog):
      guard let isConfirm = frame.button(atX: x, y: y, of: dialog) else { return [] }
      return finish(dialog, dialog.press(confirm: isConfirm, now: now))
    case .invalidate(var form):
      guard let row = frame.row(of: form, y: y), frame.rect.contains(x: x, y: y) else { return [] }
      form.focus(row)
      popup = .invalidate(form)
      return []
    case .broadcast(var form):
      guard let row = frame.row(of: form, y: y), frame.rect.contains(x: x, y: y) else { return [] }
      form.focus(row)
      popup = .broadcast(form)
      return []
    case .search(var sheet):
      guard frame.rect.contains(x: x, y: y) else { return closePopup() }
      guard let row = frame.searchRow(y: y) else { return [] }
      sheet.select(sheet.cursor.top + row, height: searchRows)
      popup = .search(sheet)
      return []
    case .run(var form):
      guard let row = frame.row(of: form, y: y), frame.rect.contains(x: x, y: y) else { return [] }
      form.focus(row)
      popup = .run(form)
      return []
    case .filter: return []
    default: break
    }
    guard let row = frame.row(atX: x, y: y) else { return frame.rect.contains(x: x, y: y) ? [] : closePopup() }
    switch popup {
    case .help(var sheet):
      sheet.select(row + sheet.cursor.top, height: popupRows)
      popup = .help(sheet)
    case .palette(let palette):
      guard palette.entries.indices.contains(row + palette.cursor.top) else { return [] }
      popup = nil
      return act(palette.entries[row + palette.cursor.top].action)
    case .themes(var picker):
      picker.select(row + picker.cursor.top, height: popupRows)
      popup = .themes(picker)
      return preview(picker)
    default: break
    }
    return []
  }

  /// Runs an action that was picked from a list: one that needs an argument gets the palette to type it in.
  private mutating func act(_ action: Action) -> [Effect] {
    guard action.needsArgument, action.reason(in: self, argument: "") == nil else { return run(action, argument: nil) }
    var palette = Palette(pane: focus.focused, registry: registry)
    palette.begin(action, pane: focus.focused)
    popup = .palette(palette)
    return []
  }
}
