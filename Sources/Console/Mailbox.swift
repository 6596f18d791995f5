internal import Base
internal import ControlPlane
internal import Synchronization

/// What the async side has for the console's thread. Posting never waits: events beyond the capacity push out the
/// oldest and are counted, a snapshot replaces the one before.
final class Mailbox: Sendable {
  /// Events that wait for the thread.
  static let eventsMax = 4_096
  /// After mail was taken, events wake the thread no sooner than so many milliseconds later: a log of ten thousand
  /// lines a second is ten wakeups, not ten thousand. The thread looks again by itself when that time is over.
  static let quietMilliseconds: Int64 = 100

  /// Everything there was.
  struct Mail {
    var news: [News] = []
    var isStopRequested = false
  }

  private struct State {
    var snapshot: Snapshot?
    var events = BoundedQueue<Event>(capacity: Mailbox.eventsMax)
    var dropped: UInt64 = 0
    var news: [News] = []
    var isStopRequested = false
    var quietUntil: Int64 = .min
    var refresh: Int64
    var waker: Waker?
  }

  private let state: Mutex<State>

  init(refresh: Int64) { state = Mutex(State(refresh: refresh)) }

  /// The thread has its terminal and can be woken.
  func open(_ waker: Waker) { state.withLock { $0.waker = waker } }

  /// Milliseconds between two snapshots.
  var refresh: Int64 {
    get { state.withLock { $0.refresh } }
    set { state.withLock { $0.refresh = newValue } }
  }

  func post(_ snapshot: Snapshot) { wake { $0.snapshot = snapshot } }

  /// Answers, outcomes and states of the link: as many as were asked for.
  func post(_ news: News) { wake { $0.news.append(news) } }

  func post(_ event: Event, now: Int64) {
    let waker: Waker? = state.withLock { state in
      state.events.append(event)
      return now < state.quietUntil ? nil : state.waker
    }
    waker?.wake()
  }

  var isStopRequested: Bool { state.withLock { $0.isStopRequested } }

  /// The thread is to end.
  func stop() { wake { $0.isStopRequested = true } }

  private func wake(_ change: (inout State) -> Void) {
    let waker = state.withLock { state in
      change(&state)
      return state.waker
    }
    waker?.wake()
  }

  /// Takes everything.
  func take(now: Int64) -> Mail {
    state.withLock { state in
      var mail = Mail(isStopRequested: state.isStopRequested)
      mail.news = state.news
      state.news = []
      if let snapshot = state.snapshot { mail.news.append(.snapshot(snapshot)) }
      state.snapshot = nil
      if !state.events.isEmpty { mail.news.append(.events(Self.events(&state, now))) }
      if !mail.news.isEmpty { state.quietUntil = now + Self.quietMilliseconds }
      return mail
    }
  }

  private static func events(_ state: inout State, _ now: Int64) -> [Event] {
    var events = state.events.drain()
    let lost = state.events.dropped - state.dropped
    state.dropped = state.events.dropped
    if lost > 0, let first = events.first {
      events.insert(Event(timeMilliseconds: first.timeMilliseconds, body: .dropped(count: lost)), at: 0)
    }
    return events
  }
}
