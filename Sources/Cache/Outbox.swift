internal import Base
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Invalidations made while Redis is away: an append-only file that is on disk before the caller hears of it, and that
/// is replayed, whole and in order, before Redis is read again. After kill -9 the next start finds it.
///
/// A record is a 32-bit length, a 64-bit checksum and a rule. A torn last record was never confirmed and is dropped; a
/// broken one before it could hide a confirmed rule, so then everything is invalidated. The same when the file outgrows
/// its bound. Replaying a rule twice is harmless, so the file is only emptied after all of it was committed.
final class Outbox: Sendable {
  private struct Waiter {
    let continuation: CheckedContinuation<Bool, Never>
    let record: [UInt8]
  }

  private struct State {
    var rules: [InvalidationRule] = []
    /// Keys of namespace-and-key rules that wait: a value set a hundred times is one line.
    var keys: Set<String> = []
    /// Rules, from the first, that a replay is committing: one that comes now says more than the same one among them.
    var taken = 0
    var fileBytes = 0
    var waiting: [Waiter] = []
    /// Appends promised and not yet on disk.
    var reserved = 0
    var isWriting = false
  }

  static let recordsMax = 100_000
  static let fileBytesMax = 64 << 20

  private let path: String?
  private let descriptor: Int32
  private let queue = DispatchQueue(label: "signalbox.cache.outbox")
  private let state = Mutex(State())

  /// Opens or makes the file. `path` nil, or one that cannot be opened: rules are kept in memory only, and `append`
  /// says so.
  init(path: String?) {
    self.path = path
    descriptor = path.map { open($0, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0o600) } ?? -1
    let bytes = Self.contents(descriptor)
    state.withLock { state in
      (state.rules, state.fileBytes) = Self.rules(in: bytes)
      state.keys = Set(state.rules.compactMap(Self.dedupeKey))
    }
    let whole = state.withLock { $0.fileBytes }
    if descriptor >= 0, whole < bytes.count { ftruncate(descriptor, whole) }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Whether the file could be opened.
  var isDurable: Bool { descriptor >= 0 }

  /// Rules that wait for Redis, appends under way included.
  var depth: Int { state.withLock { $0.rules.count + $0.reserved } }

  var rules: [InvalidationRule] { state.withLock { $0.rules } }

  /// The rules to commit now; `settle` follows.
  func take() -> [InvalidationRule] {
    state.withLock { state in
      state.taken = state.rules.count
      state.keys = []
      return state.rules
    }
  }

  /// Promises an append, so that nobody takes the outbox for settled before it happened.
  func reserve() { state.withLock { $0.reserved += 1 } }

  /// Keeps a promise. True when the rule is on disk.
  func append(_ rule: InvalidationRule) async -> Bool {
    await withCheckedContinuation { continuation in
      let isKnown = state.withLock { state in
        state.reserved -= 1
        let record = Self.record(rule)
        let isFull = state.rules.count >= Self.recordsMax || state.fileBytes + record.count > Self.fileBytesMax
        // What waits as the last rule says it all.
        let isCovered = state.rules.count > state.taken && state.rules.last == .everything
        if isFull, isCovered, descriptor >= 0 { return true }
        if let key = Self.dedupeKey(rule), !state.keys.insert(key).inserted, descriptor >= 0 { return true }
        if !isFull || !isCovered { state.rules.append(isFull ? .everything : rule) }
        let written = isFull ? Self.record(.everything) : record
        state.waiting.append(Waiter(continuation: continuation, record: written))
        return false
      }
      if isKnown {
        // The file may still be on its way to disk with that line: wait behind it.
        queue.async { continuation.resume(returning: true) }
      } else {
        queue.async { self.flush() }
      }
    }
  }

  /// Takes the first `count` rules out, after they were committed; the file is emptied once none is left. False while
  /// others have come in meanwhile.
  func settle(_ count: Int) -> Bool {
    state.withLock { state in
      state.rules.removeFirst(min(count, state.rules.count))
      state.taken = 0
      guard state.rules.isEmpty, state.reserved == 0, state.waiting.isEmpty, !state.isWriting else { return false }
      state.keys = []
      state.fileBytes = 0
      if descriptor >= 0 { ftruncate(descriptor, 0) }
      return true
    }
  }

  var isSettled: Bool { state.withLock { $0.rules.isEmpty && $0.reserved == 0 && $0.waiting.isEmpty } }

  // MARK: File

  /// On the queue: writes whatever waits with one call and one fdatasync.
  private func flush() {
    let waiting = state.withLock { state in
      defer { state.waiting = [] }
      state.isWriting = true
      return state.waiting
    }
    let bytes = waiting.flatMap(\.record)
    let isStored = descriptor >= 0 && Self.write(bytes, to: descriptor) && fdatasync(descriptor) == 0
    state.withLock { state in
      state.isWriting = false
      if isStored { state.fileBytes += bytes.count }
    }
    for waiter in waiting { waiter.continuation.resume(returning: isStored) }
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress.map { $0 + written }, bytes.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      written += count
    }
    return true
  }

  private static func contents(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while descriptor >= 0, bytes.count <= fileBytesMax * 2 {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  static func record(_ rule: InvalidationRule) -> [UInt8] {
    let body = rule.encoded
    var record: [UInt8] = []
    Envelope.append(UInt32(body.count), to: &record)
    Envelope.append(Checksum64.hash(body), to: &record)
    return record + body
  }

  /// The rules of a file, and how many of its bytes are whole records.
  static func rules(in bytes: [UInt8]) -> ([InvalidationRule], Int) {
    var rules: [InvalidationRule] = []
    var position = 0
    while bytes.count - position >= 12 {
      let (length, checksum) = bytes.withUnsafeBytes { raw in
        (
          Int(UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: position, as: UInt32.self))),
          UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: position + 4, as: UInt64.self))
        )
      }
      guard length <= bytes.count - position - 12 else { break }
      let body = Array(bytes[position + 12..<position + 12 + length])
      let isLast = position + 12 + length == bytes.count
      guard Checksum64.hash(body) == checksum, let rule = InvalidationRule(body) else {
        return isLast ? (rules, position) : ([.everything], bytes.count)
      }
      rules.append(rule)
      position += 12 + length
    }
    return (rules, position)
  }

  private static func dedupeKey(_ rule: InvalidationRule) -> String? {
    guard case .keys(let namespace, let keys, let isCascading) = rule, keys.count == 1 else { return nil }
    return "\(isCascading ? "C" : "K")\(namespace.name) \(keys[0])"
  }
}
