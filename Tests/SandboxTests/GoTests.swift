import Base
import ControlPlane
import Testing

@testable import Sandbox

@Suite(.enabled(if: Bench.hasBubblewrap && Bench.hasGo, "bubblewrap or golang-go is not installed"))
struct GoTests {
  private func run(
    _ code: String, _ profile: SandboxRequest.Profile = .strict, files: [SandboxRequest.File] = [],
    limits: SandboxLimits = SandboxLimits()
  ) async throws -> SandboxRun {
    try await Bench.engine(.bubblewrap).run(
      SandboxRequest(
        language: .go, code: code, files: files, input: Array("one\ntwo\n".utf8), arguments: ["-x"], limits: limits,
        profile: profile))
  }

  private static func program(_ imports: [String], _ body: String) -> String {
    "package main\n\nimport (\n\(imports.map { "\t\"\($0)\"\n" }.joined()))\n\n\(body)\n"
  }

  @Test(arguments: [
    (program(["fmt"], "func main() { fmt.Println(2 + 2) }"), "4\n"),
    (
      program(
        ["bufio", "fmt", "os", "strings"],
        "func main() { s := bufio.NewScanner(os.Stdin); for s.Scan() { fmt.Println(strings.ToUpper(s.Text())) } }"),
      "ONE\nTWO\n"
    ),
    (
      program(
        ["fmt", "sync"],
        "func main() { c := make(chan int, 9); var w sync.WaitGroup\n"
          + "for i := 1; i < 4; i++ { w.Add(1); go func(i int) { c <- i; w.Done() }(i) }\n"
          + "w.Wait(); close(c); n := 0; for i := range c { n += i }; fmt.Println(n) }"), "6\n"
    ),
    (
      program(
        ["encoding/json", "fmt", "sort"],
        "type P struct { X int `json:\"x\"` }\nfunc main() { b, _ := json.Marshal([]P{{1}}); v := []int{2, 1}\n"
          + "sort.Ints(v); fmt.Println(string(b), v) }"), "[{\"x\":1}] [1 2]\n"
    ),
    (
      program(
        ["fmt"],
        "func most[T int | float64](v ...T) T { m := v[0]; for _, x := range v { if x > m { m = x } }; return m }\n"
          + "func main() { fmt.Println(most(1, 3, 2), most(0.5, 0.25)) }"), "3 0.5\n"
    ),
    (
      program(
        ["fmt", "os"], "// import \"os/exec\"\nfunc main() { fmt.Println(os.Args[1], \"unsafe os.StartProcess\") }"),
      "-x unsafe os.StartProcess\n"
    ),
    (
      program(
        ["context", "errors", "fmt", "math/big", "regexp", "time"],
        "func main() { c, f := context.WithTimeout(context.Background(), time.Millisecond); defer f(); <-c.Done()\n"
          + "fmt.Println(errors.Is(c.Err(), context.DeadlineExceeded), big.NewInt(7), "
          + "regexp.MustCompile(`a+`).FindString(\"baa\")) }"), "true 7 aa\n"
    ),
    (
      program(["crypto/sha256", "fmt"], "func main() { fmt.Printf(\"%x\\n\", sha256.Sum256(nil)) }"),
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
    ),
  ])
  func ordinaryGoPassesAndRuns(_ code: String, _ expected: String) async throws {
    let result = try await run(code)
    #expect(result.violations.isEmpty)
    #expect(result.stdout == expected, "\(result.stderr)")
    #expect(result.exitCode == 0)
    #expect(result.files.isEmpty)
    #expect(result.language == "go")
    #expect(result.verified.count == 9 && result.verified.allSatisfy { $0.value.ok })
    let left = try await Bench.remains(of: result)
    #expect(left.isEmpty, "left on the host: \(left)")
  }

  @Test func furtherFilesAreCompiledAndOthersCanBeEmbedded() async throws {
    let result = try await run(
      "package main\n\nimport (\n\t_ \"embed\"\n\t\"os\"\n)\n\n//go:embed words.txt\nvar words string\n\n"
        + "func main() {\n\tprintln(double(4), words)\n\tos.WriteFile(\"out.txt\", []byte(words), 0o644)\n}\n",
      files: [
        .init(path: "double.go", content: Array("package main\n\nfunc double(x int) int { return 2 * x }\n".utf8)),
        .init(path: "words.txt", content: Array("hello".utf8)),
      ])
    #expect(result.stderr == "8 hello\n")
    #expect(result.files.map(\.path) == ["out.txt"])
    #expect(result.content("out.txt") == Array("hello".utf8))
  }

  @Test func errorsNameLinesOfTheSource() async throws {
    let wrong = try await run("package main\n\nfunc main() {\n\tvar x int = \"a\"\n\tundefined()\n}\n")
    #expect(wrong.outcome == .failed)
    #expect(wrong.exitCode == 1)
    #expect(wrong.stderr.contains("main.go:4:14: "), "\(wrong.stderr)")
    #expect(wrong.stderr.contains("main.go:5:2: undefined"), "\(wrong.stderr)")
    #expect(wrong.verified.isEmpty)
    let panic = try await run("package main\n\nfunc main() {\n\tvar v []int\n\tprintln(v[3])\n}\n")
    #expect(panic.exitCode == 2)
    #expect(panic.stderr.contains("/workspace/main.go:5"), "\(panic.stderr)")
  }

  @Test func aPackageOfTheNetIsNotFetched() async throws {
    let code = "package main\n\nimport \"example.com/a/b\"\n\nfunc main() { b.C() }\n"
    let blocked = try await run(code)
    #expect(blocked.outcome == .blocked)
    let unchecked = try await run(code, .off)
    #expect(unchecked.exitCode == 1)
    #expect(unchecked.stderr.contains("main.go:3:8"), "\(unchecked.stderr)")
  }

  /// Each is run without validation, and says itself what it could do.
  @Test(arguments: [
    ("net", "_, e := net.Dial(\"tcp\", \"127.0.0.1:22\"); fmt.Println(e == nil)"),
    ("net", "_, e := net.Listen(\"unix\", \"/tmp/s\"); fmt.Println(e == nil)"),
    ("os/exec", "fmt.Println(exec.Command(\"/bin/sh\", \"-c\", \"true\").Run() == nil)"),
    ("os", "_, e := os.ReadFile(\"/etc/shadow\"); fmt.Println(e == nil)"),
    ("os", "fmt.Println(os.WriteFile(\"/program\", nil, 0o755) == nil)"),
    ("os", "_, e := os.Stat(\"/usr/lib/go-1.19\"); fmt.Println(e == nil)"),
    ("os", "_, e := os.ReadFile(\"/proc/1/environ\"); fmt.Println(e == nil && len(os.Environ()) > 5)"),
    ("syscall", "_, _, e := syscall.RawSyscall(syscall.SYS_PTRACE, 0, 0, 0); fmt.Println(e == 0)"),
    ("syscall", "fmt.Println(syscall.Mount(\"none\", \"/tmp\", \"tmpfs\", 0, \"\") == nil)"),
    ("syscall", "fmt.Println(syscall.Unshare(syscall.CLONE_NEWUSER) == nil)"),
    ("syscall", "_, _, e := syscall.RawSyscall(425, 8, 0, 0); fmt.Println(e == 0)"),
    ("syscall", "fmt.Println(syscall.Setuid(0) == nil)"),
    ("syscall", "fmt.Println(syscall.Kill(-1, syscall.SIGKILL) == nil && syscall.Getppid() != 1)"),
  ])
  func hostileGoIsContained(_ package: String, _ body: String) async throws {
    let imports = Set([package, "fmt"]).sorted()
    let code = Self.program(imports, "func main() { \(body) }")
    let result = try await run(code, .off)
    #expect(result.stdout == "false\n", "\(result.stderr)")
    let left = try await Bench.remains(of: result)
    #expect(left.isEmpty, "left on the host: \(left)")
  }

  @Test func limitsAreThoseOfTheRequestAndNotTheCompilers() async throws {
    let memory = try await run(
      Self.program(
        [],
        "func main() { var v [][]byte; for { b := make([]byte, 1<<20); for i := range b { b[i] = 1 }\n"
          + "v = append(v, b) } }"), limits: SandboxLimits(memoryBytes: 64 << 20))
    #expect(memory.outcome == .outOfMemory)
    #expect(memory.limits.memoryBytes == 64 << 20)
    let endless = try await run(
      Self.program([], "func main() { for { } }"), limits: SandboxLimits(timeoutMilliseconds: 500))
    #expect(endless.outcome == .timedOut)
  }

  /// The compiler reads strangers' programs too: it is held, and what it cannot do is said.
  @Test func theCompilerSeesNothingOfTheHost() async throws {
    let result = try await run(
      "package main\n\nimport _ \"embed\"\n\n//go:embed ../etc/passwd\nvar text string\n\nfunc main() { print(text) }\n"
    )
    #expect(result.exitCode == 1)
    #expect(result.stderr.contains("main.go:5:12"), "\(result.stderr)")
    #expect(result.stdout == "")
  }

  @Test func withoutACompilerTheWayOutIsNamed() throws {
    var poor = try Bench.host.get()
    poor.goCompiler = nil
    #expect { _ = try poor.interpreter(.go) } throws: { error in
      (error as? SandboxError)?.failure.hint == "apt-get install golang-go"
    }
  }
}

