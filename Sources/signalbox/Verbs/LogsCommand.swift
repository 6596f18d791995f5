internal import ArgumentParser
internal import Base
internal import ControlPlane

struct LogsCommand: Verb {
  static let configuration = CommandConfiguration(commandName: "logs", abstract: "Show what the node has logged.")

  @Option(help: "From then on: 2h, 30m, or a time such as 2026-11-20T23:14.")
  var since: String?

  @Option(help: "This level and above: trace, debug, info, notice, warning, error, critical.")
  var level: String?

  @Option(help: "Only this engine or room.")
  var engine: String?

  @Option(help: "The newest so many, 1 to 100000.")
  var limit = 1_000

  @Flag(help: "Go on with what is logged from now on, until Ctrl-C.")
  var follow = false

  @Flag(help: "One JSON document; JSON Lines with --follow.")
  var json = false

  /// Who writes lines.
  static let engines = [
    "api", "cache", "control", "gateway", "index", "node", "operator", "pipeline", "sandbox",
  ]

  func perform(_ call: Invocation) async throws {
    if let engine, !Self.engines.contains(engine) {
      let shown = DisplayText(engine).truncated(to: 40)
      throw Failure(.invalid, "--engine '\(shown)' must be one of \(Self.engines.joined(separator: ", "))")
    }
    let query = LogQuery(
      sinceMilliseconds: try since.map { text throws(Failure) in try TimeArgument.milliseconds(text) },
      level: try level.map { text throws(Failure) in try LogText.level(text) } ?? .trace, engine: engine,
      limit: try TimeArgument.limit(limit))
    let settings = try call.settings()
    guard !follow else { return try await withNode(settings) { try await follow($0, query) } }
    let records = try await withNodeOrState(settings) { node in
      guard case .logs(let records) = try await node.ask(.logs(query)) else { throw Failure.wrongAnswer }
      return records
    } offline: {
      try $0.logs(query)
    }
    if json { return try StandardOutput.say(try JSONText.of(records)) }
    for record in records { try StandardOutput.say(LogText.line(record)) }
  }

  /// Listens before it asks, so that nothing falls between; what comes twice is shown once.
  private func follow(_ node: any ControlPlane, _ query: LogQuery) async throws {
    let events = node.events()
    guard case .logs(let records) = try await node.ask(.logs(query)) else { throw Failure.wrongAnswer }
    for record in records { try show(record) }
    var shown = records.suffix(256)
    for await event in events {
      switch event.body {
      case .log(let record):
        guard query.matches(record) else { continue }
        if let index = shown.firstIndex(of: record) {
          shown.remove(at: index)
        } else {
          try show(record)
        }
      case .dropped(let count): StandardError.say("signalbox: \(count) events were lost here: too many at once")
      default: continue
      }
    }
    try Task.checkCancellation()
    throw Failure(.unavailable, "the node has stopped")
  }

  private func show(_ record: LogRecord) throws(Failure) {
    try StandardOutput.say(json ? try JSONText.of(record) : LogText.line(record))
  }
}
