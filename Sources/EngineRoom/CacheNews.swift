internal import Base
internal import ControlPlane
internal import ServiceLifecycle
internal import Synchronization

/// `cache-updated` to the room of a project, which each viewer of it gets: the first at once, then one in 20 ms and
/// namespace, with the keys of all that was written meanwhile. Agents hand work to each other this way: a quarter of a
/// second, tried first, made half a second of what three of them do in turn.
final class CacheNews: Service {
  private struct Subject: Hashable {
    var project: ProjectID
    var namespace: String
  }

  /// Keys written since the last news.
  private struct Keys {
    /// The first of them, in order.
    var first: [String] = []
    var seen: Set<String> = []
    var count = 0

    mutating func add(_ key: String) {
      if seen.contains(key) { return }
      // Beyond what is remembered a key that is written twice counts twice.
      if seen.count < CacheNews.rememberedMax { seen.insert(key) }
      count += 1
      if first.count < CacheNews.keysMax { first.append(key) }
    }
  }

  private static let interval = Duration.milliseconds(20)
  private static let keysMax = 100
  private static let rememberedMax = 1_000
  /// More are told each time.
  private static let subjectsMax = 1_024

  private let tell: @Sendable (ProjectEvent) -> Void
  /// Those told of lately.
  private let open = Mutex<[Subject: Keys]>([:])
  private let isOpen: AsyncStream<Void>
  private let opened: AsyncStream<Void>.Continuation

  init(tell: @escaping @Sendable (ProjectEvent) -> Void) {
    self.tell = tell
    (isOpen, opened) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// Until a graceful stop or a cancellation; what waits is told then.
  func run() async {
    await cancelWhenGracefulShutdown { [self] in
      for await _ in isOpen {
        repeat {
          do { try await Task.sleep(for: Self.interval) } catch { break }
        } while round()
      }
    }
    _ = round()
  }

  func add(_ project: ProjectID, _ namespace: String, _ keys: [String]) {
    let subject = Subject(project: project, namespace: namespace)
    let (now, isFirst) = open.withLock { open -> (Keys?, Bool) in
      if open[subject] != nil {
        for key in keys { open[subject]?.add(key) }
        return (nil, false)
      }
      var now = Keys()
      for key in keys { now.add(key) }
      guard open.count < Self.subjectsMax else { return (now, false) }
      open[subject] = Keys()
      return (now, open.count == 1)
    }
    if let now { tell(subject, now) }
    if isFirst { opened.yield() }
  }

  /// Tells what waits of a project, so that whatever is told next comes after it.
  func flush(_ project: ProjectID) {
    let waiting = open.withLock { open in
      let waiting = open.filter { $0.key.project == project && $0.value.count > 0 }
      for subject in waiting.keys { open[subject] = Keys() }
      return waiting
    }
    for (subject, keys) in waiting { tell(subject, keys) }
  }

  /// Tells what waits, and lets go of those of whom nothing waited; false when none is left.
  private func round() -> Bool {
    let (waiting, isAnyLeft) = open.withLock { open in
      let waiting = open.filter { $0.value.count > 0 }
      open = waiting.mapValues { _ in Keys() }
      return (waiting, !open.isEmpty)
    }
    for (subject, keys) in waiting { tell(subject, keys) }
    return isAnyLeft
  }

  private func tell(_ subject: Subject, _ keys: Keys) {
    let data = Data(
      project: subject.project, namespace: subject.namespace, keys: keys.first, keyCount: keys.count)
    tell(ProjectEvent(projectID: subject.project, event: "cache-updated", data: Pipeline.json(data)))
  }

  /// The data of `cache-updated`.
  private struct Data: Encodable {
    var project: ProjectID
    var namespace: String
    /// The first hundred.
    var keys: [String]
    var keyCount: Int
  }
}
