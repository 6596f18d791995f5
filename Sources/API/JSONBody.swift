internal import Base
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// JSON in and out.
enum JSONBody {
  static func encoder() -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }

  static func response(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
    let bytes = try encoder().encode(value)
    return Response(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// Reads the whole body as `Value`. Throws 415 unless it is announced as JSON, 413 past `bytesMax`, 408 when it takes
  /// longer than `limit`, and 400 when it does not fit.
  static func read<Value: Decodable & Sendable>(
    _ type: Value.Type, from request: Request, bytesMax: Int, within limit: Duration, expected: String
  ) async throws -> Value {
    let bytes = try await bytes(of: request, bytesMax: bytesMax, within: limit)
    return try decode(type, from: bytes, expected: expected)
  }

  /// The body as it came, once it is announced as JSON. Throws 415, 413 and 408 as `read` does.
  static func bytes(of request: Request, bytesMax: Int, within limit: Duration) async throws -> [UInt8] {
    let media = request.headers[.contentType]?.split(separator: ";").first.map(String.init) ?? ""
    guard media.lowercased().filter({ $0 != " " && $0 != "\t" }) == "application/json" else {
      throw ProblemDetails(
        .unsupportedMediaType, .media, "this route takes JSON", hint: "send the header Content-Type: application/json")
    }
    let slow = ProblemDetails(.requestTimeout, .slow, "the request body did not arrive in time")
    let buffer = try await Deadline.run(limit, or: slow) { try await request.body.collect(upTo: bytesMax) }
    return Array(buffer.readableBytesView)
  }

  /// Throws 400 when the bytes do not fit.
  static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8], expected: String) throws -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: Data(bytes))
    } catch let failure as Failure {
      throw failure
    } catch {
      throw ProblemDetails(.badRequest, .malformed, "the body is not the JSON this route takes", hint: expected)
    }
  }
}