/// What is imported, and what of it is refused, without a compiler.
struct GoRulesTests {
  private func rules(_ code: String, _ profile: SandboxRequest.Profile = .strict) -> [Violation] {
    GoRules(profile: profile).judge(SandboxRequest(language: .go, code: code))
  }

  @Test func importsAreReadInEveryForm() {
    let source = GoSource(
      """
      // package wrong; import "a"
      /* import "b" */ package main; import "c"
      import ( d "d/e"; . "f"
        _ `g` // import "h"
        "\\x6f\\163/\\u0065xec" )
      import "i"; var x = `import "j"` + "import \\"k\\""
      """)
    #expect(source.imports.map(\.path) == ["c", "d/e", "f", "g", "os/exec", "i"])
    #expect(source.imports.map(\.name) == ["c", "d", ".", "_", "exec", "i"])
    #expect(source.imports.last?.place == GoSource.Place(line: 6, column: 8))
    #expect(source.objection == nil)
  }

  @Test(arguments: [
    "unsafe", "syscall", "os/exec", "plugin", "net", "net/http", "net/rpc", "C", "crypto/tls", "runtime/cgo",
    "golang.org/x/sys/unix", "./local", "internal/poll", "os/user", "expvar",
  ])
  func whatReachesOutsideIsRefused(_ path: String) throws {
    let found = rules("package main\nimport (\n  \"fmt\"\n  x \"\(path)\"\n)\nfunc main() {}\n")
    let first = try #require(found.first)
    #expect(found.count == 1)
    #expect(first.rule == "import" && first.severity == .critical)
    #expect(first.line == 4 && first.column == 3)
    #expect(!first.suggestion.isEmpty)
  }

