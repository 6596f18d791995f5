internal import Glibc

/// Threads of our own, for what blocks or must not wait for tasks: event loops, connections, readers of children.
public enum DetachedThread {
  /// A `nonisolated` closure on purpose: one that inherits the main actor compiles and dies on the new thread, where
  /// the isolation is checked.
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Runs `body` on a new thread. Whoever starts it learns of its end from `body` itself. Returns 0, or why there is no
  /// thread, as an errno.
  public static func start(stackBytes: Int = 512 << 10, _ body: @escaping @Sendable () -> Void) -> Int32 {
    let box = Unmanaged.passRetained(Body(body))
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, stackBytes)
    let status = pthread_create(
      &thread, &attributes,
      { raw in
        guard let raw else { return nil }
        Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    if status != 0 { box.release() }
    return status
  }
}
