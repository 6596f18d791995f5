internal import ArgumentParser
internal import Base
internal import ControlPlane

struct SearchCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Find code by what it does or what it is called.",
    discussion:
      "Words of one query may be everyday words, names, or both. Without a running node the stored index answers.")

  @Argument(help: "What is looked for.")
  var query: String

  @Option(help: "Only in this project; may be given more than once.")
  var project: [String] = []

  @Option(help: "Number of results, 1 to \(SearchQuery.limitMax).")
  var limit = 10

  @Option(help: "Only files in this language, such as python or swift.")
  var language: String?

  @Option(help: "Only paths that fit: * within a folder, ** across folders; without a slash the file's name.")
  var path: String?

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    var search = SearchQuery(query, limit: limit, language: language, path: path)
    if !project.isEmpty { search.projects = try project.map { text throws(Failure) in try ProjectText.id(text) } }
    let asked = search
    let reply = try await withIndex(call) { plane in
      guard case .search(let reply) = try await plane.ask(.search(asked)) else { throw Failure.wrongAnswer }
      return reply
    }
    if json { return try StandardOutput.say(try JSONText.of(reply.hits)) }
    if reply.hits.isEmpty || reply.note != nil { StandardError.say(IndexText.nothing(reply)) }
    guard !reply.hits.isEmpty else { return }
    try StandardOutput.say(IndexText.hits(reply.hits))
  }
}
