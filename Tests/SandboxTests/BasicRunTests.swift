import Base
import ControlPlane
import Glibc
import TestKit
import Testing

@testable import Sandbox

@Suite(.enabled(if: !Bench.backends.isEmpty, Bench.withoutBackends)) struct BasicRunTests {
  @Test(arguments: Bench.backends) func aPythonProgramRunsAndItsOutputComesBack(_ backend: Backend) async throws {
    let result = try await Bench.python(
      on: backend, "import sys\nprint(2 + 2)\nprint('aside', file=sys.stderr)\nsys.exit(3)\n")
    #expect(result.stdout == "4\n")
    #expect(result.stderr == "aside\n")
    #expect(result.exitCode == 3)
    #expect(result.outcome == .failed)
    #expect(result.signal == nil)
  }

  @Test(arguments: Bench.backends) func aJavaScriptProgramRunsAndItsOutputComesBack(_ backend: Backend) async throws {
    let code = "setTimeout(() => { console.log(process.argv.length, [1, 2].map(x => x * 2)); process.exit(4) }, 5)"
    let result = try await Bench.javaScript(on: backend, code)
    #expect(result.stdout == "2 [ 2, 4 ]\n")
    #expect(result.exitCode == 4)
    #expect(result.stderr == "")
  }

  @Test(arguments: Bench.backends) func inputArgumentsAndFilesGoInAndNewFilesComeOut(_ backend: Backend) async throws {
    let code = """
      import sys, os
      print(sys.stdin.read().upper(), sys.argv[1:])
      print(open('data/a.txt').read())
      os.makedirs('out/deep')
      open('out/deep/b.bin', 'wb').write(bytes(range(256)))
      open('data/a.txt', 'a').write('more')
      """
    let files = [
      SandboxRequest.File(path: "data/a.txt", content: Array("inside".utf8)),
      SandboxRequest.File(path: "unchanged.txt", content: [1, 2, 3]),
    ]
    let result = try await Bench.python(
      on: backend, code, files: files, input: Array("hello".utf8), arguments: ["-x", "ü"])
    #expect(result.stderr == "")
    #expect(result.stdout == "HELLO ['-x', 'ü']\ninside\n")
    #expect(result.files.map(\.path) == ["data/a.txt", "out/deep/b.bin"])
    #expect(result.content("out/deep/b.bin") == Array(0...255))
    #expect(result.content("data/a.txt") == Array("insidemore".utf8))
  }

  @Test(arguments: Bench.backends) func outputIsStreamedWhileTheProgramRuns(_ backend: Backend) async throws {
    let seen = Collected<RunEvent>()
    let engine = try await Bench.engine(backend)
    let id = SandboxEngine.newID()
    let code = "import time\nprint('first', flush=True)\ntime.sleep(60)\n"
    async let result = engine.run(
      SandboxRequest(language: .python, code: code, profile: .off, owner: #function), id: id,
      onEvent: { seen.append($0) })
    // Without a buffer, Python writes a line and its end apart.
    let text = { @Sendable in
      seen.values.reduce(into: "") { text, event in
        if case .stdout(let bytes) = event { text += String(decoding: bytes, as: UTF8.self) }
      }
    }
    #expect(await eventually { text() == "first\n" })
    #expect(seen.values.first == .started)
    #expect(await engine.snapshot().active.contains { $0.id == id && $0.state == .running })
    #expect(await engine.kill(id))
    let killed = try await result
    #expect(killed.outcome == .killed)
    #expect(killed.stdout == "first\n")
    #expect(try await Bench.remains(of: killed).isEmpty)
  }

  @Test(arguments: Bench.backends) func aCancelledTaskKillsItsRun(_ backend: Backend) async throws {
    let seen = Collected<RunEvent>()
    let engine = try await Bench.engine(backend)
    let task = Task {
      let code = "print('up', flush=True)\nwhile True: pass\n"
      return try await engine.run(
        SandboxRequest(language: .python, code: code, profile: .off, owner: #function), onEvent: { seen.append($0) })
    }
    #expect(await eventually { seen.count >= 2 })
    task.cancel()
    let result = try await task.value
    #expect(result.outcome == .killed)
    #expect(try await Bench.remains(of: result).isEmpty)
  }

  @Test(arguments: Bench.backends) func aSignalAndAnExitCodeAreToldApart(_ backend: Backend) async throws {
    let signalled = try await Bench.python(on: backend, "import os\nos.kill(os.getpid(), 11)\n")
    #expect(signalled.signal == "SIGSEGV")
    #expect(signalled.exitCode == nil)
    let exited = try await Bench.python(on: backend, "import os\nos._exit(139)\n")
    #expect(exited.signal == nil)
    #expect(exited.exitCode == 139)
  }

  @Test(arguments: Bench.backends) func requestsThatCannotBeRunAreRefused(_ backend: Backend) async throws {
    let engine = try await Bench.engine(backend)
    let bad: [SandboxRequest] = [
      SandboxRequest(language: .python, code: "", files: [.init(path: "../a", content: [])]),
      SandboxRequest(language: .python, code: "", files: [.init(path: "/etc/a", content: [])]),
      SandboxRequest(language: .python, code: "", files: [.init(path: "main.py", content: [])]),
      SandboxRequest(language: .python, code: "", arguments: ["a\0b"]),
      SandboxRequest(language: .python, code: "", limits: SandboxLimits(timeoutMilliseconds: 1)),
      SandboxRequest(language: .python, code: "a\0b"),
    ]
    for request in bad {
      await #expect { try await engine.run(request) } throws: { error in
        (error as? SandboxError)?.failure.code == .invalid
      }
    }
  }

  @Test func packagesOfAnAllowedFolderCanBeUsedAndNotChanged() async throws {
    let folder = try TemporaryFolder()
    chmod(folder.path, 0o755)
    try folder.write("allowed.py", "def answer(): return 42\n")
    try folder.write("allowed.js", "module.exports = 43\n")
    // A node that another test starts in this process takes the others' rights away from new files.
    for name in ["allowed.py", "allowed.js"] { chmod(folder.file(name), 0o644) }
    guard Interpreter.isReachable(folder.path) else { return }
    let settings = SandboxSettings(
      require: Bench.hasGroups ? .all : .isolation, packageFolders: [folder.path], warm: [.python: 1])
    let engine = try SandboxEngine(settings)
    let code =
      "import allowed\nprint(allowed.answer())\ntry: open(allowed.__file__, 'a')\nexcept OSError: print('kept')"
    for _ in 0..<2 {
      let result = try await engine.run(SandboxRequest(language: .python, code: code, profile: .off))
      #expect(result.stdout == "42\nkept\n", "\(result.stderr)")
    }
    let node = try await engine.run(
      SandboxRequest(language: .javascript, code: "console.log(require('allowed'))", profile: .off))
    #expect(node.stdout == "43\n", "\(node.stderr)")
    await engine.shutdown()
  }

  @Test(arguments: Bench.backends) func manyRunsAtOnceAllComeToTheirOwnEnd(_ backend: Backend) async throws {
    try await withThrowingTaskGroup(of: (Int, SandboxRun).self) { group in
      for index in 0..<12 {
        group.addTask { (index, try await Bench.python(on: backend, "print(\(index))\n")) }
      }
      for try await (index, result) in group { #expect(result.stdout == "\(index)\n") }
    }
  }
}
