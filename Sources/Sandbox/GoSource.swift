/// What validation needs to know of a Go source, read with the tokens of the language's specification (The Go
/// Programming Language Specification, "Lexical elements" and "Source file organization").
///
/// A source file is a package clause, then its imports, then everything else: the compiler takes no import after the
/// first other declaration. So what a file imports is known without its statements being parsed; of those, only
/// selectors of imported packages are looked at (`os.StartProcess`).
struct GoSource: Sendable, Equatable {
  struct Place: Sendable, Equatable {
    var line: Int
    /// In bytes, from 1.
    var column: Int
  }

  struct Import: Sendable, Equatable {
    /// The name it is used by: `.`, `_`, one of its own, or the last part of its path.
    var name: String
    var path: String
    var place: Place
  }

  struct Selector: Sendable, Equatable {
    /// The import's path.
    var package: String
    var name: String
    var place: Place
  }

  var imports: [Import] = []
  var selectors: [Selector] = []
  /// `go:linkname` and `go:cgo_…` comments, which reach past what can be imported.
  var directives: [(name: String, place: Place)] = []
  /// Why the imports could not be read.
  var objection: (text: String, place: Place)?

  static func == (left: GoSource, right: GoSource) -> Bool {
    left.imports == right.imports && left.selectors == right.selectors
      && left.directives.map(\.name) == right.directives.map(\.name) && left.objection?.text == right.objection?.text
  }

  init(_ text: String) {
    var tokens = GoTokens(text)
    readHead(&tokens)
    if objection == nil { readRest(&tokens) }
    directives = tokens.directives
  }

  private mutating func readHead(_ tokens: inout GoTokens) {
    guard tokens.next() == .name("package"), case .name = tokens.next() else {
      objection = ("a Go program begins with a package clause", tokens.place)
      return
    }
    var token = tokens.next()
    while token == .mark(";") { token = tokens.next() }
    while token == .name("import") {
      guard readImport(&tokens) else {
        objection = ("an import that cannot be read", tokens.place)
        return
      }
      token = tokens.next()
      while token == .mark(";") { token = tokens.next() }
    }
    pending = token
  }

  /// The first token after the imports.
  private var pending: GoTokens.Token = .end

  private mutating func readImport(_ tokens: inout GoTokens) -> Bool {
    var token = tokens.next()
    guard token == .mark("(") else { return readSpecification(token, &tokens) }
    token = tokens.next()
    while token != .mark(")") {
      if token != .mark(";"), !readSpecification(token, &tokens) { return false }
      token = tokens.next()
    }
    return true
  }

  private mutating func readSpecification(_ first: GoTokens.Token, _ tokens: inout GoTokens) -> Bool {
    let place = tokens.place
    switch first {
    case .text(let path):
      imports.append(Import(name: String(path.split(separator: "/").last ?? ""), path: path, place: place))
      return true
    case .name(let name):
      guard case .text(let path) = tokens.next() else { return false }
      imports.append(Import(name: name, path: path, place: place))
      return true
    case .mark("."):
      guard case .text(let path) = tokens.next() else { return false }
      imports.append(Import(name: ".", path: path, place: place))
      return true
    default: return false
    }
  }

  private static let selectorsMax = 10_000

  private mutating func readRest(_ tokens: inout GoTokens) {
    let paths = Dictionary(imports.map { ($0.name, $0.path) }) { first, _ in first }
    var before = GoTokens.Token.end
    var token = pending
    while token != .end {
      if case .name(let name) = token, before != .mark("."), let path = paths[name] {
        let place = tokens.place
        before = token
        token = tokens.next()
        guard token == .mark(".") else { continue }
        before = token
        token = tokens.next()
        if case .name(let member) = token, selectors.count < Self.selectorsMax {
          selectors.append(Selector(package: path, name: member, place: place))
        }
        continue
      }
      before = token
      token = tokens.next()
    }
    pending = .end
  }
}
