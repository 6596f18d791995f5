internal import Base
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// An error as RFC 9457 problem details. Thrown by routes and middleware, written by `AccessMiddleware`.
struct ProblemDetails: Error {
  /// Why a request was refused: the bounded label of the metric and the log.
  enum Reason: String, CaseIterable {
    case host, origin, credential, grants, body, head, malformed, slow, streams, route, method, media
    case conflict, unavailable, timeout, miss
    case `internal`
  }

  private struct Document: Encodable {
    var type = "about:blank"
    var title: String
    var status: Int
    var detail: String
    var hint: String?
  }

  var status: HTTPResponse.Status
  var reason: Reason
  var detail: String
  var hint: String?
  var headers = HTTPFields()

  init(_ status: HTTPResponse.Status, _ reason: Reason, _ detail: String, hint: String? = nil) {
    self.status = status
    self.reason = reason
    self.detail = detail
    self.hint = hint
  }

  /// A failure of the node, with the status of its code. `limit` is 429 here: too large a body is found by us.
  init(_ failure: Failure) {
    let status = failure.code == .limit ? .tooManyRequests : Self.status(failure.httpStatus)
    self.init(status, Self.reason(failure.code), failure.message, hint: failure.hint)
    if failure.code == .unauthenticated { headers[.wwwAuthenticate] = "Bearer" }
  }

  /// Any error that left a route. What is not ours is a defect of ours, and shows nothing of itself outside.
  init(error: any Error) {
    switch error {
    case let problem as ProblemDetails: self = problem
    case let failure as Failure: self.init(failure)
    case is NIOTooManyBytesError: self.init(.contentTooLarge, .body, "the request body is too large")
    case is CancellationError: self.init(.serviceUnavailable, .unavailable, "the node is stopping")
    case let error as HTTPError where error.status == .notFound:
      self.init(.notFound, .route, "there is no such route", hint: "see the list of routes in the README")
    default: self.init(.internalServerError, .internal, "the node failed to answer")
    }
  }

  /// The document in bytes.
  func body() -> ByteBuffer {
    let document = Document(title: status.reasonPhrase, status: status.code, detail: detail, hint: hint)
    do {
      return ByteBuffer(bytes: try JSONBody.encoder().encode(document))
    } catch {
      // Five fields of text and a number always encode.
      preconditionFailure("a problem document encodes")
    }
  }

  func response() -> Response {
    var fields = headers
    fields[.contentType] = "application/problem+json"
    return Response(status: status, headers: fields, body: ResponseBody(byteBuffer: body()))
  }

  /// With its words: a status made of its number alone has none.
  private static func status(_ code: Int) -> HTTPResponse.Status {
    let known: [HTTPResponse.Status] = [
      .badRequest, .unauthorized, .forbidden, .notFound, .conflict, .contentTooLarge, .tooManyRequests,
      .internalServerError, .serviceUnavailable, .gatewayTimeout,
    ]
    return known.first { $0.code == code } ?? HTTPResponse.Status(code: code, reasonPhrase: "Error")
  }

  private static func reason(_ code: Failure.Code) -> Reason {
    switch code {
    case .invalid: .malformed
    case .notFound: .route
    case .conflict: .conflict
    case .limit: .streams
    case .timeout: .timeout
    case .unavailable: .unavailable
    case .denied: .grants
    case .unauthenticated: .credential
    case .internal: .internal
    }
  }
}
