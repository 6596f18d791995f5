internal import ArgumentParser
internal import Base
internal import ControlPlane

struct CacheSetCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Write a value, from the argument or from standard input.")

  @OptionGroup var scope: CacheNamespaceOption

  @Argument(help: "The key.")
  var key: String

  @Argument(help: "The value; standard input when left out.")
  var value: String?

  @Option(help: "Time to live: 30s, 5m, 2h, 7d; a plain number means seconds.")
  var ttl: String?

  @Option(help: "Tags, comma-separated.")
  var tags: String?

  @Option(help: "Keys of the same namespace this value is made from, comma-separated.")
  var dependsOn: String?

  @Option(help: "Media type; text/plain for an argument, application/octet-stream for standard input.")
  var contentType: String?

  @Flag(help: "One JSON document.")
  var json = false

  private struct Document: Encodable {
    var key: String
    var bytes: Int
    var reach: CacheWrite.Reach
  }

  func perform(_ call: Invocation) async throws {
    let life = try ttl.map { text throws(Failure) in try Self.life(text) }
    let bytes = try value.map { Array($0.utf8) } ?? StandardInput.read(bytesMax: CacheCommand.valueBytesMax)
    let entry = CacheWrite.Entry(
      key: key, value: Blob(bytes), contentType: contentType ?? (value == nil ? nil : "text/plain; charset=utf-8"),
      timeToLiveMilliseconds: life, tags: Self.list(tags), dependsOn: Self.list(dependsOn))
    let write = CacheWrite(namespace: scope.namespace, entries: [entry])
    let reach = try await withCache(call) { plane in
      guard case .cacheStored(let reach) = try await plane.perform(.cacheSet(write)).result else {
        throw Failure.wrongAnswer
      }
      return reach
    }
    if json { return try StandardOutput.say(try JSONText.of(Document(key: key, bytes: bytes.count, reach: reach))) }
    let place = reach == .stored ? "" : ", on this node only: Redis is away"
    try StandardOutput.say("stored \(Quantity.describe(bytes: Int64(bytes.count)))\(place)")
  }

  private static func life(_ text: String) throws(Failure) -> Int64 {
    guard let life = Quantity.milliseconds(text), (1...365 * 86_400_000).contains(life) else {
      throw Failure(
        .invalid, "--ttl '\(DisplayText(text).truncated(to: 80))' must be a time such as 30s, 5m or 7d, at most 365d")
    }
    return life
  }

  private static func list(_ text: String?) -> [String] {
    text.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? []
  }
}
