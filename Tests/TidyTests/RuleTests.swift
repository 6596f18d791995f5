import Testing

/// Each rule is given something to object to and something to let pass: a rule that cannot fail protects nothing.
@Suite struct RuleTests {
  private func sample(_ text: String, _ path: String = "Sources/Base/Sample.swift") -> SourceFile {
    SourceFile(path: path, text: text)
  }

  private func lines(_ count: Int) -> String { String(repeating: "    work()\n", count: count) }

  @Test(arguments: [
    "func f() {", "  init(a: Int) {", "  deinit {", "  subscript(i: Int) -> Int {", "  var x: [String: (Int) -> Int] {",
    "func f(\n  a: () -> Void = {}\n) async throws\n  -> Int where T: P {", "func a()\n  func f() {",
    "static func + (a: Int, b: Int) -> Int {",
  ])
  func aLongBodyIsFound(_ opening: String) {
    let text = "struct A {\n\(opening)\n\(lines(60))}\n}\n"
    #expect(FunctionLength.findings(sample(text)).count == 1)
  }

  @Test func shortBodiesAndLongTypesPass() {
    let brace = "\"}{\" + \"\"\"\n  { \\(\"}\" + f({ 1 })) {\n  \"\"\" + #\"{\"#  // {\n /* { /* { */ */"
    let functions = (0..<30).map { "  func f\($0)() {\n    let text = \(brace)\n  }\n" }.joined()
    #expect(FunctionLength.findings(sample("struct A {\n\(functions)}\n")).isEmpty)
    let calls = "struct A {\n  let a = B.init\n  var b = [1]\n" + String(repeating: "  let c = 1\n", count: 80) + "}\n"
    #expect(FunctionLength.findings(sample(calls)).isEmpty)
    let requirements = "protocol P {\n" + String(repeating: "  func f() async throws -> Int\n", count: 80) + "}\n"
    #expect(FunctionLength.findings(sample(requirements)).isEmpty)
    #expect(FunctionLength.findings(sample("func f() {\n\(lines(58))}\n")).isEmpty)
    #expect(FunctionLength.findings(sample("func f() {\n\(lines(59))}\n")).count == 1)
  }

  @Test func longFilesAndLinesAreFound() {
    #expect(Layout.sizes(sample(String(repeating: "x\n", count: 500))).isEmpty)
    #expect(Layout.sizes(sample(String(repeating: "x\n", count: 501))).count == 1)
    #expect(Layout.sizes(sample("x\n" + String(repeating: "y", count: 121))).map(\.line) == [2])
    #expect(Layout.sizes(sample(String(repeating: "é", count: 120))).isEmpty)
  }

  /// Row: room, module, whether the wall lets it through.
  @Test(arguments: [
    ("Console", "CNcurses", true), ("API", "CNcurses", false), ("Access", "CSockets", true),
    ("Base", "CSockets", false),
    ("Base", "Crypto", true), ("API", "Crypto", false), ("Access", "JWTKit", true), ("API", "JWTKit", false),
    ("API", "Hummingbird", true), ("EngineRoom", "Hummingbird", false), ("EngineRoom", "NIOPosix", true),
    ("API", "NIOPosix", false), ("Bench", "GRDB", true), ("Telemetry", "GRDB", false),
    ("Gateway", "AsyncHTTPClient", false), ("Base", "Telemetry", true), ("Base", "Bench", false),
    ("Bench", "Cache", false), ("API", "Bench", false), ("API", "ControlSocket", false), ("Gateway", "API", false),
    ("EngineRoom", "Gateway", true), ("EngineRoom", "signalbox", false), ("signalbox", "EngineRoom", true),
    ("Base", "Glibc", true), ("SocketProtocol", "Glibc", false), ("SocketProtocol", "Base", true),
    ("Access", "TestKit", false), ("Base", "Testing", false), ("Unknown", "Base", false), ("TestKit", "Base", true),
    ("TestKit", "API", false), ("Base", "ArgumentParser", false),
  ])
  func wallsStandWhereThePlanHasThem(_ room: String, _ module: String, _ passes: Bool) {
    #expect((ImportWalls.objection(room: room, module: module) == nil) == passes)
  }

  @Test(arguments: [
    "import Hummingbird", "public import Hummingbird", "@preconcurrency import Hummingbird",
    "import struct Hummingbird.Router",
    "  internal import Hummingbird.Sub", "import Glibc; import Hummingbird",
  ])
  func everyFormOfImportIsSeen(_ statement: String) {
    #expect(ImportWalls.findings(sample("// first\n\(statement)\n")).map(\.line) == [2])
  }

  @Test func importsInCommentsAndStringsAreNone() {
    #expect(ImportWalls.findings(sample("// import Hummingbird\nlet a = \"import JWTKit\"\n")).isEmpty)
  }

