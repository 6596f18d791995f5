internal import CSockets
internal import Glibc

/// Threads of our own: event loops and the acceptor. A `nonisolated` closure on purpose: one that inherits the main
/// actor compiles and dies on the new thread, where the isolation is checked.
enum LoopThread {
  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Starts a detached thread. `name` has at most 15 bytes (prctl(2)). Whoever starts it learns of its end
  /// from `body` itself.
  static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(GatewayError) {
    let box = Unmanaged.passRetained(
      Box {
        sb_name_thread(name)
        body()
      })
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, 1 << 20)
    let status = pthread_create(
      &thread, &attributes,
      { raw in
        guard let raw else { return nil }
        Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    guard status == 0 else {
      box.release()
      throw .system("no thread is left for the gateway", errno: status)
    }
  }
}
