internal import Synchronization

/// Values that several tasks or callbacks hand in, in the order in which they came.
public final class Collected<Value: Sendable>: Sendable {
  private let state = Mutex<[Value]>([])

  public init() {}

  public func append(_ value: Value) { state.withLock { $0.append(value) } }

  public var values: [Value] { state.withLock { $0 } }
  public var count: Int { state.withLock { $0.count } }
}
