internal import Base
internal import ControlPlane

/// The JSON bodies of the cache routes.
enum CacheDocuments {
  struct BatchGet: Decodable {
    var keys: [String]

    init(from decoder: any Decoder) throws {
      let fields = try StrictFields(decoder, ["keys"])
      keys = try fields.value([String].self, "keys")
    }
  }

  struct BatchSet: Decodable {
    var entries: [Entry]

    init(from decoder: any Decoder) throws {
      let fields = try StrictFields(decoder, ["entries"])
      entries = try fields.value([Entry].self, "entries")
    }
  }

  struct Entry: Decodable {
    var entry: CacheWrite.Entry

    init(from decoder: any Decoder) throws {
      let fields = try StrictFields(
        decoder, ["key", "valueBase64", "contentType", "ttlSeconds", "tags", "dependsOn"])
      let seconds = try fields.optional(Double.self, "ttlSeconds")
      guard let value = Blob(base64: try fields.value(String.self, "valueBase64")) else {
        throw Failure(.invalid, "a valueBase64 is not base64", hint: "RFC 4648, section 4, with padding")
      }
      entry = CacheWrite.Entry(
        key: try fields.value(String.self, "key"), value: value,
        contentType: try fields.optional(String.self, "contentType"),
        timeToLiveMilliseconds: try seconds.map(Self.life),
        tags: try fields.optional([String].self, "tags") ?? [],
        dependsOn: try fields.optional([String].self, "dependsOn") ?? [])
    }

    private static func life(_ seconds: Double) throws(Failure) -> Int64 {
      guard seconds > 0, seconds <= 365 * 86_400 else {
        throw Failure(.invalid, "a ttlSeconds is out of range", hint: "above 0 and at most 365 days")
      }
      return max(1, Int64(seconds * 1_000))
    }
  }

  /// `{"pattern"|"tags"|"event"|"key","project"?,"paths"?,"dryRun"?}`
  struct Invalidate: Decodable {
    static let form = #"{"pattern"|"tags"|"event"|"key","project"?,"paths"?,"dryRun"?}"#

    var strategy: CacheSelection.Strategy
    var isDryRun: Bool

    init(from decoder: any Decoder) throws {
      let fields = try StrictFields(decoder, ["pattern", "tags", "event", "key", "project", "paths", "dryRun"])
      let named = ["pattern", "tags", "event", "key"].filter(fields.has)
      guard named.count == 1 else {
        throw Failure(.invalid, "name exactly one of pattern, tags, event and key", hint: "accepted: \(Self.form)")
      }
      guard named == ["event"] || !(fields.has("project") || fields.has("paths")) else {
        throw Failure(.invalid, "project and paths belong to an event", hint: "accepted: \(Self.form)")
      }
      switch named[0] {
      case "pattern": strategy = .pattern(try fields.value(String.self, "pattern"))
      case "tags": strategy = .tags(try fields.value([String].self, "tags"))
      case "key": strategy = .key(try fields.value(String.self, "key"))
      default: strategy = try Self.event(fields)
      }
      isDryRun = try fields.optional(Bool.self, "dryRun") ?? false
    }

    private static func event(_ fields: StrictFields) throws -> CacheSelection.Strategy {
      guard let event = CacheSelection.Event(rawValue: try fields.value(String.self, "event")) else {
        let known = CacheSelection.Event.allCases.map(\.rawValue).joined(separator: ", ")
        throw Failure(.invalid, "there is no such event", hint: "events: \(known)")
      }
      return .event(
        event, project: try fields.optional(String.self, "project"),
        paths: try fields.optional([String].self, "paths") ?? [])
    }
  }

  /// Of `batch/get`. A key that is not there is only among `missing`.
  struct Values: Encodable {
    struct Value: Encodable {
      var key: String
      var valueBase64: String
      var contentType: String
    }

    var entries: [Value] = []
    var missing: [String] = []
  }

  struct Stored: Encodable {
    var stored: Int
    var reach: CacheWrite.Reach
  }
}

/// The members of a JSON object, of which none may be unknown: a misspelt `dryRun` must not delete anything.
struct StrictFields {
  private struct Name: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private let fields: KeyedDecodingContainer<Name>

  init(_ decoder: any Decoder, _ known: [String]) throws {
    fields = try decoder.container(keyedBy: Name.self)
    guard fields.allKeys.allSatisfy({ known.contains($0.stringValue) }) else {
      throw Failure(.invalid, "the body has an unknown member", hint: "known: \(known.joined(separator: ", "))")
    }
  }

  func has(_ name: String) -> Bool { fields.contains(Name(name)) }

  func value<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
    guard has(name) else { throw Failure(.invalid, "the member \(name) is missing") }
    do { return try fields.decode(type, forKey: Name(name)) } catch let failure as Failure { throw failure } catch {
      throw Failure(.invalid, "the member \(name) has a value of another kind")
    }
  }

  func optional<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value? {
    guard has(name) else { return nil }
    return try value(type, name)
  }
}
