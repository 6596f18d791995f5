internal import Synchronization

/// Interpreters that are up and wait for a program, each for one run.
///
/// The interpreter is started with the command line of every run, in a sandbox like that of every run; only its program
/// is a named pipe. It comes up and waits in the read, and the program arrives through the pipe (see held.c).
/// So nothing of ours runs in it, and what a program sees is what it would see in a fresh one. What cannot be had that
/// way — arguments, a large program, a file that decides how the program is read — is run in a fresh one.
///
/// It follows the demand: a language is kept warm from its first run on, in the shape that was asked for last, at most
/// as many as the settings say. New ones are started when a run has become busy or has ended.
final class WarmPool: Sendable {
  /// What is fixed when an interpreter starts.
  struct Shape: Sendable, Hashable {
    var language: Language
    var limits: SandboxLimits
    var isConfined: Bool

    /// Everything else in the limits can be set when the program comes.
    init(_ request: SandboxRequest) {
      let (standard, asked) = (SandboxLimits(), request.limits)
      language = request.language
      limits = SandboxLimits(
        memoryBytes: asked.memoryBytes, cpuPercent: standard.cpuPercent,
        timeoutMilliseconds: standard.timeoutMilliseconds, processes: asked.processes, tmpBytes: asked.tmpBytes,
        outputBytes: standard.outputBytes, descriptors: asked.descriptors, fileBytes: asked.fileBytes)
      isConfined = request.isConfined
    }
  }

  struct Entry: Sendable {
    var session: SandboxSession
    var number: UInt32
    var shape: Shape
  }

  private struct State {
    var entries: [Entry] = []
    /// The shape asked for last, by language: what is started next.
    var wanted: [Language: Shape] = [:]
    /// Interpreters in a row that ended before they were asked for anything.
    var failures: [Language: Int] = [:]
    var isOver = false
    /// Languages to look after, and the task that does.
    var pending: Set<Language> = []
    var task: Task<Void, Never>?
  }

  /// A pipe holds this much, so that a program goes through in one piece.
  static let programBytesMax = 60_000
  /// Files are written by the launcher, outside of the run's own memory limit.
  static let filesBytesMax = 256 << 10
  private static let failuresMax = 3

  private let host: SandboxHost
  private let sizes: [Language: Int]
  private let state = Mutex(State())

  init(_ host: SandboxHost, sizes: [Language: Int]) {
    self.host = host
    // Without control groups, the processor time of a run is a limit of its first process, fixed when that starts.
    self.sizes = host.groups == nil ? [:] : sizes
  }

  /// Interpreters that can be given a program now.
  var count: Int { waiting.count }

  /// The same by language; one that has none is not there.
  var counts: [Language: Int] { waiting.reduce(into: [:]) { $0[$1.shape.language, default: 0] += 1 } }

  var waiting: [Entry] { state.withLock { $0.entries }.filter(\.session.isWaiting) }

  /// One that fits the request and waits, taken out; nil: the run needs a fresh one.
  func take(_ request: SandboxRequest) -> Entry? {
    let shape = Shape(request)
    guard (sizes[shape.language] ?? 0) > 0, Self.canTake(request) else { return nil }
    return state.withLock { state in
      state.wanted[shape.language] = shape
      guard let index = state.entries.firstIndex(where: { $0.shape == shape && $0.session.isWaiting }) else {
        return nil
      }
      return state.entries.remove(at: index)
    }
  }

  /// Starts what is missing of a language that has been asked for.
  func refill(_ language: Language) {
    while let (session, evicted) = place(language) {
      evicted?.stop()
      // Whatever has become of its place meanwhile: `shutdown` may have taken it and wait for its end already. One that
      // cannot be started counts as a failure (`ended`); the next run starts a fresh one and says what is wrong.
      try? session.start(launcher: host.launcherPath)
    }
  }

