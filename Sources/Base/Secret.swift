/// A credential. Every way of turning it into text says only that it is set: a secret can reach a log, a screen or an
/// error only through `reveal()`, which is easy to search for.
public struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  private let value: String

  public init(_ value: String) { self.value = value }

  /// The bytes themselves, for the one place that signs or compares.
  public func reveal() -> String { value }

  /// Length in bytes of UTF-8, for range checks that must not see the text.
  public var byteCount: Int { value.utf8.count }

  public var description: String { "set" }
  public var debugDescription: String { "set" }
  public var customMirror: Mirror { Mirror(self, children: []) }

  /// Takes the same time wherever the two differ.
  public static func == (left: Secret, right: Secret) -> Bool {
    Digest.constantTimeEquals(left.value, right.value)
  }
}
