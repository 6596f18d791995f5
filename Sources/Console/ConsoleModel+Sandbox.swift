internal import Base
internal import ControlPlane

/// Running programs, killing them, the list of runs.
extension ConsoleModel {
  var sandboxPane: SandboxPane? { panes[.sandbox] as? SandboxPane }

  mutating func changeSandbox(_ body: (inout SandboxPane, _ height: Int) -> Void) {
    let height = rows(of: .sandbox)
    changePane(.sandbox) { pane in
      guard var sandbox = pane as? SandboxPane else { return }
      body(&sandbox, height)
      pane = sandbox
    }
  }

  /// What the pane has to ask now: nothing while the picture is frozen or nobody answers.
  mutating func sandboxQuestions() -> [Effect] {
    let size = layout.size
    let height = size == .single || size == .large ? rows(of: .sandbox) : 0
    guard isLinked, !isPaused, height > 0 else { return [] }
    var queries: [Query] = []
    panes.change(.sandbox) { pane in
      guard var sandbox = pane as? SandboxPane else { return }
      (sandbox.isAlone, sandbox.showsDetail) = (size == .single, true)
      queries = sandbox.questions(height: height)
      pane = sandbox
    }
    return queries.map { .ask($0) }
  }

  // MARK: - Run

  mutating func askToRun(_ command: String?) -> [Effect] {
    guard let command else { return open(.run(RunForm())) }
    do throws(Failure) {
      return submit(try RunForm(command: command))
    } catch {
      toast(.failed, error.line)
      return []
    }
  }

  /// The selected run's program, to be changed: the node has it, this console only its first line.
  mutating func editRun() -> [Effect] {
    guard let run = sandboxPane?.selected else { return [.bell] }
    if let detail = sandboxPane?.detail, detail.summary.id == run.id {
      return open(.run(RunForm(language: run.language, program: detail.code)))
    }
    awaitedProgram = run.id
    return [.ask(.run(id: run.id))]
  }

  /// The program that `e` asked for has come.
  mutating func receive(run id: String, _ result: Result<Answer, Failure>) {
    guard awaitedProgram == id else { return }
    awaitedProgram = nil
    switch result {
    case .success(.run(let detail)):
      if popup == nil { _ = open(.run(RunForm(language: detail.summary.language, program: detail.code))) }
    case .success: break
    case .failure(let failure): toast(.failed, failure.line)
    }
  }

  var programRows: Int { PopupFrame.programRows(width: width, height: height) }

  mutating func press(_ chord: KeyChord, _ old: RunForm) -> [Effect] {
    if chord == KeyChord(.escape) { return closePopup() }
    if case .reading = old.note { return [] }
    let submits = chord == .control("r") || chord == KeyChord(.function(5))
    if submits || (chord == KeyChord(.enter) && old.focused != .program) { return submit(old) }
    var form = old
    form.handle(chord, programRows: programRows)
    popup = .run(form)
    return []
  }

  private mutating func submit(_ old: RunForm) -> [Effect] {
    var form = old
    touch()
    if let path = form.path {
      form.note = .reading(path)
      popup = .run(form)
      return [.readFile(path)]
    }
    do throws(Failure) {
      let request = try form.request()
      popup = nil
      return [.perform(.run(request))]
    } catch {
      form.note = .complaint(error.line)
      popup = .run(form)
      return []
    }
  }

  /// A file that was asked for; one that nobody waits for any more concerns nobody.
  mutating func receive(file path: String, _ result: Result<String, Failure>) -> [Effect] {
    guard case .run(var form) = popup, form.note == .reading(path) else { return [] }
    touch()
    do throws(Failure) {
      let request = try form.request(code: try result.get())
      popup = nil
      return [.perform(.run(request))]
    } catch {
      form.note = .complaint(error.line)
      popup = .run(form)
      return []
    }
  }

  mutating func tell(_ result: RunResult, audit: String) {
    let time = SandboxPane.duration(Int64(result.durationMilliseconds))
    let how: String =
      switch result.outcome {
      case .succeeded: result.cached ? "ok, from the cache" : "ok in \(time)"
      case .failed:
        result.signal.map { "ended by \($0)" } ?? "exit \(result.exitCode.map(String.init) ?? "?") in \(time)"
      case .timedOut: "timed out after \(time)"
      case .outOfMemory: "out of memory after \(time)"
      case .blocked: "blocked: \(result.violations.first?.message ?? "by validation")"
      case .killed: "killed after \(time)"
      case .error: "failed"
      }
    let text = "\(result.language) \(result.id)\(audit): \(how)"
    toast(result.outcome == .succeeded ? .done : result.outcome == .killed ? .refused : .failed, text)
  }

  // MARK: - Kill

  /// The run that is named, else those that are marked, else the selected one. What has ended needs no killing.
  mutating func askToKill(_ id: String?) -> [Effect] {
    let chosen = id.map { [sandboxPane?.run($0)].compactMap(\.self) } ?? sandboxPane?.list.chosen ?? []
    let runs = chosen.filter { $0.state != .finished }
    var ids = runs.map(\.id)
    // One that the list does not know may be there all the same: the node decides.
    if let id, chosen.isEmpty { ids = [id] }
    guard !ids.isEmpty else {
      let whose = chosen.count == 1 ? "\(chosen[0].id) has" : "all of the marked runs have"
      toast(.refused, "not done: \(whose) ended")
      return [.bell]
    }
    let names = ids.map { id in
      runs.first { $0.id == id }.map { "\(id)  \($0.language), by \($0.actor): \($0.title)" } ?? id
    }
    return ask(
      MassQuestion(
        title: "Kill run", noun: "run", names: names, body: { ["Every process of \($0) ends at once."] },
        confirm: "Kill", effects: ids.map { .perform(.killRun(id: $0)) }))
  }
}
