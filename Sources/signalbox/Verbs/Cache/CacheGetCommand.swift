internal import ArgumentParser
internal import Base
internal import ControlPlane

struct CacheGetCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Write a value to standard output, byte for byte; exit 1 when there is none.")

  @OptionGroup var scope: CacheNamespaceOption

  @Argument(help: "The key.")
  var key: String

  @Flag(help: "One JSON document, the value in base64.")
  var json = false

  /// Lines of a value shown on a terminal.
  private static let terminalLinesMax = 1_000_000

  private struct Document: Encodable {
    var key: String
    var valueBase64: String
    var contentType: String
    var createdMilliseconds: Int64
    var expiresMilliseconds: Int64
  }

  func perform(_ call: Invocation) async throws {
    let values = try await withCache(call) { plane in
      guard case .cacheValues(let values) = try await plane.ask(.cacheGet(namespace: scope.namespace, keys: [key]))
      else { throw Failure.wrongAnswer }
      return values
    }
    guard let value = values.first.flatMap(\.self) else {
      throw Failure(.notFound, "there is no value under this key")
    }
    if json {
      return try StandardOutput.say(
        try JSONText.of(
          Document(
            key: value.key, valueBase64: value.value.base64, contentType: value.contentType,
            createdMilliseconds: value.createdMilliseconds, expiresMilliseconds: value.expiresMilliseconds)))
    }
    guard StandardOutput.isTerminal else { return try StandardOutput.write(value.value.bytes) }
    let text = String(decoding: value.value.bytes, as: UTF8.self)
    for line in DisplayText.lines(of: text, max: Self.terminalLinesMax) { try StandardOutput.say(line.text) }
  }
}
