internal import Base
internal import ControlPlane
internal import Synchronization

/// What a program writes, as events of a bounded size and rate: the first piece goes out at once, what follows is
/// gathered for a twentieth of a second or until a piece is full. Its callers are the threads of the sandbox, which
/// must not wait.
final class RunOutputFeed: Sendable {
  static let pieceBytesMax = 16 << 10
  static let interval = Duration.milliseconds(50)

  private struct State {
    var stdout: [UInt8] = []
    var stderr: [UInt8] = []
    /// Bytes of each stream that went out.
    var stdoutOffset = 0
    var stderrOffset = 0
    /// Since the last interval nothing went out.
    var isIdle = true
  }

  private let id: String
  private let actor: String
  private let publish: @Sendable (Event.Body) -> Void
  private let state = Mutex(State())
  private let news: AsyncStream<Void>
  private let tell: AsyncStream<Void>.Continuation

  init(id: String, actor: String, publish: @escaping @Sendable (Event.Body) -> Void) {
    self.id = id
    self.actor = actor
    self.publish = publish
    (news, tell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  func append(_ bytes: [UInt8], to stream: RunOutput.Stream) {
    state.withLock { state in
      if stream == .stdout { state.stdout += bytes } else { state.stderr += bytes }
      if state.isIdle {
        state.isIdle = false
        send(&state, all: true)
      } else {
        send(&state, all: false)
      }
    }
    tell.yield()
  }

  /// Sends what is gathered, until `finish`.
  func run() async {
    for await _ in news {
      // Cancelled: what is left goes out at once.
      do { try await Task.sleep(for: Self.interval) } catch { break }
      state.withLock { state in
        state.isIdle = state.stdout.isEmpty && state.stderr.isEmpty
        send(&state, all: true)
        if !state.isIdle { tell.yield() }
      }
    }
  }

  /// The run is over: everything goes out.
  func finish() {
    state.withLock { send(&$0, all: true) }
    tell.finish()
  }

  /// Under the lock, so that pieces keep their order: publishing never waits.
  private func send(_ state: inout State, all: Bool) {
    Self.cut(&state.stdout, all: all) { piece in
      publish(.runOutput(output(.stdout, piece, offset: state.stdoutOffset)))
      state.stdoutOffset += piece.count
    }
    Self.cut(&state.stderr, all: all) { piece in
      publish(.runOutput(output(.stderr, piece, offset: state.stderrOffset)))
      state.stderrOffset += piece.count
    }
  }

  private static func cut(_ bytes: inout [UInt8], all: Bool, _ body: ([UInt8]) -> Void) {
    var start = 0
    while bytes.count - start >= (all ? 1 : pieceBytesMax) {
      let end = min(start + pieceBytesMax, bytes.count)
      body(Array(bytes[start..<end]))
      start = end
    }
    bytes.removeFirst(start)
  }

  private func output(_ stream: RunOutput.Stream, _ piece: [UInt8], offset: Int) -> RunOutput {
    RunOutput(id: id, actor: actor, stream: stream, bytes: Blob(piece), offset: offset)
  }
}
