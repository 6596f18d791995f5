internal import Base
internal import ControlPlane
internal import Glibc

/// One run of the command line: what the program writes goes out as it comes, and the result when it has ended.
struct RunSession {
  /// How long the last pieces may take after the result.
  private static let lastPieces = Duration.seconds(2)

  let plane: any ControlPlane
  let request: RunRequest
  /// False: nothing is written, the result has it all.
  let isLive: Bool

  func run() async throws -> RunResult {
    guard isLive, let id = request.id else { return try await result() }
    let events = plane.events()
    var (progress, result) = try await withThrowingTaskGroup(of: Step.self) { group in
      group.addTask { .written(await Self.follow(events, id)) }
      group.addTask { .ended(try await self.result()) }
      defer { group.cancelAll() }
      var progress: Progress?
      var result: RunResult?
      while let step = try await group.next() {
        switch step {
        case .written(let written):
          progress = written
          if let result { return (written, result) }
        case .ended(let ended):
          if let progress { return (progress, ended) }
          result = ended
          group.addTask {
            // Whoever waits no longer for the last pieces cancels this.
            try? await Task.sleep(for: Self.lastPieces)
            return .late
          }
        case .late: group.cancelAll()
        }
      }
      throw Failure.wrongAnswer
    }
    try progress.complete(result)
    return result
  }

  private enum Step: Sendable {
    case written(Progress)
    case ended(RunResult)
    case late
  }

  private func result() async throws(Failure) -> RunResult {
    guard case .run(let result) = try await plane.perform(.run(request)).result else { throw .wrongAnswer }
    return result
  }

  /// Writes the pieces of one run until it has ended.
  private static func follow(_ events: AsyncStream<Event>, _ id: String) async -> Progress {
    var progress = Progress()
    for await event in events {
      switch event.body {
      case .runOutput(let output) where output.id == id: progress.write(output)
      case .run(let run) where run.id == id && run.state == .finished: return progress
      default: break
      }
    }
    return progress
  }

  /// How far the streams are written.
  private struct Progress: Sendable {
    private var stdout = Stream(descriptor: STDOUT_FILENO)
    private var stderr = Stream(descriptor: STDERR_FILENO)

    mutating func write(_ output: RunOutput) {
      if output.stream == .stdout { stdout.write(output) } else { stderr.write(output) }
    }

    /// What the pieces did not bring.
    mutating func complete(_ result: RunResult) throws(Failure) {
      try stdout.complete(result.stdout)
      try stderr.complete(result.stderr)
    }
  }

  private struct Stream: Sendable {
    private let descriptor: Int32
    /// A person looks at it: the program's bytes must not do anything there.
    private var cleaner: StreamCleaner?
    private var offset = 0
    /// Pieces were lost: the rest comes from the result.
    private var isBroken = false

    init(descriptor: Int32) {
      self.descriptor = descriptor
      cleaner = isatty(descriptor) == 1 ? StreamCleaner() : nil
    }

    mutating func write(_ output: RunOutput) {
      guard !isBroken, output.offset == offset else {
        isBroken = true
        return
      }
      offset += output.bytes.bytes.count
      // What cannot be written now is an error at the end.
      do { try put(output.bytes.bytes) } catch { isBroken = true }
    }

    mutating func complete(_ text: String) throws(Failure) {
      let rest = Array(text.utf8.dropFirst(offset))
      if !rest.isEmpty, offset == 0 || isBroken { try put(rest) }
      if let last = cleaner?.finish(), !last.isEmpty { try StandardOutput.write(last, to: descriptor) }
    }

    private mutating func put(_ bytes: [UInt8]) throws(Failure) {
      let safe = cleaner?.take(bytes) ?? bytes
      try StandardOutput.write(safe, to: descriptor)
    }
  }
}
