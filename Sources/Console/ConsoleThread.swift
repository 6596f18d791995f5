internal import Base
internal import Glibc

/// The one thread of a console: curses is not safe for more, and it blocks, which no task may.
enum ConsoleThread {
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Runs `body` on a thread of its own and returns what it returned.
  static func run(_ body: @escaping @Sendable () -> ConsoleExit) async -> ConsoleExit {
    await withCheckedContinuation { continuation in
      let retained = Unmanaged.passRetained(Body { continuation.resume(returning: body()) })
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { argument in
          if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
          return nil
        }, retained.toOpaque())
      guard status == 0 else {
        retained.release()
        continuation.resume(
          returning: .failed(Failure(.limit, "no thread for the console: \(String(cString: strerror(status)))")))
        return
      }
      pthread_detach(thread)
    }
  }
}
