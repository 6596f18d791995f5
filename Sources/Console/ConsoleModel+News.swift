internal import Base
internal import ControlPlane

extension ConsoleModel {
  /// What the node or the world reports.
  mutating func receive(_ news: News, now: Moment) -> [Effect] {
    tick(now: now)
    spread(news)
    return answer(news) + paneQuestions()
  }

  private mutating func answer(_ news: News) -> [Effect] {
    switch news {
    case .snapshot(let snapshot): return receive(snapshot)
    case .link(let state): return receive(state)
    case .events(let events): receive(events)
    case .answer(.cacheSurvey(let selection), let result): receive(survey: selection, result)
    case .answer(.audience(let room), let result): receive(audienceOf: room, result)
    case .answer(.search(let query), let result): receive(search: query, result)
    case .answer(.run(let id), let result): receive(run: id, result)
    // The pane itself says what it was refused, as long as that lasts.
    case .answer(.sockets, .failure), .answer(.socket, .failure): break
    case .answer(_, .failure(let failure)): toast(.failed, failure.line)
    case .answer: break
    case .outcome(let command, let result): return receive(command, result)
    case .file(let path, let result): return receive(file: path, result)
    case .themeApplied(let name):
      if themeName != name {
        themeName = name
        touch()
      }
    case .themeRefused(let kept, let failure):
      themeName = kept
      toast(.failed, failure.line)
    case .failed(let failure): toast(.failed, failure.line)
    case .done(let text): toast(.done, text)
    }
    return []
  }

  /// Hands news to every pane: to the unseen ones while the picture is paused, except that answers and outcomes are of
  /// no use to a frozen picture either.
  private mutating func spread(_ news: News) {
    for pane in PaneID.allCases {
      let height = rows(of: pane)
      if hidden != nil {
        hidden?.change(pane) { _ = $0.take(news, height: height) }
        continue
      }
      var isChanged = false
      panes.change(pane) { isChanged = $0.take(news, height: height) }
      if isChanged, layout.frames[pane] != nil { touch() }
    }
  }

  private mutating func receive(_ new: Snapshot) -> [Effect] {
    let old = hiddenSnapshot ?? snapshot
    snapshotAt = now.monotonic
    if isPaused { hiddenSnapshot = new } else { snapshot = new }
    if isPaused ? false : Header.facts(of: old) != Header.facts(of: new) || old?.projects != new.projects { touch() }
    return old?.bench.lastRun == new.bench.lastRun ? [] : [.ask(.benchHistory(limit: BenchPane.historyMax))]
  }

  private mutating func receive(_ state: LinkState) -> [Effect] {
    guard state != link else { return [] }
    let wasLinked = isLinked
    link = state
    touch()
    if !isLinked { isBenchRunning = false }
    guard state == .live, !wasLinked else { return [] }
    linkedAt = now.monotonic
    return initialQuestions
  }

  /// What a console asks when it meets a node, at the start and after every lost link.
  var initialQuestions: [Effect] {
    [.ask(.logs(LogQuery(limit: 5_000))), .ask(.benchHistory(limit: BenchPane.historyMax))]
  }

  private mutating func receive(_ events: [Event]) {
    for event in events {
      switch event.body {
      case .benchProgress(let progress): isBenchRunning = progress.fraction < 1
      case .stopping: toast(.refused, "the node is stopping")
      case .draining: toast(.refused, "the node is draining: no new work")
      default: break
      }
    }
  }

  private mutating func receive(_ command: Command, _ result: Result<Outcome, Failure>) -> [Effect] {
    // A bench that was refused because another one runs leaves that one running.
    if case .runBench = command { isBenchRunning = result.isRefusal(.limit) }
    switch result {
    case .success(let outcome):
      let audit = outcome.auditID.map { " (\($0))" } ?? ""
      if case .cacheInvalidate(let selection) = command, case .cacheInvalidated(let finding) = outcome.result {
        tell(finding, of: selection, audit: audit)
        return []
      }
      if case .kicked(let report) = outcome.result {
        tell(report, audit: audit)
        return []
      }
      if case .published(let receipt) = outcome.result {
        tell(receipt, audit: audit)
        return []
      }
      if case .reindexed(let report) = outcome.result {
        tell(report, audit: audit)
        return []
      }
      if case .run(let result) = outcome.result {
        tell(result, audit: audit)
        return []
      }
      toast(.done, "\(command.action) \(command.target): done\(audit)")
    case .failure(let failure):
      if case .runBench(let bench) = command, failure.code == .conflict, !bench.isLiveConfirmed, snapshot != nil {
        askForLiveBench(bench, failure)
        return []
      }
      toast(.failed, "\(command.action) \(command.target): \(failure.line)")
    }
    return []
  }
}

extension ConsoleModel {
  /// What is wrong with the operator's own file: every line of it in the log, where it stays, and the first as a toast.
  mutating func tell(_ complaints: [Failure]) {
    guard let first = complaints.first else { return }
    let records = complaints.map {
      LogRecord(timeMilliseconds: now.wall, level: .warning, label: "console", message: $0.line, metadata: [:])
    }
    let rows = rows(of: .log)
    changeLog { $0.append(records, height: rows) }
    toast(.failed, complaints.count == 1 ? first.line : "\(first.line), and \(complaints.count - 1) more in the log")
  }
}

extension Result where Failure == Base.Failure {
  fileprivate func isRefusal(_ code: Failure.Code) -> Bool {
    if case .failure(let failure) = self { failure.code == code } else { false }
  }
}
