internal import ArgumentParser
internal import Base
internal import ControlPlane
internal import FoundationEssentials
internal import Glibc

struct StopCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop the running node; returns when it is gone.")

  func perform(_ call: Invocation) async throws {
    let settings = try call.settings()
    let processID = try await NodeEnd.after(.stop, settings)
    try StandardOutput.say("node stopped: process \(processID)")
  }
}

/// A command after which the node ends, and the wait for that end.
enum NodeEnd {
  /// A drain leaves sockets ten seconds to move; the stop itself is bounded at five, after which the kernel ends it.
  private static let deadline = Duration.seconds(20)

  /// The process that has ended.
  static func after(_ command: Command, _ settings: Settings) async throws -> Int32 {
    let processID = try await withNode(settings) { node in
      let processID = try await node.snapshot().process.processID
      do throws(Failure) { _ = try await node.perform(command) } catch {
        // A node that ends may close the link before its answer is read; the end of its process tells.
        guard error.code == .unavailable else { throw error }
      }
      return processID
    }
    let limit = ContinuousClock.now + deadline
    while isRunning(processID) {
      guard ContinuousClock.now < limit else {
        throw Failure(.timeout, "process \(processID) has not ended within \(deadline)")
      }
      try await Task.sleep(for: .milliseconds(10))
    }
    return processID
  }

  /// A process that has ended and waits for its parent to notice (`Z`) has given everything back already.
  private static func isRunning(_ processID: Int32) -> Bool {
    guard kill(processID, 0) == 0 || errno == EPERM else { return false }
    // No such file: it ended between the two looks.
    guard let status = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8) else { return false }
    // The name before the state may hold anything, also parentheses.
    return status.split(separator: ")").last?.split(separator: " ").first != "Z"
  }
}
