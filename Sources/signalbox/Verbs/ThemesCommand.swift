internal import ArgumentParser
internal import Base
internal import Console

struct ThemesCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "themes", abstract: "List the console's themes and where each comes from.")

  struct Row: Encodable {
    let name: String
    let variant: String
    let author: String
    /// Of a theme file; absent for a built-in theme.
    let path: String?
    /// What is wrong with the file, if anything.
    let error: String?
  }

  @Flag(help: "One JSON document.")
  var json = false

  func perform(_ call: Invocation) async throws {
    let library = ThemeLibrary(environment: call.environment, executablePath: try Executable.path())
    let rows = library.names().map { Self.row($0, library) }
    if json { return try StandardOutput.say(try JSONText.of(rows)) }
    try StandardOutput.say(
      Table.render(
        header: ["NAME", "VARIANT", "AUTHOR", "FROM"],
        rows: rows.map { [$0.name, $0.variant, $0.author, $0.error ?? $0.path ?? "built in"] }))
  }

  private static func row(_ name: String, _ library: ThemeLibrary) -> Row {
    do throws(Failure) {
      let theme = try library.theme(named: name)
      return Row(
        name: name, variant: theme.variant.rawValue, author: theme.author, path: library.path(of: name), error: nil)
    } catch {
      return Row(name: name, variant: "-", author: "-", path: library.path(of: name), error: error.message)
    }
  }
}
