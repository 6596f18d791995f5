public import Base
internal import CPty
internal import Glibc
internal import Synchronization

/// A program on a terminal of its own, driven like a person would: keys in, a parsed screen out.
///
/// A thread reads what the program writes into a `VirtualScreen` and sends the terminal's answers back, so that the
/// program never waits for the test. `close` (or the end of the session) ends the program by closing its terminal and,
/// if that does not help, by killing it.
public final class PtySession: Sendable {
  public struct Options: Sendable {
    public var width = 80
    public var height = 24
    /// The whole environment of the program.
    public var environment: [String: String] = [
      "TERM": "xterm-256color", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent",
    ]
    public var workingDirectory: String?
    public var personality = VirtualScreen.Personality()

    public init() {}

    public init(width: Int, height: Int, environment: [String: String] = [:]) {
      self.init()
      self.width = width
      self.height = height
      self.environment.merge(environment) { $1 }
    }
  }

  public let processID: Int32
  let master: Int32
  /// Kept open, so that the settings the program leaves behind can be looked at.
  let slave: Int32
  let original: TerminalSettings
  let line: PtyLine

  /// Starts `program` (a path) with `arguments`.
  public init(_ program: String, _ arguments: [String] = [], _ options: Options = .init()) throws(Failure) {
    let pair = try Self.openPair(width: options.width, height: options.height)
    master = pair.master
    slave = pair.slave
    original = TerminalSettings(of: pair.slave)
    line = PtyLine(
      master: pair.master,
      screen: VirtualScreen(width: options.width, height: options.height, personality: options.personality))
    do throws(Failure) {
      processID = try Self.spawn(program, arguments, options, pair.master)
    } catch {
      Glibc.close(pair.master)
      Glibc.close(pair.slave)
      throw error
    }
    try line.startReading()
  }

  deinit {
    close()
    Glibc.close(slave)
  }

  // MARK: - Looking

  /// The screen where it is, the bytes written so far, and when the last came. `body` must not use the session.
  public func look<T>(_ body: (VirtualScreen, Int, ContinuousClock.Instant) -> T) -> T {
    line.state.withLock { body($0.screen, $0.bytes, $0.changed) }
  }
  /// A copy.
  public var screen: VirtualScreen { line.state.withLock { $0.screen } }
  /// Bytes the program has written.
  public var bytes: Int { line.state.withLock { $0.bytes } }
  /// When the last byte came.
  public var changed: ContinuousClock.Instant { line.state.withLock { $0.changed } }
  /// Everything the program wrote, as text.
  public var transcript: String { line.state.withLock { String(decoding: $0.transcript, as: UTF8.self) } }
  /// The settings of the terminal line now, compared with those before the start.
  public var areSettingsRestored: Bool { TerminalSettings(of: slave) == original }

  // MARK: - Ending

  /// Takes the terminal away, as when a connection is lost.
  public func hangUp() {
    line.state.withLock { $0.isOpen = false }
  }

  /// Ends the program and its terminal.
  public func close() {
    hangUp()
    if exitStatus() == nil {
      kill(processID, SIGKILL)
      kill(processID, SIGCONT)
      var status: Int32 = 0
      if waitpid(processID, &status, 0) == processID { line.state.withLock { $0.status = status } }
    }
  }

  /// The wait status when the program has ended; nil while it runs.
  public func exitStatus() -> Int32? {
    line.state.withLock { state in
      if let status = state.status { return status }
      var status: Int32 = 0
      guard waitpid(processID, &status, WNOHANG) == processID else { return nil }
      state.status = status
      return status
    }
  }

  // MARK: - Starting

  private static func openPair(width: Int, height: Int) throws(Failure) -> (master: Int32, slave: Int32) {
    var master: Int32 = 0
    var slave: Int32 = 0
    let failure = sb_pty_open(Int32(width), Int32(height), &master, &slave)
    guard failure == 0 else { throw Failure(.unavailable, "no pseudo-terminal can be opened: errno \(failure)") }
    return (master, slave)
  }

  private static func spawn(
    _ program: String, _ arguments: [String], _ options: Options, _ master: Int32
  ) throws(Failure) -> Int32 {
    var argv = ([program] + arguments).map { strdup($0) } + [nil]
    var envp = options.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in argv + envp { free(text) } }
    var child: Int32 = 0
    let failure = sb_pty_spawn(master, program, &argv, &envp, options.workingDirectory, &child)
    guard failure == 0 else { throw Failure(.notFound, "\(program) cannot be started: errno \(failure)") }
    return child
  }
}

/// The settings of a terminal line, to be compared.
struct TerminalSettings: Equatable, Sendable {
  let words: [UInt32]
  let characters: [UInt8]

  init(of descriptor: Int32) {
    var settings = termios()
    _ = tcgetattr(descriptor, &settings)
    words = [settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag]
    characters = withUnsafeBytes(of: settings.c_cc) { Array($0) }
  }
}
