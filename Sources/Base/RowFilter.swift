/// Something that a list's rows can be asked for by its name.
public struct RowField<Row>: Sendable {
  public enum Value: Sendable {
    /// Whether one of the row's texts fits; a visit makes no list of them.
    case texts(@Sendable (Row, (String) -> Bool) -> Bool)
    /// Nil while the row has none.
    case number(@Sendable (Row) -> Double?)
  }

  public let name: String
  public let value: Value
  /// Whether words without a field's name are looked for here.
  public let isSearched: Bool

  public init(_ name: String, isSearched: Bool = true, _ text: @escaping @Sendable (Row) -> String?) {
    self.init(name, isSearched: isSearched, any: { row, fits in text(row).map(fits) ?? false })
  }

  public init(
    _ name: String, isSearched: Bool = true, any texts: @escaping @Sendable (Row, (String) -> Bool) -> Bool
  ) {
    self.name = name
    self.isSearched = isSearched
    value = .texts(texts)
  }

  public init(_ name: String, number: @escaping @Sendable (Row) -> Double?) {
    self.name = name
    isSearched = false
    value = .number(number)
  }
}

/// Which rows of a list a person wants to see, in the one grammar that every list has: text that a row must contain,
/// `re:` a regular expression over it, `field=value` one field (a part of it, or all of it when `*` or `?` stand in the
/// value), `field>number` or `field<number` for what is counted (`queue>64K`), and `!` in front of any of them for the
/// rows that do not match. Several, with spaces between them, must all hold; quotes hold words together:
/// `"is away"`, `re:"a b"`. Letter case never matters.
public struct RowFilter<Row> {
  /// What the rows of one list can be asked for.
  public struct Language: Sendable {
    public let fields: [RowField<Row>]
    /// The row as one line: what a regular expression sees.
    public let line: @Sendable (Row) -> String
    /// The field of a name that is in no list, such as a key of a record's metadata; nil: other names are refused.
    public let other: (@Sendable (Row, String) -> String?)?

    public init(
      _ fields: [RowField<Row>], line: @escaping @Sendable (Row) -> String,
      other: (@Sendable (Row, String) -> String?)? = nil
    ) {
      self.fields = fields
      self.line = line
      self.other = other
    }
  }

  private enum Test {
    case contains(FoldedText)
    case pattern(PosixPattern)
    case part(@Sendable (Row, (String) -> Bool) -> Bool, FoldedText)
    case glob(@Sendable (Row, (String) -> Bool) -> Bool, Glob)
    case above(@Sendable (Row) -> Double?, Double)
    case below(@Sendable (Row) -> Double?, Double)
  }

  /// As it was typed.
  public let source: String
  /// The fields that it names.
  public let named: Set<String>
  private let language: Language
  private let tests: [(test: Test, isInverted: Bool)]

  /// Nil for text that asks for nothing; throws `invalid` or `limit`.
  public static func parse(_ source: String, _ language: Language) throws(Failure) -> RowFilter? {
    guard source.utf8.count <= FilterRule.bytesMax else {
      throw Failure(.limit, "the filter is longer than \(FilterRule.bytesMax) bytes")
    }
    let terms = FilterTerm.terms(of: source)
    guard terms.count <= FilterRule.termsMax else {
      throw Failure(.limit, "the filter has more than \(FilterRule.termsMax) terms")
    }
    var tests: [(test: Test, isInverted: Bool)] = []
    var named: Set<String> = []
    for term in terms {
      tests.append((try test(term, language), term.isInverted))
      if case .field(let name, _, _) = term.meaning { named.insert(name) }
    }
    return tests.isEmpty ? nil : RowFilter(source: source, named: named, language: language, tests: tests)
  }

  private static func test(_ term: FilterTerm, _ language: Language) throws(Failure) -> Test {
    switch term.meaning {
    case .text(let text): return .contains(FoldedText(text))
    case .pattern(let source): return .pattern(try PosixPattern(source))
    case .field(let name, let sign, let value):
      if sign != .equal { return try comparison(name, sign, value, term.text, language) }
      guard let field = language.fields.first(where: { $0.name == name }) else {
        guard let other = language.other else { throw unknown(name, language) }
        return .part({ row, fits in other(row, name).map(fits) ?? false }, FoldedText(value))
      }
      switch field.value {
      case .texts(let texts):
        return value.contains { "*?".contains($0) } ? .glob(texts, try glob(value)) : .part(texts, FoldedText(value))
      case .number:
        throw Failure(.invalid, "the filter's \(name) is a number", hint: "compare it: \(name)>100 or \(name)<100")
      }
    }
  }

  /// A pattern says itself what is wrong with it, but not where it stands.
  private static func glob(_ value: String) throws(Failure) -> Glob {
    do throws(Failure) { return try Glob(value.lowercased()) } catch {
      throw Failure(.invalid, "the filter's value '\(DisplayText(value).truncated(to: 40))': \(error.message)")
    }
  }

