public import Base

/// `CORS_ORIGIN`: which foreign web pages may call.
public enum CORSOrigins: Sendable, Equatable {
  case sameOriginOnly
  case any
  /// Normalised origins (`scheme://host[:port]`, lower case, without the scheme's own port).
  case list([String])

  /// Reads `*` or a comma-separated list. Throws `invalid`, naming the entry, for anything that is no origin.
  public init(_ text: String) throws(Failure) {
    let entries = text.split(separator: ",").map { $0.trimmingBlanks() }.filter { !$0.isEmpty }
    if entries == ["*"] {
      self = .any
      return
    }
    var origins: [String] = []
    for entry in entries {
      guard let origin = WebOrigin(entry) else {
        throw Failure(
          .invalid, "\"\(DisplayText(entry).truncated(to: 64))\" is no web origin",
          hint: "accepted: * alone, or a list such as https://app.example.com,http://localhost:5173")
      }
      origins.append(origin.description)
    }
    self = origins.isEmpty ? .sameOriginOnly : .list(origins)
  }
}
