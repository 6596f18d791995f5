internal import ArgumentParser
internal import Base
internal import ControlPlane

struct AuditCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Show which commands changed something, and who gave them.")

  @Option(help: "From then on: 2h, 30m, or a time such as 2026-11-20T23:14.")
  var since: String?

  @Option(help: "The newest so many, 1 to 100000.")
  var limit = 1_000

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    let query = AuditQuery(
      sinceMilliseconds: try since.map { text throws(Failure) in try TimeArgument.milliseconds(text) },
      limit: try TimeArgument.limit(limit))
    let records = try await withNodeOrState(try call.settings()) { node in
      guard case .audit(let records) = try await node.ask(.audit(query)) else { throw Failure.wrongAnswer }
      return records
    } offline: {
      try $0.audit(query)
    }
    try StandardOutput.say(json ? try JSONText.of(records) : AuditText.table(records))
  }
}
