internal import Base
internal import ControlPlane

/// What the runs are filtered and sorted by.
extension SandboxPane {
  static let markNoun: String? = "run"

  var filterHint: DisplayText { "language=go mem>64M !not re:REGEX Enter Esc" }

  static let shape = RowList<RunSummary>.Shape(
    [
      .init("run", "RUN", text: { $0.id }), .init("language", "LANG", text: { $0.language }),
      .init("program", "PROGRAM", text: { $0.title }),
      .init(
        RowField("state", any: { run, fits in states(of: run).contains(where: fits) }), "STATE",
        .text { states(of: $0).last ?? "" }),
      .init("mem", "MEM", number: { $0.memoryPeakBytes.map(Double.init) }),
      .init("time", "TIME", number: { $0.state == .queued ? nil : Double($0.durationMilliseconds) / 1_000 }),
      .init("start", "START", number: { $0.state == .finished ? Double($0.startMilliseconds) / 1_000 : nil }),
      .init("queue", "QUEUE", number: { $0.state == .queued ? nil : Double($0.queueMilliseconds) / 1_000 }),
      .init("who", "WHO", text: { $0.actor }), .init("project", "PROJECT", text: { $0.project?.rawValue ?? "" }),
      .init("at", "AT", number: { Double($0.timeMilliseconds) / 1_000 }),
    ], more: [RowField("reason") { $0.reason }], id: { $0.id },
    line: { run in
      ([run.id, run.language, run.title, run.actor, run.project?.rawValue].compactMap(\.self) + states(of: run))
        .joined(separator: " ")
    })

  /// The words that a run's state goes by, the one that is shown last.
  private static func states(of run: RunSummary) -> [String] {
    [run.state.rawValue, run.outcome?.rawValue, look(of: run).2.text].compactMap(\.self)
  }
}
