internal import DequeModule
internal import NIOCore
internal import Synchronization

/// The connections that have not sent a whole request yet, oldest first. When there are too many the oldest goes: a
/// client sends its request at once, so a crowd that only holds its connections open keeps nobody out.
final class HalfOpenCrowd: Sendable {
  private struct State {
    var next: UInt64 = 0
    var channels: [UInt64: any Channel] = [:]
    /// Numbers in the order of arrival; those that are gone stay until they are passed.
    var order: Deque<UInt64> = []
  }

  private let countMax: Int
  private let state = Mutex(State())

  init(countMax: Int) { self.countMax = countMax }

  /// The newcomer's number, and who must go for it.
  func enter(_ channel: any Channel) -> (number: UInt64, evicted: (any Channel)?) {
    state.withLock { state in
      state.next += 1
      state.channels[state.next] = channel
      state.order.append(state.next)
      guard state.channels.count > countMax else { return (state.next, nil) }
      while let oldest = state.order.popFirst() {
        if let evicted = state.channels.removeValue(forKey: oldest) { return (state.next, evicted) }
      }
      return (state.next, nil)
    }
  }

  func leave(_ number: UInt64) {
    state.withLock { state in
      guard state.channels.removeValue(forKey: number) != nil else { return }
      if state.order.count > 64, state.order.count > 2 * state.channels.count {
        state.order = state.order.filter { [channels = state.channels] in channels[$0] != nil }
      }
    }
  }
}
