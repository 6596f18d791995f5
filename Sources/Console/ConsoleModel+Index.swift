internal import Base
internal import ControlPlane

/// Reindexing, searching, the list of projects.
extension ConsoleModel {
  private var indexPane: IndexPane? { panes[.index] as? IndexPane }

  private mutating func changeIndex(_ body: (inout IndexPane, _ height: Int) -> Void) {
    let height = rows(of: .index)
    changePane(.index) { pane in
      guard var index = pane as? IndexPane else { return }
      body(&index, height)
      pane = index
    }
  }

  /// The named project, else those that are marked, else the selected one; empty, with a message, when there is none.
  private mutating func projects(_ name: String?, for verb: String) -> [ProjectID] {
    if let name {
      if let id = ProjectID(rawValue: name) { return [id] }
      toast(.failed, "\(verb): a project id is \(ProjectID.rule)")
      return []
    }
    return indexPane?.list.chosen.map(\.id) ?? []
  }

  private func status(of id: ProjectID) -> ProjectStatus? { indexPane?.snapshot?.projects.first { $0.id == id } }

  // MARK: - Reindex

  mutating func reindex(_ name: String?) -> [Effect] {
    let ids = projects(name, for: "reindex")
    let effects = ids.map { Effect.perform(.reindex(ReindexRequest(project: $0))) }
    guard ids.count > 1 else { return effects }
    return ask(
      MassQuestion(
        title: "Reindex", noun: "project", names: ids.map(\.rawValue),
        body: { ["What has changed in \($0) is read and embedded."] }, confirm: "Reindex", effects: effects))
  }

  mutating func askToRebuild(_ name: String?) -> [Effect] {
    let all = indexPane?.snapshot?.projects ?? []
    let isChosen = name != nil || !(indexPane?.marks.isEmpty ?? true)
    let ids = isChosen ? projects(name, for: "rebuild") : all.map(\.id)
    guard !ids.isEmpty else { return [.bell] }
    let files = all.filter { ids.contains($0.id) }.reduce(0) { $0 + $1.files }
    return ask(
      MassQuestion(
        title: "Reindex from scratch", noun: "project", names: ids.map(\.rawValue),
        body: { _ in
          [
            "Every file is read and embedded anew: \(Figures.counted(files, "file")).",
            "What is there keeps answering until the new index is whole.",
          ]
        }, confirm: "Reindex", effects: ids.map { .perform(.reindex(ReindexRequest(project: $0, isFull: true))) }))
  }

  /// Of several, those that are being indexed.
  mutating func askToCancelReindex(_ name: String?) -> [Effect] {
    let chosen = projects(name, for: "cancel")
    let ids = chosen.filter { status(of: $0).map { $0.state == .indexing } ?? (name != nil) }
    guard !ids.isEmpty else {
      if let first = chosen.first {
        let whose = chosen.count == 1 ? "\(first) is not" : "none of the marked projects is"
        toast(.refused, "not done: \(whose) being indexed")
      }
      return [.bell]
    }
    return ask(
      MassQuestion(
        title: "Cancel reindex", noun: "run", names: ids.map(\.rawValue),
        body: {
          ["The node stops \($0). The index before it keeps answering; finished files are kept for the next run."]
        }, cancel: "Let it run", confirm: "Cancel", effects: ids.map { .perform(.cancelReindex(id: $0)) }))
  }

  mutating func askToAllowUpload(_ name: String?) -> [Effect] {
    guard let id = projects(name, for: "allow upload").first else { return [.bell] }
    let model = indexPane?.snapshot?.embedder ?? "the remote model"
    return open(
      .confirm(
        ConfirmDialog(
          title: "Allow upload",
          body: [
            "The sources of \(id) go to \(model), from now on and at every change.",
            "Type the project's id, \(id), to go on.",
          ], confirm: "Allow", expected: id.rawValue, now: now, onConfirm: [.perform(.allowUpload(id: id))])))
  }

