internal import FoundationEssentials

/// What a validator found out about a source; see `FactScripts`.
struct CodeFacts: Sendable, Equatable, Decodable {
  struct Fact: Sendable, Equatable, Decodable {
    var kind: String
    var value: String
    var line: Int
    var column: Int
    /// The dotted name in front of an attribute; after a bar, what follows it.
    var base: String

    init(from decoder: any Decoder) throws {
      var fields = try decoder.unkeyedContainer()
      kind = try fields.decode(String.self)
      value = try fields.decode(String.self)
      line = CodeFacts.place(try fields.decode(Int.self))
      column = CodeFacts.place(try fields.decode(Int.self))
      base = try fields.decode(String.self)
    }
  }

  struct Unreadable: Sendable, Equatable, Decodable {
    var text: String
    var line: Int
    var column: Int

    init(from decoder: any Decoder) throws {
      var fields = try decoder.unkeyedContainer()
      text = try fields.decode(String.self)
      line = CodeFacts.place(try fields.decode(Int.self))
      column = CodeFacts.place(try fields.decode(Int.self))
    }
  }

  /// A line or a column, from 1: whoever reads strangers' programs may have become one.
  fileprivate static func place(_ number: Int) -> Int { min(max(number, 1), 1 << 24) }

  var facts: [Fact]?
  var error: Unreadable?

  /// Nil when the bytes are no answer: the helper reads strangers' programs, so it is not trusted either.
  static func decode(_ bytes: [UInt8]) -> CodeFacts? {
    // Whatever is wrong with the answer, the program could not be checked.
    try? JSONDecoder().decode(CodeFacts.self, from: Data(bytes))
  }
}
