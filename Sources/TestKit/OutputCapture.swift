internal import Glibc
internal import Synchronization

/// Reads one pipe to its end on a thread of its own and keeps the first `bytesMax` bytes; the rest is read and thrown
/// away, so that the writer is never stopped by a full pipe.
final class OutputCapture: Sendable {
  static let bytesMax = 4 << 20

  private struct State {
    var bytes: [UInt8] = []
    var isTruncated = false
    var isEnded = false
    var isStopping = false
  }

  private let state = Mutex(State())

  var bytes: [UInt8] { state.withLock { $0.bytes } }
  var isTruncated: Bool { state.withLock { $0.isTruncated } }
  var isEnded: Bool { state.withLock { $0.isEnded } }

  /// Takes the descriptor, and closes it at the end.
  func start(_ descriptor: Int32) {
    let context = Unmanaged.passRetained(Job(capture: self, descriptor: descriptor)).toOpaque()
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        let job = Unmanaged<Job>.fromOpaque(context).takeRetainedValue()
        job.capture.run(job.descriptor)
        return nil
      }, context)
    precondition(status == 0, "a test machine can start one more thread")
    pthread_detach(thread)
  }

  /// Ends the thread although something still holds the pipe open: a grandchild that left the process group.
  func stop() { state.withLock { $0.isStopping = true } }

  private func run(_ descriptor: Int32) {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while !state.withLock({ $0.isStopping }) {
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 100) > 0 else { continue }
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { break }
      state.withLock { state in
        let room = Self.bytesMax - state.bytes.count
        state.bytes += chunk.prefix(min(room, count))
        if count > room { state.isTruncated = true }
      }
    }
    close(descriptor)
    state.withLock { $0.isEnded = true }
  }

  private final class Job: Sendable {
    let capture: OutputCapture
    let descriptor: Int32

    init(capture: OutputCapture, descriptor: Int32) {
      self.capture = capture
      self.descriptor = descriptor
    }
  }
}
