internal import ArgumentParser
internal import Base
internal import ControlPlane

struct RunsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs", abstract: "List, show and kill the sandbox's runs, and pull its images.",
    subcommands: [RunsListCommand.self, RunsShowCommand.self, RunsKillCommand.self, RunsPullCommand.self])
}

struct RunsListCommand: Verb {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List runs, the newest first.")

  @Argument(help: "Words that id, first line, language, caller or project hold.")
  var words: [String] = []

  @Option(help: "Only those that ended so.")
  var outcome: String?

  @Option(help: "The newest so many, 1 to 1000.")
  var limit = 20

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    let text = words.isEmpty ? nil : words.joined(separator: " ")
    let query = RunQuery(text: text, outcome: try Self.outcome(outcome), limit: limit)
    let runs = try await withSandbox(call) { plane in
      guard case .runs(let runs) = try await plane.ask(.runs(query)) else { throw Failure.wrongAnswer }
      return runs
    }
    try StandardOutput.say(json ? try JSONText.of(runs) : runs.isEmpty ? "no runs" : RunText.list(runs))
  }

  private static func outcome(_ text: String?) throws(Failure) -> RunOutcome? {
    guard let text else { return nil }
    let names = RunOutcome.allCases.map(\.rawValue)
    guard let outcome = RunOutcome(rawValue: text) else {
      throw Failure(
        .invalid,
        "--outcome '\(DisplayText(text).truncated(to: 80))' must be one of \(names.joined(separator: ", "))"
          + Suggestion.clause(for: text, in: names))
    }
    return outcome
  }
}

struct RunsShowCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show a run: its limits, what was verified, its program and output.")

  @Argument(help: "The run's id.")
  var id: String

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    let id = id
    let detail = try await withSandbox(call) { plane in
      guard case .run(let detail) = try await plane.ask(.run(id: id)) else { throw Failure.wrongAnswer }
      return detail
    }
    try StandardOutput.say(json ? try JSONText.of(detail) : RunText.page(detail))
  }
}

struct RunsKillCommand: Verb {
  static let configuration = CommandConfiguration(commandName: "kill", abstract: "End a run.")

  @Argument(help: "The run's id.")
  var id: String

  @Flag(help: "One JSON document.")
  var json = false

  private struct Document: Encodable {
    var id: String
    var killed: Bool
  }

  func perform(_ call: Invocation) async throws {
    let id = id
    let isKilled = try await withSandbox(call) { plane in
      guard case .stopped(let isKilled) = try await plane.perform(.killRun(id: id)).result else {
        throw Failure.wrongAnswer
      }
      return isKilled
    }
    if json { return try StandardOutput.say(try JSONText.of(Document(id: id, killed: isKilled))) }
    try StandardOutput.say(isKilled ? "killed \(DisplayText(id))" : "\(DisplayText(id)) had ended already")
  }
}

struct RunsPullCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Have the Docker Engine fetch the images that the sandbox needs and has not got.")

  @Flag(help: "One JSON document.")
  var json = false

  private struct Document: Encodable {
    var images: [String]
  }

  func perform(_ call: Invocation) async throws {
    let images = try await withSandbox(call) { plane in
      guard case .images(let images) = try await plane.perform(.pullImages).result else { throw Failure.wrongAnswer }
      return images
    }
    if json { return try StandardOutput.say(try JSONText.of(Document(images: images))) }
    try StandardOutput.say(images.map { "\(DisplayText($0)) is there" }.joined(separator: "\n"))
  }
}