  @Test func selectorsOfTheProgramsOwnAreNotThoseOfPackages() {
    #expect(rules("package main\nimport \"os\"\nfunc main() { os.Exit(0) }").isEmpty)
    #expect(
      rules("package main\ntype t struct{}\nfunc (t) StartProcess() {}\nfunc main() { t{}.StartProcess() }").isEmpty)
    #expect(rules("package main\nimport o \"os\"\nfunc f() { o . /* x */ StartProcess(\"\", nil, nil) }").count == 1)
    #expect(rules("package main\nimport . \"os\"\nfunc f() { FindProcess(1) }").count == 1)
    #expect(rules("package main\n//go:linkname f runtime.f\nfunc f()\n").first?.rule == "directive")
  }

  @Test func whatHasNoHeadIsNotPassed() {
    #expect(rules("").first?.rule == "syntax")
    #expect(rules("import \"os/exec\"\n").first?.severity == .critical)
    #expect(rules("package main\nimport (\"fmt\" \"os/exec\"").contains { $0.severity == .critical })
    #expect(rules("package main\nimport fmt\n").first?.rule == "syntax")
  }

  @Test func furtherFilesAreHeldToTheSame() {
    let request = SandboxRequest(
      language: .go, code: "package main\nfunc main() { f() }\n",
      files: [.init(path: "f.go", content: Array("package main\nimport \"net\"\n".utf8))])
    let found = GoRules(profile: .strict).judge(request)
    #expect(found.count == 1 && found.first?.message.hasSuffix(", in f.go") == true)
    #expect(GoRules(profile: .off).judge(request).isEmpty)
  }

  @Test func standardAllowsMoreAndWarnsOfUnsafe() {
    let code = "package main\nimport (\n\"os/user\"\n\"unsafe\"\n)\n"
    #expect(rules(code, .standard).map(\.severity) == [.high])
    #expect(rules("package main\nimport \"net/http\"\n", .standard).map(\.severity) == [.critical])
  }
}
