import Foundation
import Testing

@testable import signalbox

/// The operator's page says what the program does.
@Suite struct ReadmeTests {
  private func readme() throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
  }

  @Test func everySettingIsListedWithItsMeaning() throws {
    let text = try readme()
    for row in SettingsTable.rows {
      let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("| `\(row.environment)`") })
      #expect(line.contains(row.meaning), "\(row.environment)")
    }
  }

  @Test func everyCommandIsListed() throws {
    let text = try readme()
    for verb in Signalbox.verbs { #expect(text.contains("signalbox \(verb)"), "\(verb)") }
    let firstScreen = text.split(separator: "\n", omittingEmptySubsequences: false).prefix(25).joined(separator: "\n")
    #expect(firstScreen.contains("make run") && firstScreen.contains("make test"))
  }
}
