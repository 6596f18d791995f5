internal import Base
public import ControlPlane
internal import Synchronization

/// How each component is, and since when. Engines write, `/health`, `status` and the console read; a change is
/// published once, not at every look.
public final class HealthBoard: Sendable {
  private let components = Mutex<[String: Health.Component]>([:])
  private let now: @Sendable () -> Int64
  private let changed: @Sendable (Health) -> Void

  /// `now` gives milliseconds since 1970; `changed` is called outside the lock after every change of a state.
  public init(now: @escaping @Sendable () -> Int64, changed: @escaping @Sendable (Health) -> Void) {
    self.now = now
    self.changed = changed
  }

  /// Sets the state of a component; `since` moves only when the state changes.
  public func set(_ name: String, _ state: Health.State, reason: String? = nil) {
    let isNews = components.withLock { components in
      let before = components[name]
      if let before, before.state == state, before.reason == reason { return false }
      let since = before?.state == state ? before?.since ?? now() : now()
      components[name] = Health.Component(name: name, state: state, reason: reason, since: since)
      return true
    }
    if isNews { changed(health) }
  }

  public var health: Health {
    Health(components: components.withLock { $0.values.sorted { $0.name < $1.name } })
  }
}
