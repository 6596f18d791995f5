internal import ArgumentParser
internal import Base
internal import Console
internal import EngineRoom
internal import Glibc
internal import Synchronization

/// A node of its own that others already use, on this machine alone: in the console, or in lines.
struct DemoCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "A first look: a node in use by real clients, commits, runs and cache traffic.",
    discussion: """
      Everything happens in a temporary folder and over loopback; REDIS_URL, OPENAI_* and PINECONE_* are ignored. \
      When it ends, nothing of it is left.
      """)
  /// The console does while it is there.
  static var handlesSignalsItself: Bool { true }

  /// Lines that wait for a slow reader; past it the oldest go.
  private static let linesMax = 256
  private static let readerLook = Duration.seconds(1)

  @Flag(help: "No console: a line of what happens now and then.")
  var noTui = false

  @OptionGroup var flags: ConsoleFlags

  func perform(_ call: Invocation) async throws {
    let settings = try call.settings()
    guard !noTui else { return try await Interrupt.guarding { try await Self.inLines() } }
    let console = OperatorConsole(settings, environment: call.environment, flags: flags)
    try console.requireTerminal()
    try await Self.inConsole(console)
  }

  // MARK: In the console

  private static func inConsole(_ console: OperatorConsole) async throws {
    let opened = Mutex<Demo?>(nil)
    StandardError.say("signalbox: preparing the demo: two repositories, a node, some hundred clients")
    try await Interrupt.guarding {
      let demo = try await Demo.open(executable: try Executable.path())
      opened.withLock { $0 = demo }
    }
    // The guard leaves them ignored, and what is ignored the console leaves alone.
    for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
    guard let demo = opened.withLock({ $0 }) else { return }
    let exit = await withTaskGroup(of: Result<ConsoleExit, Failure>?.self) { group in
      group.addTask {
        await demo.play { _ in }
        return nil
      }
      group.addTask {
        do throws(Failure) { return .success(try await console.show(demo.socketPath, endsWithConsole: true)) } catch {
          return .failure(error)
        }
      }
      var exit = Result<ConsoleExit, Failure>.success(.quit(stopNode: true))
      for await result in group {
        guard let result else { continue }
        exit = result
        group.cancelAll()
      }
      return exit
    }
    try await Interrupt.guarding { await demo.close() }
    try OperatorConsole.conclude(try exit.get())
  }

  // MARK: In lines

  /// Until the task is cancelled or nobody reads any more.
  private static func inLines() async throws {
    let demo = try await Demo.open(executable: try Executable.path())
    let result: Result<Void, any Error>
    do {
      try await tell(of: demo)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    await demo.close()
    try result.get()
  }

  private static func tell(of demo: Demo) async throws {
    let (lines, sink) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(linesMax))
    let greeting = [
      "a node for a first look is at \(demo.socketPath); Ctrl-C ends it",
      "to look: signalbox attach \(demo.socketPath)",
    ]
    for line in greeting { guard try StandardOutput.offer(line) else { return } }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await demo.play { sink.yield($0) } }
      group.addTask {
        for await line in lines { guard try StandardOutput.offer(DisplayText(line).text) else { return } }
      }
      group.addTask {
        while StandardOutput.hasReader { try await Task.sleep(for: readerLook) }
      }
      defer { group.cancelAll() }
      // Whichever ends first ends all: the reader went away, or the task was cancelled.
      try await group.next()
    }
  }
}
