/// Puts a bound on how long something may take.
enum Deadline {
  /// Cancels `operation` after `limit` and throws `problem`. It returns when the operation has reacted to the
  /// cancellation, so that nothing of a request outlives it.
  static func run<Value: Sendable>(
    _ limit: Duration, or problem: ProblemDetails, _ operation: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await operation() }
      group.addTask {
        try await Task.sleep(for: limit)
        return nil
      }
      defer { group.cancelAll() }
      guard let first = try await group.next(), let value = first else { throw problem }
      return value
    }
  }
}
