internal import Access
internal import Base
internal import ControlPlane

/// Where credentials are checked: verification is `async` (key sets, signatures), NIO's and our own loops are not. Both
/// leave a request here and are called back. Bounded; when it is full the caller is told to come back.
final class AccessDesk: Sendable {
  static let waitingMax = 16_384
  private static let workers = 4

  private struct Request: Sendable {
    var credentials: RequestCredentials
    var answered: @Sendable (Result<Authenticated, Failure>) -> Void
  }

  private let authenticator: Authenticator
  private let requests: AsyncStream<Request>
  private let inlet: AsyncStream<Request>.Continuation

  init(_ authenticator: Authenticator) {
    self.authenticator = authenticator
    (requests, inlet) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.waitingMax))
  }

  /// `answered` is called on some thread, exactly once.
  func check(
    _ credentials: RequestCredentials, _ answered: @escaping @Sendable (Result<Authenticated, Failure>) -> Void
  ) {
    switch inlet.yield(Request(credentials: credentials, answered: answered)) {
    case .enqueued: break
    case .dropped, .terminated: answered(.failure(Failure(.unavailable, "too many handshakes at once")))
    @unknown default: answered(.failure(Failure(.unavailable, "too many handshakes at once")))
    }
  }

  /// Works until the task is cancelled.
  func run() async {
    await withDiscardingTaskGroup { group in
      for _ in 0..<Self.workers {
        group.addTask {
          for await request in self.requests { request.answered(await self.answer(request.credentials)) }
        }
      }
    }
  }

  func close() { inlet.finish() }

  private func answer(_ credentials: RequestCredentials) async -> Result<Authenticated, Failure> {
    do throws(Failure) {
      return .success(try await authenticator.authenticate(credentials))
    } catch {
      return .failure(error)
    }
  }
}
