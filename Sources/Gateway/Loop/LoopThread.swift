internal import Base
internal import CSockets

/// Threads of the gateway: event loops and the acceptor.
enum LoopThread {
  /// Starts a detached thread. `name` has at most 15 bytes (prctl(2)). Whoever starts it learns of its end
  /// from `body` itself.
  static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(GatewayError) {
    let status = DetachedThread.start(stackBytes: 1 << 20) {
      sb_name_thread(name)
      body()
    }
    guard status == 0 else { throw .system("no thread is left for the gateway", errno: status) }
  }
}
