import Foundation
import Testing

@testable import Console

/// The table of keys in README is the registry's.
struct ReadmeKeysTests {
  @Test func everyKeyIsInTheReadmeWithWhatItDoes() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    let rows = ActionRegistry.all.filter { !$0.keys.isEmpty }.map { action in
      "| \(action.keys.map { "`\($0.label)`" }.joined(separator: " ")) | \(action.title) |"
    }
    let table = rows.joined(separator: "\n")
    #expect(readme.contains(table), "the rows of the table must be:\n\(table)")
  }
}
