public import ControlPlane

typealias Violation = RunResult.Violation

/// A run that has ended: its document, and what the document has no room for.
@dynamicMemberLookup
public struct SandboxRun: Sendable, Equatable {
  public var result: RunResult
  /// Of `result.files`, in their order; nil for one that was too large to be handed over.
  public var contents: [[UInt8]?] = []
  /// Whether an interpreter was already up and waited for the program.
  public var isWarm = false

  init(_ result: RunResult) { self.result = result }

  public subscript<Value>(dynamicMember field: KeyPath<RunResult, Value>) -> Value { result[keyPath: field] }

  subscript<Value>(dynamicMember field: WritableKeyPath<RunResult, Value>) -> Value {
    get { result[keyPath: field] }
    set { result[keyPath: field] = newValue }
  }

  /// The content of one file, by its name; nil when it is not there.
  func content(_ path: String) -> [UInt8]? {
    guard let index = result.files.firstIndex(where: { $0.path == path }) else { return nil }
    return contents[index]
  }
}

/// What happens while a run goes on.
public enum RunEvent: Sendable, Equatable {
  case started
  case stdout([UInt8])
  case stderr([UInt8])
}
