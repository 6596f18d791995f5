public import Base
internal import Glibc
internal import Synchronization

/// A program that runs beside a test, in a process group of its own, with its output kept (bounded). However the test
/// ends, the whole group is killed and reaped.
public final class ProgramProcess: Sendable {
  /// How a program ended.
  public enum ExitStatus: Sendable, Equatable {
    case exited(Int32)
    case signalled(Int32)
  }

  /// What a finished program left.
  public struct Outcome: Sendable, Equatable {
    public var status: ExitStatus
    public var standardOutput: String
    public var standardError: String
  }

  /// Everything but the program itself.
  public struct Options: Sendable {
    /// The whole environment; nil: that of the test.
    public var environment: [String: String]?
    public var folder: String?
    /// Nil: `/dev/null`.
    public var input: [UInt8]?

    public init(environment: [String: String]? = nil, folder: String? = nil, input: [UInt8]? = nil) {
      self.environment = environment
      self.folder = folder
      self.input = input
    }
  }

  public let processID: Int32
  private let output: OutputCapture
  private let errors: OutputCapture
  private let status = Mutex<ExitStatus?>(nil)

  /// Starts `program`: a path, or a name that is looked up in PATH.
  public init(_ program: String, _ arguments: [String] = [], _ options: Options = Options()) throws(Failure) {
    let launched = try ProgramLaunch.start(program, arguments, options)
    processID = launched.processID
    output = launched.output
    errors = launched.errors
  }

  deinit { kill() }

  /// Runs a program to its end. Throws when it does not end in time; it is killed then.
  public static func run(
    _ program: String, _ arguments: [String] = [], _ options: Options = Options(), within limit: Duration = .seconds(60)
  ) async throws(Failure) -> Outcome {
    let process = try ProgramProcess(program, arguments, options)
    return try await process.outcome(within: limit)
  }

  /// What was written to standard output so far.
  public var standardOutput: String { String(decoding: output.bytes, as: UTF8.self) }
  public var standardOutputBytes: [UInt8] { output.bytes }
  /// What was written to standard error so far.
  public var standardError: String { String(decoding: errors.bytes, as: UTF8.self) }
  /// Whether more was written than is kept (4 MiB a stream).
  public var isTruncated: Bool { output.isTruncated || errors.isTruncated }

  /// Nil while it runs.
  public var exitStatus: ExitStatus? { status.withLock { poll(&$0) } }
  public var isRunning: Bool { exitStatus == nil }

  /// Sends a signal to the program alone. False when it has ended.
  @discardableResult
  public func signal(_ number: Int32) -> Bool {
    status.withLock { status in poll(&status) == nil && Glibc.kill(processID, number) == 0 }
  }

  /// Waits for the end and for all of its output.
  public func outcome(within limit: Duration = .seconds(60)) async throws(Failure) -> Outcome {
    let isOver = await eventually(within: limit) { !self.isRunning }
    guard let status = exitStatus, isOver else {
      let said = standardError
      kill()
      throw Failure(.timeout, "process \(processID) did not end within \(limit); its standard error: \(said)")
    }
    // A background grandchild may keep the pipes; it has been killed with the group, so this is short.
    _ = await eventually(within: .seconds(5)) { self.output.isEnded && self.errors.isEnded }
    return Outcome(status: status, standardOutput: standardOutput, standardError: standardError)
  }

  /// Kills the whole group with SIGKILL and reaps the program. Harmless when it has ended.
  public func kill() {
    status.withLock { status in
      if status == nil {
        Glibc.kill(-processID, SIGKILL)
        Glibc.kill(processID, SIGCONT)
        status = reap(0)
      }
    }
    output.stop()
    errors.stop()
  }

  /// Looks without reaping first, so that the group can still be named and killed when its leader has ended.
  private func poll(_ status: inout ExitStatus?) -> ExitStatus? {
    if status != nil { return status }
    var information = siginfo_t()
    guard waitid(P_PID, id_t(processID), &information, WEXITED | WNOHANG | WNOWAIT) == 0,
      information._sifields._sigchld.si_pid == processID
    else { return nil }
    Glibc.kill(-processID, SIGKILL)
    status = reap(0)
    return status
  }

  private func reap(_ flags: Int32) -> ExitStatus {
    var raw: Int32 = 0
    while waitpid(processID, &raw, flags) < 0 {
      if errno != EINTR { return .signalled(SIGKILL) }
    }
    return raw & 0x7F == 0 ? .exited((raw >> 8) & 0xFF) : .signalled(raw & 0x7F)
  }
}
