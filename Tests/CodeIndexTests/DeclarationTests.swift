import TestKit
import Testing

@testable import CodeIndex

/// The scanner against the four regular expressions of FORMAT.md, kept here as they stand there.
@Suite struct DeclarationTests {
  private static func find(_ text: String, isTyped: Bool) -> Chunker.Named? {
    Array(text.utf8).withUnsafeBufferPointer { line in
      Declarations.declaration(in: line, isTyped: isTyped).map {
        Chunker.Named(line: 0, indent: $0.indent, name: Declarations.word(line, $0.name))
      }
    }
  }

  @Test(arguments: [
    ("func read()", "read"), ("  public static func make<T>() {", "make"), ("class func shared()", "shared"),
    ("def f(x):", "f"), ("async def g():", "g"), ("func (s *Server) Listen() error {", "Listen"),
    ("impl Foo for Bar {", "Foo"), ("pub(crate) fn run()", "run"), ("macro_rules! vec {", "vec"),
    ("export default class App extends X {", "App"), ("@Test(arguments: [\"a\"]) func checks() {", "checks"),
    ("extension Array where Element: P {", "Array"), ("fun <T> List<T>.last()", nil), ("function(a) {", nil),
    ("let x = 3", nil), ("functional programming", nil), ("// func no()", nil), ("# class no", nil),
    (" * def no", nil), ("type 3", nil), ("", nil), ("   ", nil), ("var a = { func b() }", nil),
    ("struct\tTabbed {", "Tabbed"), ("class", nil), ("class ", nil), ("def (a b", nil), ("enum 日本", nil),
  ])
  func keywordsAnnounceNames(_ line: String, _ name: String?) {
    #expect(Self.find(line, isTyped: false)?.name == name, "\(line)")
  }

  @Test(arguments: [
    ("public static Foo bar(int x,", "bar"), ("int main(int argc, char **argv) {", "main"),
    ("static char *copy(const char *text)", "copy"), ("void Foo::bar(int x) {", nil), ("  return foo(x)", nil),
    ("x = foo(1)", nil), ("foo(1);", nil), ("  async close(): Promise<void> {", "close"), ("  get() {", "get"),
    ("  get name() {", "name"), ("  static (x) {", "static"), ("  if (a) {", nil), ("close() {", nil),
    ("  items.map((a) => {", nil), ("  on(event, function () {", nil), ("  generic<T>(a: T) {", "generic"),
    ("  * values() {", nil), ("export const load = async (path) => {", "load"), ("const a = b => b", "a"),
    ("const f = function () {}", "f"), ("let t: (a: number) => void = (a) => {", nil), ("const x = 5", nil),
    ("const g = (a): string => a", "g"), ("var h = async => 1", "h"), ("  } catch (e) {", nil),
    ("  else if (x) {", nil), ("List<String> names() {", "names"), ("  constructor(a) {", nil),
    ("unsigned $get (", "$get"), ("  wide(a, b): { x: number } {", nil), ("", nil), ("(", nil), ("int (", nil),
  ])
  func typedLanguagesNeedNoKeyword(_ line: String, _ name: String?) {
    #expect(Self.find(line, isTyped: true)?.name == name, "\(line)")
  }

  @Test func indentsHaveTabStopsEveryFour() {
    #expect(Self.find("\tdef a():", isTyped: false)?.indent == 4)
    #expect(Self.find("  \t def a():", isTyped: false)?.indent == 5)
  }

  @Test func longLinesDeclareNothing() {
    let name = String(repeating: "a", count: 290)
    #expect(Self.find("func \(name)", isTyped: false)?.name == name)
    #expect(Self.find("func \(name)aaaaaa", isTyped: false) == nil)
  }

