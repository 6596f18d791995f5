import Synchronization

/// Opens when so many have arrived.
final class Gate: Sendable {
  private let missing: Mutex<Int>

  init(count: Int) { missing = Mutex(count) }

  func arrive() { missing.withLock { $0 -= 1 } }
  var isOpen: Bool { missing.withLock { $0 <= 0 } }
}
