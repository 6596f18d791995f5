internal import ArgumentParser
internal import Base
internal import ControlPlane

struct CacheInvalidateCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "invalidate", abstract: "Invalidate by pattern, tag, event or key, on every node.")

  @OptionGroup var scope: CacheNamespaceOption

  @Option(help: "Keys that fit: * ? [a-z], and a backslash takes the next character as itself.")
  var pattern: String?

  @Option(help: "Values with this tag; may be given more than once.")
  var tag: [String] = []

  @Option(help: "git-commit or file-change.")
  var event: String?

  @Option(help: "With --event: of this project only.")
  var project: String?

  @Option(help: "With --event and --project: these files; may be given more than once.")
  var path: [String] = []

  @Option(help: "This key, and what depends on it.")
  var key: String?

  @Flag(help: "Only show what it would touch.")
  var dryRun = false

  @Flag(help: "One JSON document.")
  var json = false

  func validate() throws {
    let given = [pattern != nil, !tag.isEmpty, event != nil, key != nil].count { $0 }
    guard given == 1 else { throw ValidationError("give exactly one of --pattern, --tag, --event and --key") }
    guard event != nil || (project == nil && path.isEmpty) else {
      throw ValidationError("--project and --path belong to --event")
    }
  }

  func perform(_ call: Invocation) async throws {
    let selection = CacheSelection(namespace: scope.namespace, try strategy())
    let isDryRun = dryRun
    let finding = try await withCache(call) { plane in
      guard isDryRun else { return try await Self.carryOut(selection, on: plane) }
      guard case .cacheSurvey(let finding) = try await plane.ask(.cacheSurvey(selection)) else {
        throw Failure.wrongAnswer
      }
      return finding
    }
    try StandardOutput.say(json ? try JSONText.of(finding) : CacheText.finding(finding))
  }

  static func carryOut(_ selection: CacheSelection, on plane: any ControlPlane) async throws -> CacheFinding {
    guard case .cacheInvalidated(let finding) = try await plane.perform(.cacheInvalidate(selection)).result else {
      throw Failure.wrongAnswer
    }
    return finding
  }

  private func strategy() throws(Failure) -> CacheSelection.Strategy {
    if let pattern { return .pattern(pattern) }
    if let key { return .key(key) }
    guard let event else { return .tags(tag) }
    guard let known = CacheSelection.Event(rawValue: event) else {
      let names = CacheSelection.Event.allCases.map(\.rawValue)
      throw Failure(
        .invalid,
        "--event '\(DisplayText(event).truncated(to: 80))' must be one of \(names.joined(separator: ", "))"
          + Suggestion.clause(for: event, in: names))
    }
    return .event(known, project: project, paths: path)
  }
}
