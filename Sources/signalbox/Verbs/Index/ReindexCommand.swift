internal import ArgumentParser
internal import Base
internal import ControlPlane

struct ReindexCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "reindex", abstract: "Bring a project's index up to date with its HEAD.",
    discussion: """
      Without an argument the project that holds the working folder. A folder that is no project yet becomes one. \
      Without a running node the index alone is started.
      """)

  @Argument(help: "A project's id, or a folder.", completion: .directory)
  var target: String?

  @Flag(help: "Compute everything anew.")
  var full = false

  @Flag(help: "Stop the run under way on the node; the index before it keeps answering.")
  var cancel = false

  @Flag(help: "One JSON document.")
  var json = false

  func validate() throws {
    if full, cancel { throw ValidationError("--full and --cancel exclude each other") }
  }

  private struct Stopped: Encodable {
    var project: ProjectID
    var stopped: Bool
  }

  func perform(_ call: Invocation) async throws {
    let here = try FolderArguments.resolve(".")
    if cancel { return try await stop(call, here) }
    let report = try await withIndex(call) { plane in
      let id = try await ReindexTarget.project(target, workingFolder: here, on: plane)
      return try await run(ReindexRequest(project: id, isFull: full), on: plane)
    }
    try StandardOutput.say(json ? try JSONText.of(report) : IndexText.report(report))
  }

  private func stop(_ call: Invocation, _ here: String) async throws {
    let (id, isStopped) = try await withNode(try call.settings()) { node in
      let id = try await ReindexTarget.project(target, workingFolder: here, isAdding: false, on: node)
      guard case .stopped(let isStopped) = try await node.perform(.cancelReindex(id: id)).result else {
        throw Failure.wrongAnswer
      }
      return (id, isStopped)
    }
    if json { return try StandardOutput.say(try JSONText.of(Stopped(project: id, stopped: isStopped))) }
    try StandardOutput.say(isStopped ? "stopped indexing \(id)" : "\(id) was not being indexed")
  }

  /// Shows how far it is meanwhile. Whoever interrupts it, stops it.
  private func run(_ request: ReindexRequest, on plane: any ControlPlane) async throws -> ReindexReport {
    let display = ProgressDisplay(isQuiet: json && !StandardError.isTerminal)
    let events = plane.events()
    defer { display.end() }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for await event in events {
          guard case .indexProgress(let progress) = event.body, progress.project == request.project else { continue }
          display.show(progress)
        }
      }
      defer { group.cancelAll() }
      do {
        guard case .reindexed(let report) = try await plane.perform(.reindex(request)).result else {
          throw Failure.wrongAnswer
        }
        return report
      } catch {
        if Task.isCancelled { await Self.stop(request.project, on: plane) }
        throw error
      }
    }
  }

  /// In a task that is not cancelled, and awaited here.
  private static func stop(_ id: ProjectID, on plane: any ControlPlane) async {
    await Task { _ = try? await plane.perform(.cancelReindex(id: id)) }.value
  }
}
