import Base
import FoundationEssentials

enum ProcessTree {
  /// The child of `parent` whose program is called `name`; it may still be starting.
  static func child(of parent: Int32, named name: String) async throws -> Int32 {
    let deadline = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < deadline {
      let list = (try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)) ?? ""
      for child in list.split(separator: " ").compactMap({ Int32($0) }) {
        let command = (try? String(contentsOfFile: "/proc/\(child)/comm", encoding: .utf8)) ?? ""
        if command.hasPrefix(name) { return child }
      }
      try await Task.sleep(for: .milliseconds(5))
    }
    throw Failure(.timeout, "\(name) did not start")
  }
}
