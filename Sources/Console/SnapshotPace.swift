internal import ControlPlane
internal import Synchronization

/// How long to wait before the node is asked again. While nothing happens there, the console asks less often, since
/// each question wakes a handful of threads on both sides for a picture that stays; the first event brings the old pace
/// back at once.
final class SnapshotPace: Sendable {
  /// Between two questions to a node where nothing happens; its own figures (CPU, memory) are at most so old.
  static let calmMilliseconds: Int64 = 5_000
  /// Snapshots without news until the pace goes down.
  static let calmAfter = 4

  private struct State {
    var alike = 0
    /// The rest under way, if it is a long one.
    var rest: Task<Void, Never>?
  }

  private let calmMilliseconds: Int64
  private let state = Mutex(State())

  init(calmMilliseconds: Int64 = SnapshotPace.calmMilliseconds) { self.calmMilliseconds = calmMilliseconds }

  /// Whether a long rest is under way.
  var isCalm: Bool { state.withLock { $0.rest != nil } }

  /// Something happened at the node.
  func disturb() {
    let rest = state.withLock { state in
      defer { state = State() }
      return state.rest
    }
    rest?.cancel()
  }

  /// Waits for the next turn. `isAlike`: the newest snapshot had no news.
  func rest(isAlike: Bool, refresh: Int64) async {
    let rest = state.withLock { state in
      state.alike = isAlike ? state.alike + 1 : 0
      let isLong = state.alike >= Self.calmAfter
      let milliseconds = isLong ? max(refresh, calmMilliseconds) : refresh
      // A cancelled sleep is one that was to end early.
      let rest = Task { _ = try? await Task.sleep(for: .milliseconds(milliseconds)) }
      state.rest = isLong ? rest : nil
      return rest
    }
    await withTaskCancellationHandler {
      await rest.value
    } onCancel: {
      rest.cancel()
    }
  }
}

extension Snapshot {
  /// Whether nothing happened at the node since `other` but that time passed and its process breathes.
  func hasNoNews(since other: Snapshot) -> Bool {
    var aged = other
    aged.uptimeSeconds = uptimeSeconds
    aged.process = process
    // Only what is shown of the cache: its latencies are never quite the same.
    guard aged.cache?.asShown == cache?.asShown else { return false }
    aged.cache = cache
    guard aged.gateway?.asShown == gateway?.asShown else { return false }
    aged.gateway = gateway
    // That a peer was heard again is no news.
    aged.peers = aged.peers.map { peer in
      var peer = peer
      peer.lastSeenMilliseconds = peers.first { $0.node == peer.node }?.lastSeenMilliseconds ?? 0
      return peer
    }
    return aged == self
  }
}
