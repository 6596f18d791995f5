internal import ArgumentParser
internal import Base
internal import ControlPlane

struct StatusCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show how the running node is.",
    discussion: "With --json --watch a JSON line on every change, with --plain --watch a line of text.")

  /// How often a watched node is looked at.
  static let interval = Duration.milliseconds(500)

  @Flag(help: "One JSON document; JSON Lines with --watch.")
  var json = false

  @Flag(help: "Go on until Ctrl-C.")
  var watch = false

  @Flag(help: "One line without columns, for dumb terminals and screen readers.")
  var plain = false

  func validate() throws {
    if json, plain { throw ValidationError("--json and --plain exclude each other") }
  }

  func perform(_ call: Invocation) async throws {
    let settings = try call.settings()
    try await withNode(settings) { node in
      var last = try await node.snapshot()
      try show(last, isFirst: true)
      while watch {
        try await Task.sleep(for: Self.interval)
        let next = try await node.snapshot()
        guard isWorthShowing(next, after: last) else { continue }
        try show(next, isFirst: false)
        last = next
      }
    }
  }

  /// A person watching a terminal sees the figures move; everything else is told of changes alone.
  private func isWorthShowing(_ next: Snapshot, after last: Snapshot) -> Bool {
    if !json, !plain, StandardOutput.isTerminal { return true }
    return StatusText.steady(next) != StatusText.steady(last)
  }

  private func show(_ snapshot: Snapshot, isFirst: Bool) throws(Failure) {
    if json { return try StandardOutput.say(try JSONText.of(snapshot)) }
    if plain { return try StandardOutput.say(StatusText.line(snapshot)) }
    let text = StatusText.page(snapshot)
    if watch, StandardOutput.isTerminal {
      try StandardOutput.write("\u{1B}[H\u{1B}[2J\(text)\n")
    } else {
      try StandardOutput.write(isFirst ? "\(text)\n" : "\n\(text)\n")
    }
  }
}
