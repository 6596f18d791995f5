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

  /// The named project, else the selected one; nil, with a message, when there is none.
  private mutating func project(_ name: String?, for verb: String) -> ProjectID? {
    if let name {
      if let id = ProjectID(rawValue: name) { return id }
      toast(.failed, "\(verb): a project id is \(ProjectID.rule)")
      return nil
    }
    if let id = indexPane?.selected?.id { return id }
    toast(.refused, "not done: no project is selected")
    return nil
  }

  // MARK: - Reindex

  mutating func reindex(_ name: String?) -> [Effect] {
    guard let id = project(name, for: "reindex") else { return [.bell] }
    return [.perform(.reindex(ReindexRequest(project: id)))]
  }

  mutating func askToRebuild(_ name: String?) -> [Effect] {
    let all = indexPane?.snapshot?.projects ?? []
    let ids: [ProjectID]
    if let name {
      guard let id = ProjectID(rawValue: name) else {
        toast(.failed, "rebuild: a project id is \(ProjectID.rule)")
        return []
      }
      ids = [id]
    } else {
      ids = all.map(\.id)
    }
    guard !ids.isEmpty else {
      toast(.refused, "not done: there are no projects")
      return [.bell]
    }
    let files = all.filter { ids.contains($0.id) }.reduce(0) { $0 + $1.files }
    let what = ids.count == 1 ? "project \(ids[0])" : Figures.counted(ids.count, "project")
    var body = [
      "Every file is read and embedded anew: \(Figures.counted(files, "file")).",
      "What is there keeps answering until the new index is whole.",
    ]
    var expected: String?
    if ids.count > 10 {
      expected = "\(ids.count)"
      body.append("Type their count, \(ids.count), to go on.")
    }
    return open(
      .confirm(
        ConfirmDialog(
          title: "Reindex from scratch", body: body, sample: .init(ids.map(\.rawValue), of: ids.count),
          confirm: "Reindex \(what)", expected: expected, now: now,
          onConfirm: ids.map { .perform(.reindex(ReindexRequest(project: $0, isFull: true))) })))
  }

  mutating func askToCancelReindex(_ name: String?) -> [Effect] {
    guard let id = project(name, for: "cancel") else { return [.bell] }
    if let status = indexPane?.snapshot?.projects.first(where: { $0.id == id }), status.state != .indexing {
      toast(.refused, "not done: \(id) is not being indexed")
      return [.bell]
    }
    return open(
      .confirm(
        ConfirmDialog(
          title: "Cancel reindex",
          body: [
            "The run of \(id) stops. The index before it keeps answering; finished files are kept for the next run."
          ],
          cancel: "Let it run", confirm: "Cancel the run", now: now,
          onConfirm: [.perform(.cancelReindex(id: id))])))
  }

  mutating func askToAllowUpload(_ name: String?) -> [Effect] {
    guard let id = project(name, for: "allow upload") else { return [.bell] }
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

  // MARK: - Filter

  var projectFilter: String { indexPane?.filter ?? "" }

  mutating func filterProjects(_ text: String?) -> [Effect] {
    if focus.focused != .index { _ = changeFocus { $0.focus(.index) } }
    guard let text else { return open(.filter(FilterPrompt(pane: .index, original: projectFilter))) }
    setProjectFilter(text)
    return []
  }

  mutating func setProjectFilter(_ text: String) { changeIndex { $0.setFilter(text, height: $1) } }

  // MARK: - Search

  mutating func search(_ text: String?) -> [Effect] {
    var sheet = SearchSheet(text ?? "")
    guard text != nil else { return open(.search(sheet)) }
    let effects = sheet.ask()
    return open(.search(sheet)) + effects
  }

  mutating func press(_ chord: KeyChord, _ old: SearchSheet) -> [Effect] {
    if chord == KeyChord(.escape) { return closePopup() }
    var sheet = old
    var effects: [Effect] = []
    switch chord {
    case KeyChord(.enter):
      if sheet.isAnswered, let hit = sheet.selected {
        effects = [.copy("\(hit.path):\(hit.startLine)")]
        toast(.done, "copied \(hit.path):\(hit.startLine)")
      } else {
        effects = sheet.ask()
      }
    case KeyChord(.up), KeyChord(.backtab): sheet.move(by: -1, height: searchRows)
    case KeyChord(.down), KeyChord(.tab): sheet.move(by: 1, height: searchRows)
    case KeyChord(.pageUp): sheet.move(by: -searchRows, height: searchRows)
    case KeyChord(.pageDown): sheet.move(by: searchRows, height: searchRows)
    default: sheet.handle(chord)
    }
    popup = .search(sheet)
    return effects
  }

  var searchRows: Int { PopupFrame.searchRows(width: width, height: height) }

  /// An answer to a sheet that was closed, or that asks something else by now, concerns nobody.
  mutating func receive(search query: SearchQuery, _ result: Result<Answer, Failure>) {
    guard case .search(var sheet) = popup, sheet.take(query, result) else { return }
    popup = .search(sheet)
    touch()
  }
}
