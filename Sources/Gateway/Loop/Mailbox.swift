internal import CSockets
internal import Glibc
internal import Synchronization

/// How every other thread reaches a loop: letters in the order they were posted. The wake-up descriptor is written only
/// when the loop sleeps, so a busy loop costs its posters one lock and no system call.
///
/// Bounded where outsiders fill it: `post` of a droppable letter fails once `lettersMax` wait. Letters that own a
/// descriptor or owe an answer are always taken; their number is bounded by the connections.
final class Mailbox: Sendable {
  static let lettersMax = 65_536

  private struct State {
    var letters: [Letter] = []
    var isAsleep = false
    var isClosed = false
  }

  private let state = Mutex(State())
  let wakeUp: Int32

  init() throws(GatewayError) {
    let made = sb_event_descriptor()
    guard made >= 0 else { throw .system("no wake-up descriptor", errno: -made) }
    wakeUp = made
  }

  deinit { Glibc.close(wakeUp) }

  /// False when it is full (`isDroppable`) or the loop has ended; the letter is then lost, and its owner answers.
  @discardableResult
  func post(_ letter: Letter, isDroppable: Bool = false) -> Bool {
    let (isTaken, mustWake) = state.withLock { state -> (Bool, Bool) in
      guard !state.isClosed, !isDroppable || state.letters.count < Self.lettersMax else { return (false, false) }
      state.letters.append(letter)
      defer { state.isAsleep = false }
      return (true, state.isAsleep)
    }
    if mustWake {
      var one: UInt64 = 1
      _ = write(wakeUp, &one, 8)
    }
    return isTaken
  }

  /// All letters, into `letters`, whose storage is used again. Only the loop calls it.
  func take(into letters: inout [Letter]) {
    letters.removeAll(keepingCapacity: letters.capacity <= 4_096)
    state.withLock { swap(&$0.letters, &letters) }
  }

  /// Whether the loop may sleep: true when nothing waits. From then on a poster wakes it.
  func fallAsleep() -> Bool {
    state.withLock { state in
      state.isAsleep = state.letters.isEmpty
      return state.isAsleep
    }
  }

  func woke(drain: Bool) {
    state.withLock { $0.isAsleep = false }
    guard drain else { return }
    var count: UInt64 = 0
    _ = read(wakeUp, &count, 8)
  }

  var hasLetters: Bool { state.withLock { !$0.letters.isEmpty } }

  /// Takes nothing more; returns what waited.
  func close(_ rest: inout [Letter]) {
    state.withLock { state in
      state.isClosed = true
      swap(&state.letters, &rest)
    }
  }
}