  private static let keywordText =
    ##"^(\s*)(?:[\w@(),.:*&<>\[\]"' ]*?\s)?(?:func|fun|def|class|struct|enum|protocol|extension|actor|i"##
    + ##"nterface|type|fn|trait|impl|mod|function|module|namespace|macro_rules!)\s+(?:\([^)]*\)\s*)?([A-Z"##
    + ##"a-z_]\w*)"##
  private static let typedText =
    ##"^(\s*)(?!(?:return|await|new|throw|else|case|if|for|while|switch|do|yield|in|of|delete|typeof|go"##
    + ##"to|assert|import|using|package|#\w+)\b)(?:[\w<>\[\],.?&*@:~$]+\s+)+[*&]*([A-Za-z_$]\w*)\s*\([^;="##
    + ##"]*$"##
  private static let methodText =
    ##"^(\s+)(?:async\s+|static\s+|get\s+|set\s+|\*\s*)*([A-Za-z_$]\w*)\s*(?:<[^>]*>)?\((?![^;]*(?:=>|"##
    + ##"\bfunction\b))[^;]*\)\s*(?::\s*[^={]+)?\{\s*$"##
  private static let arrowText =
    ##"^(\s*)(?:export\s+)?(?:const|let|var)\s+([A-Za-z_$]\w*)\s*(?::[^=]+)?="##
    + ##"\s*(?:async\s*)?(?:function\b|\([^)]*\)\s*(?::[^=]+)?=>|\w+\s*=>)"##
  private static let notNames: Set<String> = [
    "if", "for", "while", "switch", "catch", "function", "return", "constructor", "do", "else", "with", "using", "lock",
    "fixed", "synchronized", "try", "sizeof", "new", "await",
  ]

  private struct Expressions {
    typealias Rule = Regex<(Substring, Substring, Substring)>
    var keyword, typed, method, arrow: Rule

    init() throws {
      let rules = try [
        DeclarationTests.keywordText, DeclarationTests.typedText, DeclarationTests.methodText,
        DeclarationTests.arrowText,
      ].map { text in
        // The rules' `\b` is that of ASCII words: Unicode's (UAX 29) has none within `if:int`.
        try Rule(text).asciiOnlyCharacterClasses().wordBoundaryKind(.simple)
      }
      (keyword, typed, method, arrow) = (rules[0], rules[1], rules[2], rules[3])
    }
  }

  /// The rules by the regex engine.
  private func slow(_ line: String, _ rules: Expressions) -> String? {
    let content = line.drop { $0.isWhitespace }
    guard !content.isEmpty, !["//", "/*", "*", "#"].contains(where: { content.hasPrefix($0) }) else { return nil }
    if let match = line.firstMatch(of: rules.keyword) { return String(match.2) }
    if content.contains("(") {
      let name =
        line.firstMatch(of: rules.typed).map { String($0.2) } ?? line.firstMatch(of: rules.method).map { String($0.2) }
      if let name, !Self.notNames.contains(name) { return name }
    }
    guard content.contains("=") else { return nil }
    return line.firstMatch(of: rules.arrow).map { String($0.2) }
  }

  /// Random lines put together from what the rules are about.
  @Test func theScannerAcceptsWhatTheExpressionsAccept() throws {
    let parts = [
      "func", "class", "def", "type", "static", "async", "get", "set", "const", "let", "export", "function", "return",
      "if", "new", "foo", "Bar", "x1", "$y", "macro_rules!", " ", " ", " ", "  ", "\t", "(", "(", ")", "<", ">", "{",
      " {", "=", "=>", ":", ",", ";", "*", "&", "#", "\"", "-", "[", "]", "int", "await", "constructor",
    ]
    let rules = try Expressions()
    SeededRandom.run { random in
      var found = 0
      for _ in 0..<12_000 {
        let count = Int.random(in: 1...12, using: &random)
        let line = (0..<count).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
        let expected = slow(line, rules)
        found += expected == nil ? 0 : 1
        #expect(Self.find(line, isTyped: true)?.name == expected, "\(line.debugDescription) \(random)")
      }
      #expect(found > 100)
    }
  }
}
