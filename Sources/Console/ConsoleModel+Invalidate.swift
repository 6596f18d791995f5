internal import Base
internal import ControlPlane

/// The form, the dry run, the question, the result.
extension ConsoleModel {
  /// Keys from which on their count must be typed.
  static let keysWithoutTyping = 1_000

  mutating func askToInvalidate(_ command: String?) -> [Effect] {
    let pane = panes[.cache] as? CachePane
    let isHere = focus.focused == .cache
    var form = InvalidateForm(namespace: isHere ? pane?.selected?.name ?? "default" : "default")
    guard let command else { return open(.invalidate(form)) }
    do throws(Failure) {
      try form.read(command: command)
    } catch {
      toast(.failed, error.line)
      return []
    }
    return survey(form)
  }

  mutating func press(_ chord: KeyChord, _ old: InvalidateForm) -> [Effect] {
    if chord == KeyChord(.escape) { return closePopup() }
    // What is being looked for must be what is confirmed.
    if case .asking = old.note { return [] }
    if chord == KeyChord(.enter) { return survey(old) }
    var form = old
    form.handle(chord)
    popup = .invalidate(form)
    return []
  }

  /// Asks what it would touch.
  private mutating func survey(_ old: InvalidateForm) -> [Effect] {
    var form = old
    defer {
      popup = .invalidate(form)
      touch()
    }
    do throws(Failure) {
      let selection = try form.selection()
      form.note = .asking(selection)
      return [.ask(.cacheSurvey(selection))]
    } catch {
      form.note = .complaint(error.line)
      return []
    }
  }

  /// An answer to a form that was closed meanwhile concerns nobody.
  mutating func receive(survey selection: CacheSelection, _ result: Result<Answer, Failure>) {
    guard case .invalidate(var form) = popup, form.note == .asking(selection) else { return }
    switch result {
    case .success(.cacheSurvey(let finding)):
      if finding.keysDeleted == 0, finding.isComplete {
        form.note = .found("nothing to invalidate: no key of \(selection.namespace) fits")
        popup = .invalidate(form)
      } else {
        popup = .confirm(question(selection, finding))
      }
    case .success:
      form.note = .complaint(Failure.wrongKind.line)
      popup = .invalidate(form)
    case .failure(let failure):
      form.note = .complaint(failure.line)
      popup = .invalidate(form)
    }
    touch()
  }

  private func question(_ selection: CacheSelection, _ finding: CacheFinding) -> ConfirmDialog {
    let count = Figures.counted(finding.keysDeleted, "key")
    let least = finding.isComplete ? "" : "at least "
    var body = [
      "\(selection.wording.kind) \(selection.wording.object) in \(selection.namespace)",
      "\(least)\(count), \(Figures.bytes(Int64(finding.bytes))). This cannot be undone.",
    ]
    var expected: String?
    if !finding.isComplete {
      body.append(
        (snapshot?.cache?.redis.state == .away ? "Redis is away" : "There was no time to see everything")
          + ": what was not seen goes as well.")
    }
    if finding.keysDeleted > Self.keysWithoutTyping {
      expected = "\(finding.keysDeleted)"
      body.append("Type their count, \(finding.keysDeleted), to go on.")
    } else if !finding.isComplete, !selection.isOneKey {
      // How many they are is not known: it may be more than anyone confirms with one key.
      expected = selection.namespace
      body.append("Type the namespace, \(selection.namespace), to go on.")
    }
    return ConfirmDialog(
      title: "Invalidate", body: body, sample: .init(finding.keys ?? [], of: finding.keysDeleted),
      confirm: "Invalidate \(least)\(count)", expected: expected, now: now,
      onConfirm: [.perform(.cacheInvalidate(selection))])
  }

  /// The toast of a finished invalidation.
  mutating func tell(_ finding: CacheFinding, of selection: CacheSelection, audit: String) {
    let count = Figures.counted(finding.keysDeleted, "key")
    let bytes = Figures.bytes(Int64(finding.bytes))
    // What came from outside stands last: it alone may be too long for the screen.
    func text(_ reach: String) -> String { "invalidated \(count), \(bytes)\(audit)\(reach): \(selection.summary)" }
    switch finding.durability {
    case .committed: toast(.done, text(""))
    case .journalled: toast(.refused, text(", queued for Redis"))
    case .localOnly: toast(.failed, text(", on this node only and not on disk"))
    }
  }
}

extension CacheSelection {
  fileprivate var isOneKey: Bool {
    if case .key = strategy { true } else { false }
  }
}

extension Failure {
  fileprivate static let wrongKind = Failure(.internal, "the node gave another kind of answer than was asked for")
}
