internal import Base

/// A line that comes up above the footer. What failed stays until a key is pressed; the rest goes by itself.
struct Toast: Sendable, Equatable {
  enum Kind: Sendable, Equatable {
    case done, refused, failed
  }

  /// Milliseconds that a toast stays which does not tell of a failure.
  static let lifetime: Int64 = 4_000
  /// Toasts on the screen at once; older ones go.
  static let shownMax = 3

  let kind: Kind
  let text: String
  let bornAt: Int64

  /// When it goes by itself; nil when only a key sends it away.
  var endsAt: Int64? { kind == .failed ? nil : bornAt + Self.lifetime }
}
