internal import Base
internal import ControlPlane

/// Filters, orders and marks: the same keys in every list.
extension ConsoleModel {
  // MARK: - Filter

  /// `/` opens the prompt; with a text from the palette, that is the filter.
  mutating func filter(_ text: String?) -> [Effect] {
    let pane = focus.focused
    guard let text else { return open(.filter(FilterPrompt(pane: pane, original: panes[pane].filter))) }
    if let complaint = setFilter(text, of: pane) { toast(.failed, complaint) }
    return []
  }

  /// Nil, or why the text is no filter; the one before stays then.
  @discardableResult
  mutating func setFilter(_ text: String, of pane: PaneID) -> String? {
    let height = rows(of: pane)
    var complaint: String?
    changePane(pane) { pane in
      do throws(Failure) { try pane.setFilter(text, height: height) } catch { complaint = error.line }
    }
    return complaint
  }

  mutating func nextMatch(_ distance: Int) -> [Effect] {
    let height = rows(of: focus.focused)
    changePane(focus.focused) { $0.moveMatch(by: distance, height: height) }
    return []
  }

  // MARK: - Order

  mutating func sort(by column: String?) -> [Effect] {
    let height = rows(of: focus.focused)
    var complaint: String?
    changePane(focus.focused) { pane in
      do throws(Failure) { try pane.sort(by: column, height: height) } catch { complaint = error.line }
    }
    if let complaint { toast(.failed, complaint) }
    return []
  }

  mutating func reverseSort() -> [Effect] {
    let height = rows(of: focus.focused)
    changePane(focus.focused) { $0.reverseSort(height: height) }
    return []
  }

  // MARK: - Marks

  /// Why nothing can be marked in the focused pane; nil when something can.
  var markRefusal: String? {
    let pane = panes[focus.focused]
    guard type(of: pane).markNoun != nil else { return "nothing here is done to several rows" }
    return pane.selectedText == nil ? "no row is selected here" : nil
  }

  mutating func toggleMark() -> [Effect] {
    let height = rows(of: focus.focused)
    var isDone = true
    changePane(focus.focused) { isDone = $0.toggleMark(height: height) }
    return isDone ? [] : refuseMarks()
  }

  mutating func markAll() -> [Effect] {
    if focus.focused == .sockets { return markAllSockets() }
    var isDone = true
    changePane(focus.focused) { isDone = $0.markAll() }
    return isDone ? [] : refuseMarks()
  }

  private mutating func refuseMarks() -> [Effect] {
    let pane = panes[focus.focused]
    let noun = type(of: pane).markNoun ?? "row"
    toast(.refused, "no more than \(Figures.counted(pane.marks.count, noun)) can be marked")
    return [.bell]
  }

  // MARK: - What is done to marks

  /// What is asked before something is done to one or several things.
  struct MassQuestion {
    /// A verb: `Kick`.
    var title: String
    var noun: String
    /// What it is done to, in the words of the list.
    var names: [String]
    /// `subject`: `this socket` or `12 sockets`.
    var body: (_ subject: String) -> [String]
    var cancel = "Cancel"
    /// The button: `Kick`, to which the subject is added.
    var confirm: String
    var effects: [Effect]
  }

  /// More than so many things, and their count must be typed.
  static let countWithoutTyping = 10

  mutating func ask(_ question: MassQuestion) -> [Effect] {
    let count = question.names.count
    let subject = count == 1 ? "this \(question.noun)" : Figures.counted(count, question.noun)
    var body = question.body(subject)
    var expected: String?
    if count > Self.countWithoutTyping {
      expected = "\(count)"
      body.append("Type their count, \(count), to go on.")
    }
    return open(
      .confirm(
        ConfirmDialog(
          title: question.title, body: body, sample: .init(question.names, of: count), cancel: question.cancel,
          confirm: "\(question.confirm) \(subject)", expected: expected, now: now, onConfirm: question.effects)))
  }
}
