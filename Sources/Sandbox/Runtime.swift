internal import ControlPlane
internal import Synchronization

/// Where programs run: layers 2 to 4 of a sandbox. The engine above it queues, validates and counts, and knows nothing
/// of how a sandbox is made.
protocol Runtime: Sendable {
  /// As results name it.
  var name: String { get }
  /// What can be run, with the version of what runs it.
  var languages: [Language: String] { get }
  /// Whether resource limits are weaker than asked for by default.
  var isIsolationOnly: Bool { get }

  /// Throws when programs of this language cannot be run, with the way out.
  func requireInterpreter(of language: Language) throws(SandboxError)

  /// The name under which a result of this request may be kept; nil when its language cannot be run here.
  func cacheKey(_ request: SandboxRequest) -> String?

  /// Runs one program to its end; returns when nothing of its sandbox is left. `onEvent` must not block.
  func run(
    _ request: SandboxRequest, id: String, queued: Duration, control: RunControl,
    onEvent: @escaping @Sendable (RunEvent) -> Void
  ) async throws(SandboxError) -> SandboxRun

  /// Takes the types out of a TypeScript program.
  func strip(_ code: String, control: RunControl) async throws(SandboxError) -> TypeScript.Stripped

  /// Makes a program of the machine of a Go program.
  func compile(_ request: SandboxRequest, control: RunControl) async throws(SandboxError) -> GoProgram.Compiled

  /// Starts a script of the validator's in a sandbox that stays until it is ended.
  func startHelper(
    _ language: Language, script: String, arguments: [String], limits: SandboxLimits,
    onEvent: @escaping @Sendable (RunEvent) -> Void
  ) throws(SandboxError) -> any SandboxHandle

  /// Interpreters that are up and wait for a program.
  var warm: Int { get }
  /// The same by language.
  var warmByLanguage: [Language: Int] { get }
  /// Starts as many of them as the settings say.
  func warmUp()

  /// Ends what it keeps for itself; runs are ended by their owner before.
  func shutdown() async
}

/// Not every way of making sandboxes keeps some of them ready.
extension Runtime {
  var warm: Int { 0 }
  var warmByLanguage: [Language: Int] { [:] }
  func warmUp() {}
  func compile(_ request: SandboxRequest, control: RunControl) async throws(SandboxError) -> GoProgram.Compiled {
    throw .unavailable("Go cannot be run with \(name)", fix: "use the bubblewrap back end, with golang-go")
  }
  func strip(_ code: String, control: RunControl) async throws(SandboxError) -> TypeScript.Stripped {
    throw .unavailable("TypeScript cannot be run with \(name)", fix: "use the bubblewrap back end, with esbuild")
  }
}

/// A sandbox that has been started.
protocol SandboxHandle: AnyObject, Sendable {
  /// Waits until the program has been started, or will never be.
  func ready() async
  func write(_ bytes: [UInt8])
  /// Kills the sandbox. Harmless when it has ended.
  func stop()
  /// Waits for the end, when nothing of it is left.
  func ending() async -> SandboxSession.Ending
}

extension SandboxSession: SandboxHandle {}

/// The way to end one run from outside, from before it starts: what is to be done changes while the run goes on.
final class RunControl: Sendable {
  private struct State {
    var isStopped = false
    var action: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  var isStopped: Bool { state.withLock { $0.isStopped } }

  func stop() {
    let action = state.withLock { state in
      state.isStopped = true
      return state.action
    }
    action?()
  }

  /// What `stop` does from now on; done at once when it has been called already.
  func onStop(_ action: @escaping @Sendable () -> Void) {
    let isStopped = state.withLock { state in
      state.action = action
      return state.isStopped
    }
    if isStopped { action() }
  }
}
