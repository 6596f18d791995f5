import Foundation
import Testing

/// Screens kept as text files beside the tests. `SIGNALBOX_GOLDEN=write` writes them anew, to be looked at and
/// committed.
enum Golden {
  static func text(_ name: String, written screen: String, file: String = #filePath) throws -> String {
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent("Golden")
    let path = folder.appendingPathComponent("\(name).txt")
    if ProcessInfo.processInfo.environment["SIGNALBOX_GOLDEN"] == "write" {
      try (screen + "\n").write(to: path, atomically: true, encoding: .utf8)
    }
    return try String(contentsOf: path, encoding: .utf8)
      .trimmingCharacters(in: .newlines)
  }
}
