import Base
import ControlPlane
import Testing

@testable import Sandbox

@Suite(.enabled(if: Bench.hasBubblewrap && Bench.hasTypeScript, "bubblewrap or esbuild is not installed"))
struct TypeScriptTests {
  private func run(
    _ code: String, _ profile: SandboxRequest.Profile = .strict, files: [SandboxRequest.File] = []
  ) async throws -> SandboxRun {
    try await Bench.engine(.bubblewrap).run(
      SandboxRequest(
        language: .typescript, code: code, files: files, input: Array("typed".utf8), arguments: ["-x"], profile: profile
      )
    )
  }

  @Test(arguments: [
    ("const a: number = 2; console.log(a as number + a)", "4\n"),
    (
      "interface P { x: number }\nfunction f<T extends P>(p: T): number { return p.x }\nconsole.log(f({ x: 7 }))", "7\n"
    ),
    ("enum E { A = 1, B }\nconsole.log(E.B, E[1])", "2 A\n"),
    (
      "import { join } from 'path'\nimport * as util from 'node:util'\nconsole.log(join('a', 'b'), util.format(1))",
      "a/b 1\n"
    ),
    (
      "class A { constructor(private readonly x: number) {} get y() { return this.x! } }\nconsole.log(new A(3).y)",
      "3\n"
    ),
    ("type T = 'a' | 'b'; const t = 'a' as T; console.log(t, process.argv.length)", "a 3\n"),
    ("let s = ''; process.stdin.on('data', d => s += d).on('end', () => console.log(s))", "typed\n"),
    ("export const x = 1\nexport default function f(): void {}\nconsole.log(typeof f, x)", "function 1\n"),
    ("namespace N { export const x = 5 }\nabstract class C { abstract f(): void }\nconsole.log(N.x)", "5\n"),
    ("(async () => { for await (const x of [1, 2]) console.log(x) })()", "1\n2\n"),
  ])
  func ordinaryTypeScriptPassesAndRuns(_ code: String, _ expected: String) async throws {
    let result = try await run(code)
    #expect(result.violations.filter { $0.severity == .critical }.isEmpty, "\(result.violations)")
    #expect(result.stdout == expected, "\(result.stderr)")
    #expect(result.exitCode == 0)
    #expect(result.files.isEmpty)
    #expect(result.language == "typescript")
  }

  @Test func findingsAndErrorsNameLinesOfTheSource() async throws {
    let blocked = try await run("// one\ninterface A { x: number }\n\n\nconst p = require('child_process') as A\n")
    #expect(blocked.outcome == .blocked)
    #expect(blocked.violations.first { $0.rule == "import" }?.line == 5)
    let imported = try await run("// one\ninterface A { x: number }\n\nimport * as fs from 'fs'\nconsole.log(fs)\n")
    #expect(imported.violations.first { $0.rule == "import" }?.line == 4)
    let failed = try await run(
      "interface A {\n  x: number\n}\n\nfunction f(a: A): never { throw new Error('no') }\nf({ x: 1 })\n")
    #expect(failed.exitCode == 1)
    #expect(failed.stderr.contains("/workspace/main.ts:5"), "\(failed.stderr)")
  }

  @Test func whatCannotBeReadSaysWhyAndRunsNothing() async throws {
    let result = try await run("console.log(1)\nlet x: = 1\n")
    #expect(result.outcome == .failed)
    #expect(result.exitCode == 1)
    #expect(result.stderr.contains("main.ts:2"))
    #expect(result.stdout == "")
    #expect(result.verified.isEmpty)
  }

  @Test func withoutATypeStripperTheWayOutIsNamed() throws {
    let host = try Bench.host.get()
    let poor = SandboxHost(
      launcherPath: host.launcherPath, bubblewrap: host.bubblewrap, filter: host.filter, groups: host.groups,
      interpreters: host.interpreters.filter { $0.key != .typescript }, typeStripper: nil,
      packageFolders: [], isRoot: host.isRoot)
    #expect { _ = try poor.interpreter(.typescript) } throws: { error in
      (error as? SandboxError)?.failure.hint == "apt-get install esbuild"
    }
  }
}