  @Test(arguments: [
    "final class A: @unchecked Sendable {}", "nonisolated(unsafe) var a = 1", "@preconcurrency import B",
    "let a = unsafeBitCast(b, to: C.self)",
  ])
  func uncheckedPromisesAreFound(_ line: String) {
    #expect(ForbiddenWords.unchecked(sample("let ok = 1\n\(line)\n")).map(\.line) == [2])
    #expect(ForbiddenWords.unchecked(sample("// \(line)\n")).isEmpty)
  }

  @Test(arguments: [
    "let a = b!", "let a = b![0]", "let a = b()!.c", "let a = b[0]!", "let a = \"\\(b!)\"", "var a: Int!",
    "let a = try! f()",
    "let a = b as! C", "fatalError(\"no\")", "let a = f { 1 }!", "let a = b?.c!", "let a: [Int]! = nil", "alias!.f()",
  ])
  func crashesOnPurposeAreFound(_ line: String) {
    #expect(!ForbiddenWords.crashes(sample("let ok = 1\n\(line)\n")).isEmpty)
    #expect(ForbiddenWords.crashes(sample("let ok = 1\n\(line)\n")).allSatisfy { $0.line == 2 })
  }

  @Test(arguments: [
    "let a = b != c", "let a = b! = c".replacing("! =", with: " !="), "if !a { }", "let a = \"wow!\"", "// really!",
    "f(!a, !b)", "#if !DEBUG", "let a = try? f()", "let a = b as? C", "a ? !b : c", "return !isDone",
  ])
  func negationsAndTextPass(_ line: String) {
    #expect(ForbiddenWords.crashes(sample(line)).isEmpty)
  }

  @Test func markersAreFoundInCodeAndComments() {
    for marker in ForbiddenWords.markers {
      #expect(ForbiddenWords.leftovers(sample("ok\n// \(marker): later\n")).map(\.line) == [2])
      #expect(ForbiddenWords.leftovers(sample("/tmp/a-\(marker)\(marker)B and my\(marker)\n")).isEmpty)
    }
    #expect(ForbiddenWords.leftovers(sample("", "Tests/BaseTests/Placeholder.swift")).count == 1)
  }

  @Test func roomsWithoutAPageAreFound() {
    let page = { (text: String) in SourceFile(path: "Sources/Base/DESIGN.md", text: text) }
    #expect(Layout.design(room: "Base", nil).count == 1)
    #expect(Layout.design(room: "Base", page("# Base\n")).count == 1)
    #expect(Layout.design(room: "Base", page(String(repeating: "x\n", count: 101))).count == 1)
    #expect(Layout.design(room: "Base", page(String(repeating: "x\n", count: 100))).isEmpty)
  }
}

@Suite struct ReadmeCommandsTests {
  private let known = ReadmeCommands.Known(targets: ["run", "test", "install"], verbs: ["status", "config"])

  private func findings(_ text: String) -> [String] {
    ReadmeCommands.findings(readme: SourceFile(path: "README.md", text: text), known).map(\.message)
  }

  @Test(arguments: [
    "`make deploy`", "```\nmake deploy\n```", "```sh\n$ sudo make PREFIX=/usr deploy\n```", "x `cd a && make deploy` y",
    "`make test deploy`", "`make -j4 deploy`",
  ])
  func aTargetThatIsNotThereIsFound(_ text: String) {
    #expect(findings(text) == ["there is no `make deploy`"])
  }

  @Test(arguments: [
    "`signalbox dance`", "```\nsignalbox dance --json | jq .\n```", "`cat x | ./bin/signalbox dance`",
    "```\nNO_COLOR=1 signalbox dance\n```",
  ])
  func aVerbThatIsNotThereIsFound(_ text: String) {
    #expect(findings(text) == ["there is no `signalbox dance`"])
  }

  @Test(arguments: [
    "make deploy happen, and signalbox dance", "`make`", "`make run`", "`make install PREFIX=/opt`", "`signalbox`",
    "`signalbox status --json`", "`signalbox --no-tui .`", "`signalbox PATH`", "```\nmake test  # make deploy\n```",
    "`signalbox config` and `signalbox ./folder`", "`git clone x signalbox`",
  ])
  func whatExistsOrIsProsePasses(_ text: String) {
    #expect(findings(text) == [])
  }

  @Test func targetsAreReadFromAMakefile() {
    let makefile = """
      SWIFT := swift
      A = b:c
      .PHONY: run test
      run: build  ## Starts it.
      \techo no: target
      test lint:
      build/file.o: x
      """
    #expect(ReadmeCommands.targets(makefile: makefile) == ["run", "test", "lint", "build/file.o"])
  }

  @Test func verbsAreReadFromTheirConfigurations() {
    let source = """
      static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Says how it is.",
        aliases: ["st", "state"])
      CommandConfiguration(commandName:"config")
      """
    let verbs = ReadmeCommands.verbs([SourceFile(path: "Sources/signalbox/A.swift", text: source)])
    #expect(verbs == ["help", "status", "config", "st", "state"])
  }
}
