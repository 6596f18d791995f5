internal import Base
internal import FoundationEssentials

/// The one JSON document of `--json`.
enum JSONText {
  /// One line of JSON: keys in a fixed order, slashes as they are.
  static func of(_ value: some Encodable) throws(Failure) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(value), as: UTF8.self)
    } catch {
      throw Failure(.internal, "a result could not be written as JSON")
    }
  }
}