  private static func comparison(
    _ name: String, _ sign: FilterTerm.Sign, _ value: String, _ text: String, _ language: Language
  ) throws(Failure) -> Test {
    let numbers = language.fields.compactMap { field in
      if case .number(let number) = field.value { (field.name, number) } else { nil }
    }
    // Where nothing is counted, the sign is a letter like others.
    guard !numbers.isEmpty else { return .contains(FoldedText(text)) }
    guard let measure = numbers.first(where: { $0.0 == name })?.1 else {
      let known = numbers.map(\.0).joined(separator: ", ")
      throw Failure(
        .invalid, "the filter compares '\(DisplayText(name).truncated(to: 40))'", hint: "what can be compared: \(known)"
      )
    }
    guard let number = FilterRule.number(value) else {
      throw Failure(.invalid, "the filter compares \(name) with no number", hint: "such as \(name)>100")
    }
    return sign == .above ? .above(measure, number) : .below(measure, number)
  }

  private static func unknown(_ name: String, _ language: Language) -> Failure {
    let known = language.fields.map(\.name).filter { !$0.isEmpty }.joined(separator: ", ")
    return Failure(
      .invalid, "the filter names the field '\(DisplayText(name).truncated(to: 40))'", hint: "fields: \(known)")
  }

  public func matches(_ row: Row) -> Bool {
    tests.allSatisfy { isHit($0.test, row) != $0.isInverted }
  }

  private func isHit(_ test: Test, _ row: Row) -> Bool {
    switch test {
    case .contains(let wanted):
      language.fields.contains { field in
        guard field.isSearched, case .texts(let texts) = field.value else { return false }
        return texts(row) { wanted.isPart(of: $0) }
      }
    case .pattern(let pattern): pattern.matches(language.line(row))
    case .part(let texts, let wanted): texts(row) { wanted.isPart(of: $0) }
    case .glob(let texts, let glob): texts(row) { glob.matches($0.lowercased()) }
    case .above(let number, let bound): number(row).map { $0 > bound } ?? false
    case .below(let number, let bound): number(row).map { $0 < bound } ?? false
    }
  }
}

/// Bounds of every filter.
public enum FilterRule {
  /// Bytes of the longest filter, and terms in one.
  public static let bytesMax = 512
  public static let termsMax = 8

  /// `64K` as well as `0.5`.
  static func number(_ text: String) -> Double? {
    if let whole = Quantity.bytes(text) { return Double(whole) }
    guard let number = Double(text), number.isFinite else { return nil }
    return number
  }
}

/// One term of a filter, before it is known which list it is for.
struct FilterTerm: Equatable {
  enum Sign: Equatable {
    case equal, above, below
  }

  enum Meaning: Equatable {
    case text(String)
    case pattern(String)
    case field(name: String, Sign, value: String)
  }

  /// Without its `!`.
  let text: String
  let isInverted: Bool
  let meaning: Meaning

  /// What the words of a filter mean; words that ask for nothing are none.
  static func terms(of source: String) -> [FilterTerm] {
    var terms: [FilterTerm] = []
    var rest = source[...]
    while true {
      rest = rest.drop { $0 == " " }
      guard !rest.isEmpty else { return terms }
      let isInverted = rest.first == "!"
      if isInverted { rest = rest.dropFirst() }
      let word = takeWord(&rest)
      if !word.isEmpty { terms.append(FilterTerm(text: word, isInverted: isInverted, meaning: meaning(of: word))) }
    }
  }

  /// Up to the next space. A quote at the beginning of a word or of a value goes on to the quote that ends a word; one
  /// that is nowhere closed so is a letter like others.
  private static func takeWord(_ rest: inout Substring) -> String {
    let plain = rest.prefix { $0 != " " }
    if let open = plain.firstIndex(of: "\"") {
      let before = plain[..<open]
      let inner = rest[rest.index(after: open)...]
      let close = inner.indices.first { index in
        let next = inner.index(after: index)
        return inner[index] == "\"" && (next == inner.endIndex || inner[next] == " ")
      }
      if let close, before.isEmpty || before == "re:" || before.last == "=" {
        rest = inner[inner.index(after: close)...]
        return String(before + inner[..<close])
      }
    }
    rest = rest[plain.endIndex...]
    return String(plain)
  }

  private static func meaning(of word: String) -> Meaning {
    if word.hasPrefix("re:") { return .pattern(String(word.dropFirst(3))) }
    guard let index = word.firstIndex(where: { "=<>".contains($0) }), isName(word[..<index]) else {
      return .text(word)
    }
    let sign: Sign = word[index] == "=" ? .equal : word[index] == ">" ? .above : .below
    return .field(name: word[..<index].lowercased(), sign, value: String(word[word.index(after: index)...]))
  }

  private static func isName(_ text: Substring) -> Bool {
    guard let first = text.utf8.first, (97...122).contains(first | 32) else { return false }
    return text.utf8.allSatisfy { byte in
      (97...122).contains(byte | 32) || (48...57).contains(byte) || [45, 46, 95].contains(byte)
    }
  }
}

/// A text to be looked for without regard to the case of ASCII letters; other bytes are compared as they are.
struct FoldedText {
  private let bytes: [UInt8]

  init(_ text: String) { bytes = text.utf8.map(Self.fold) }

  private static func fold(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 32 : byte }

  func isPart(of text: String) -> Bool {
    guard let first = bytes.first else { return true }
    var text = text
    return text.withUTF8 { text in
      guard text.count >= bytes.count else { return false }
      for start in 0...(text.count - bytes.count) where Self.fold(text[start]) == first {
        var length = 1
        while length < bytes.count, Self.fold(text[start + length]) == bytes[length] { length += 1 }
        if length == bytes.count { return true }
      }
      return false
    }
  }
}
