internal import HTTPTypes

/// How long the body of a request may be. One rule for the connection, which sees the bytes, and for the door, which
/// sees their announced number.
enum BodyLimit {
  /// By method and path without decoding: a percent-encoded slash is no slash (CONTRACT, HTTP API).
  static func bytesMax(_ method: HTTPRequest.Method, _ target: String, _ settings: APISettings) -> Int {
    let path = target.prefix { $0 != "?" }
    guard path.hasPrefix("/v1/cache/") else { return settings.bodyMax }
    switch method {
    case .put: return settings.cacheValueMax
    case .post where path.hasSuffix("/batch/set"): return settings.cacheBatchMax
    default: return settings.bodyMax
    }
  }
}