  /// The same, without the caller's waiting for it: starting a process takes longer than a short run.
  func refillSoon(_ language: Language) {
    state.withLock { state in
      guard !state.isOver else { return }
      state.pending.insert(language)
      if state.task == nil { state.task = Task { self.refillPending() } }
    }
  }

  private func refillPending() {
    while let language = nextPending() { refill(language) }
  }

  private func nextPending() -> Language? {
    state.withLock { state in
      let next = state.pending.popFirst()
      if next == nil { state.task = nil }
      return next
    }
  }

  /// Starts interpreters of every language, before anyone asks.
  func warmUp() {
    for language in sizes.keys.sorted(by: { $0.rawValue < $1.rawValue }) where host.interpreters[language] != nil {
      warmUp(for: SandboxRequest(language: language, code: ""))
    }
  }

  func warmUp(for request: SandboxRequest) {
    let shape = Shape(request)
    state.withLock { $0.wanted[shape.language] = shape }
    refill(shape.language)
  }

  /// Ends all; returns when nothing of them is left.
  func shutdown() async {
    let task = state.withLock { state in
      state.isOver = true
      return state.task
    }
    await task?.value
    let entries = state.withLock { state in
      defer { state.entries = [] }
      return state.entries
    }
    for entry in entries { entry.session.stop() }
    for entry in entries { _ = await entry.session.ending() }
  }

  // MARK: Starting

  /// The next one to start, its place already taken; nil when all places are.
  func place(_ language: Language) -> (new: SandboxSession, evicted: SandboxSession?)? {
    state.withLock { reserve(&$0, language) }
  }

  private func reserve(
    _ state: inout State, _ language: Language
  ) -> (new: SandboxSession, evicted: SandboxSession?)? {
    guard !state.isOver, let shape = state.wanted[language], state.failures[language, default: 0] < Self.failuresMax
    else { return nil }
    let size = sizes[language] ?? 0
    let same = state.entries.indices.filter { state.entries[$0].shape.language == language }
    var evicted: SandboxSession?
    if same.count >= size {
      guard let first = same.first, same.allSatisfy({ state.entries[$0].shape != shape }) else { return nil }
      evicted = state.entries.remove(at: first).session
    }
    let number = SandboxHost.nextNumber()
    guard let plan = try? host.plan(shape, number: number) else { return nil }
    let session = SandboxSession(plan) { [weak self] in self?.ended($0, language) }
    state.entries.append(Entry(session: session, number: number, shape: shape))
    return (session, evicted)
  }

  /// An interpreter is gone. One that nobody had taken is replaced, whether it was too old or something ended it.
  private func ended(_ session: SandboxSession, _ language: Language) {
    let wasWaiting = state.withLock { state in
      let before = state.entries.count
      state.entries.removeAll { $0.session === session }
      let wasWaiting = state.entries.count < before
      if wasWaiting, !session.hasWaited { state.failures[language, default: 0] += 1 }
      if session.hasWaited { state.failures[language] = 0 }
      return wasWaiting
    }
    if wasWaiting { refill(language) }
  }

  // MARK: What can be run in one

  static func canTake(_ request: SandboxRequest) -> Bool {
    guard request.arguments.isEmpty, request.code.utf8.count <= programBytesMax,
      request.files.reduce(0, { $0 + $1.content.count }) <= filesBytesMax
    else { return false }
    switch request.language {
    // A byte order mark or an encoding makes CPython read its program twice, which a pipe does not allow.
    case .python:
      guard !request.code.unicodeScalars.starts(with: ["\u{FEFF}"]) else { return false }
      let head = request.code.utf8.split(separator: 10, maxSplits: 2, omittingEmptySubsequences: false).prefix(2)
      return head.allSatisfy { !String(decoding: $0, as: UTF8.self).contains("coding") }
    // Node looks for it before it reads the program.
    case .javascript, .typescript: return !request.files.contains { $0.path == "package.json" }
    // There is nothing to wait with: the program is all that is started.
    case .go: return false
    }
  }
}
