internal import Hummingbird

/// A request whose connection is watched while it is answered: first its body is read, then nothing more comes but the
/// client's leaving. The body must be read inside of the watch, since one that was read before has no end to see, and
/// the watch must be over before the answer is; so it has a task of its own, which `close` ends and awaits.
final class OpenConnection<Value: Sendable>: Sendable {
  private let watch: Task<Void, Never>
  private let read: AsyncStream<Result<Value, any Error>>
  private let left: AsyncStream<Void>
  private let over: AsyncStream<Void>.Continuation

  init(_ request: Request, read body: @escaping @Sendable (Request) async throws -> Value) {
    let (read, tell) = AsyncStream.makeStream(of: Result<Value, any Error>.self, bufferingPolicy: .bufferingOldest(1))
    let (left, leave) = AsyncStream.makeStream(of: Void.self)
    let (ends, over) = AsyncStream.makeStream(of: Void.self)
    (self.read, self.left, self.over) = (read, left, over)
    watch = Task {
      do {
        try await request.body.consumeWithInboundCloseHandler(
          { stream in
            var inner = request
            inner.body = stream
            tell.yield(.success(try await body(inner)))
            for await _ in ends {}
          }, onInboundClosed: { leave.finish() })
      } catch {
        tell.yield(.failure(error))
      }
      leave.finish()
    }
  }

  /// What the body says. When this throws, the watch is over.
  func value() async throws -> Value {
    let result = await withTaskCancellationHandler {
      var first = read.makeAsyncIterator()
      return await first.next()
    } onCancel: {
      watch.cancel()
    }
    guard case .success(let value)? = result else {
      watch.cancel()
      await watch.value
      if case .failure(let error)? = result { throw error }
      throw CancellationError()
    }
    return value
  }

  /// Waits until the client has left, the watch is over, or the task is cancelled.
  func gone() async { for await _ in left {} }

  /// Ends the watch.
  func close() async {
    over.finish()
    watch.cancel()
    await watch.value
  }
}
