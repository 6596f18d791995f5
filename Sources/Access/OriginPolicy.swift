/// Which web pages may call. A browser sends `Origin` with every request that a page of another origin causes, and
/// programs that are no browser send none; so a missing `Origin` is no page, and a foreign one is refused (403).
public struct OriginPolicy: Sendable {
  public enum Decision: Sendable, Equatable {
    /// No `Origin`: not called by a foreign page.
    case absent
    /// The page was served by this very address.
    case same
    /// Named by `CORS_ORIGIN`; the value of `Access-Control-Allow-Origin`.
    case allowed(headerValue: String)
    case foreign
  }

  private let origins: CORSOrigins

  public init(_ origins: CORSOrigins) { self.origins = origins }

  /// `host`: the request's `Host`. `scheme`: `http`, or what a trusted proxy says it was called by.
  public func decide(origin: String?, host: String?, scheme: String = "http") -> Decision {
    guard let origin else { return .absent }
    let parsed = WebOrigin(origin.trimmingBlanks())
    if let parsed, let host, parsed == WebOrigin(scheme: scheme, authority: host) { return .same }
    switch origins {
    case .sameOriginOnly: return .foreign
    case .any: return .allowed(headerValue: "*")
    case .list(let allowed):
      guard let parsed, allowed.contains(parsed.description) else { return .foreign }
      return .allowed(headerValue: parsed.description)
    }
  }
}