  mutating func tell(_ report: ReindexReport, audit: String) {
    let seconds = Figures.short(report.durationSeconds)
    if report.mode == .unchanged { return toast(.done, "\(report.project): nothing has changed\(audit)") }
    let files = Figures.counted(report.filesIndexed, "file")
    let text = "\(report.project): \(files), \(Figures.counted(report.chunks, "chunk")) in \(seconds) s\(audit)"
    guard let failed = report.filesFailed.first else { return toast(.done, text) }
    toast(.refused, "\(text); \(Figures.counted(report.filesFailed.count, "file")) failed: \(failed.path)")
  }

  // MARK: - Search

  mutating func search(_ text: String?) -> [Effect] {
    var sheet = SearchSheet(text ?? "")
    guard text != nil else { return open(.search(sheet)) }
    let effects = sheet.ask()
    return open(.search(sheet)) + effects
  }

  mutating func press(_ chord: KeyChord, _ old: SearchSheet) -> [Effect] {
    if old.isReading { return pressWhileReading(chord, old) }
    if chord == KeyChord(.escape) { return closePopup() }
    var sheet = old
    var effects: [Effect] = []
    switch chord {
    case KeyChord(.enter):
      if sheet.isAnswered { sheet.read(true) } else { effects = sheet.ask() }
    case KeyChord(.up), KeyChord(.backtab): sheet.move(by: -1, height: searchRows)
    case KeyChord(.down), KeyChord(.tab): sheet.move(by: 1, height: searchRows)
    case KeyChord(.pageUp): sheet.move(by: -searchRows, height: searchRows)
    case KeyChord(.pageDown): sheet.move(by: searchRows, height: searchRows)
    default: sheet.handle(chord)
    }
    show(sheet)
    return effects
  }

  private mutating func show(_ sheet: SearchSheet) {
    var sheet = sheet
    popup = .search(sheet)
    // The list has another height while the selected place is read.
    sheet.move(by: 0, height: searchRows)
    popup = .search(sheet)
  }

  private mutating func pressWhileReading(_ chord: KeyChord, _ old: SearchSheet) -> [Effect] {
    var sheet = old
    var effects: [Effect] = []
    switch chord {
    case KeyChord(.escape), KeyChord(.backspace), .character("q"): sheet.read(false)
    case .character("e"), KeyChord(.enter): effects = sheet.selected.map { edit($0) } ?? []
    case .character("y"):
      guard let hit = sheet.selected else { return [] }
      toast(.done, "copied \(hit.path):\(hit.startLine)")
      effects = [.copy("\(hit.path):\(hit.startLine)")]
    default: if let distance = listMotion(chord) { sheet.move(by: distance, height: searchRows) }
    }
    show(sheet)
    return effects
  }

  // MARK: - Editor

  private mutating func edit(_ hit: SearchHit) -> [Effect] {
    edit(hit.path, line: hit.startLine, in: hit.project)
  }

  private mutating func edit(_ path: String, line: Int, in project: ProjectID) -> [Effect] {
    guard let folder = snapshot?.projects.first(where: { $0.id == project })?.path else {
      toast(.refused, "not done: the node does not say where \(project) is")
      return [.bell]
    }
    return [.edit(file: "\(folder)/\(path)", line: line)]
  }

  /// `:edit src/auth.ts:41`: a file of the selected project.
  mutating func edit(typed text: String?) -> [Effect] {
    guard let text, let project = indexPane?.selected?.id else { return [.bell] }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if parts.count > 1, let line = Int(parts[parts.count - 1]), line > 0 {
      return edit(parts.dropLast().joined(separator: ":"), line: line, in: project)
    }
    return edit(text, line: 1, in: project)
  }

  var searchRows: Int {
    var isReading = false
    if case .search(let sheet) = popup { isReading = sheet.isReading }
    return PopupFrame.searchRows(width: width, height: height, isReading: isReading)
  }

  /// An answer to a sheet that was closed, or that asks something else by now, concerns nobody.
  mutating func receive(search query: SearchQuery, _ result: Result<Answer, Failure>) {
    guard case .search(var sheet) = popup, sheet.take(query, result) else { return }
    popup = .search(sheet)
    touch()
  }
}
