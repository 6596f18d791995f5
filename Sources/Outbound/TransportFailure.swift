internal import AsyncHTTPClient
internal import Base
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// What the client's errors mean to somebody who knows neither it nor NIO.
enum TransportFailure {
  static func reason(_ error: any Error, isCancelled: Bool, url: String) -> HTTP.Problem {
    if let error = error as? HTTP.Problem, error != .cancelled { return error }
    if isCancelled || error is CancellationError { return .cancelled }
    switch error {
    case let error as HTTPClientError: return reason(error, server(url))
    case is NIOConnectionError: return .unreachable("nobody answers at \(server(url))")
    case let error as IOError: return reason(error, server(url))
    case is HTTPParserError:
      return .interrupted("\(server(url)) does not speak HTTP, or stopped in the middle of an answer")
    case let error as ChannelError: return reason(error, server(url))
    default:
      // The TLS library's errors are behind another wall; their texts name certificates and alerts, and no secret.
      return .unreachable("cannot talk to \(server(url)): \(text(error))")
    }
  }

  private static func reason(_ error: HTTPClientError, _ server: String) -> HTTP.Problem {
    switch error {
    case .invalidURL, .emptyHost, .emptyScheme, .missingSocketPath: .invalidRequest("its URL names no server")
    case .cancelled, .requestStreamCancelled: .cancelled
    case .deadlineExceeded, .readTimeout, .writeTimeout: .timeout
    case .connectTimeout: .unreachable("\(server) does not answer")
    case .tlsHandshakeTimeout: .unreachable("\(server) does not finish the TLS handshake")
    case .getConnectionFromPoolTimeout: .timeout
    case .remoteConnectionClosed, .uncleanShutdown: .interrupted("\(server) closed the connection")
    case .alreadyShutdown: .unreachable("this node is stopping")
    default:
      // The short description never carries what the caller or the server sent.
      .invalidRequest(error.shortDescription)
    }
  }

  private static func reason(_ error: IOError, _ server: String) -> HTTP.Problem {
    switch error.errnoCode {
    case ECONNREFUSED: .unreachable("nobody answers at \(server)")
    case ECONNRESET, EPIPE: .interrupted("\(server) closed the connection")
    default: .unreachable("cannot reach \(server): \(String(cString: strerror(error.errnoCode)))")
    }
  }

  private static func reason(_ error: ChannelError, _ server: String) -> HTTP.Problem {
    switch error {
    case .connectTimeout: .unreachable("\(server) does not answer")
    case .writeHostUnreachable, .unknownLocalAddress: .unreachable("cannot reach \(server)")
    default: .interrupted("\(server) closed the connection")
    }
  }

  /// At most 200 characters of the first line.
  private static func text(_ error: any Error) -> String {
    String(String(describing: error).prefix { $0 != "\n" }.prefix(200))
  }

  /// Host and port, or the socket's path: never a user, a path or a query.
  static func server(_ url: String) -> String {
    guard let start = url.firstRange(of: "://")?.upperBound else { return "the server" }
    let authority = url[start...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
    return host.isEmpty ? "the server" : String(host.replacing("%2F", with: "/"))
  }
}
