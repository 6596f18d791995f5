internal import Base
internal import Dispatch
internal import Glibc
internal import Synchronization

/// One question to a server and the beginning of its answer, with a deadline: enough to see who listens.
struct ProbeSocket: Sendable {
  enum Address: Sendable, Equatable {
    case tcp(host: String, port: Int)
    case unix(path: String)
  }

  enum Outcome: Sendable, Equatable {
    case answered([UInt8])
    /// Why not, in the system's words.
    case failed(String)
  }

  static let answerMax = 16_384

  var address: Address
  var deadline: Duration

  /// Sends `question` and reads until `isComplete` holds, the peer closes or the deadline is over.
  ///
  /// A name is looked up by the system's resolver, which knows no deadline; so the waiting is done here, and a look-up
  /// that takes longer ends on its own thread, for nobody.
  func ask(_ question: [UInt8], isComplete: @escaping @Sendable ([UInt8]) -> Bool) async -> Outcome {
    await withCheckedContinuation { continuation in
      let box = Once(continuation)
      DispatchQueue.global().async { box.resume(exchange(question, isComplete)) }
      let nanoseconds = Int(deadline.nanoseconds) + 100_000_000
      DispatchQueue.global().asyncAfter(deadline: .now() + .nanoseconds(nanoseconds)) {
        box.resume(.failed("no answer in time"))
      }
    }
  }

  /// Whoever comes first answers.
  private final class Once: Sendable {
    private let continuation: Mutex<CheckedContinuation<Outcome, Never>?>

    init(_ continuation: CheckedContinuation<Outcome, Never>) { self.continuation = Mutex(continuation) }

    func resume(_ outcome: Outcome) {
      let waiting = continuation.withLock { slot in
        defer { slot = nil }
        return slot
      }
      waiting?.resume(returning: outcome)
    }
  }

  /// The same on the caller's thread.
  func exchange(_ question: [UInt8], _ isComplete: ([UInt8]) -> Bool) -> Outcome {
    let end = ContinuousClock.now + deadline
    var reason = "no address"
    for candidate in candidates(&reason) {
      let descriptor = socket(candidate.family, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0)
      guard descriptor >= 0 else { return .failed(String(cString: strerror(errno))) }
      defer { close(descriptor) }
      if let problem = connect(descriptor, candidate.bytes, end) {
        reason = problem
        continue
      }
      return talk(descriptor, question, isComplete, end)
    }
    return .failed(reason)
  }

  /// The addresses as the kernel wants them.
  private func candidates(_ reason: inout String) -> [(family: Int32, bytes: [UInt8])] {
    switch address {
    case .unix(let path):
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      let bytes = Array(path.utf8)
      guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return [] }
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
      return [(AF_UNIX, withUnsafeBytes(of: address) { Array($0) })]
    case .tcp(let host, let port):
      var hints = addrinfo()
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
      hints.ai_flags = AI_NUMERICSERV
      var list: UnsafeMutablePointer<addrinfo>?
      let code = getaddrinfo(host, String(port), &hints, &list)
      guard code == 0 else {
        reason = String(cString: gai_strerror(code))
        return []
      }
      defer { freeaddrinfo(list) }
      var found: [(family: Int32, bytes: [UInt8])] = []
      var entry = list
      while let current = entry?.pointee, found.count < 8 {
        let raw = UnsafeRawBufferPointer(start: current.ai_addr, count: Int(current.ai_addrlen))
        found.append((current.ai_family, Array(raw)))
        entry = current.ai_next
      }
      return found
    }
  }

  /// Nil when it is connected.
  private func connect(_ descriptor: Int32, _ bytes: [UInt8], _ end: ContinuousClock.Instant) -> String? {
    let code = bytes.withUnsafeBytes { raw -> Int32 in
      guard let address = raw.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
      return Glibc.connect(descriptor, address, socklen_t(raw.count))
    }
    if code == 0 { return nil }
    guard errno == EINPROGRESS else { return String(cString: strerror(errno)) }
    guard wait(descriptor, POLLOUT, end) else { return "no answer in time" }
    var problem: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size)
    return problem == 0 ? nil : String(cString: strerror(problem))
  }

  private func talk(
    _ descriptor: Int32, _ question: [UInt8], _ isComplete: ([UInt8]) -> Bool, _ end: ContinuousClock.Instant
  ) -> Outcome {
    // Questions are shorter than any socket's buffer.
    guard send(descriptor, question, question.count, Int32(MSG_NOSIGNAL)) == question.count else {
      return .failed(String(cString: strerror(errno)))
    }
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while answer.count < Self.answerMax, !isComplete(answer), wait(descriptor, POLLIN, end) {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count > 0 else { break }
      answer += chunk[..<count]
    }
    return answer.isEmpty ? .failed("no answer") : .answered(answer)
  }

  private func wait(_ descriptor: Int32, _ event: Int32, _ end: ContinuousClock.Instant) -> Bool {
    let left = (end - ContinuousClock.now).milliseconds
    guard left > 0 else { return false }
    var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
    return poll(&entry, 1, Int32(left.rounded(.up))) > 0
  }
}
