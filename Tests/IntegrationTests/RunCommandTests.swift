import Base
import Foundation
import Glibc
import Pty
import TestKit
import Testing

/// Programs by the command line: what it writes, and how it exits.
@Suite(.enabled(if: SandboxStage.isPossible, SandboxStage.impossible), .timeLimit(.minutes(5)))
struct RunCommandTests {
  @Test func aProgramWritesAndExitsAsItWouldByItself() async throws {
    let stage = try SandboxStage()
    let node = try await stage.fixture.start()
    defer { node.kill() }
    let plain = try await stage.run(
      "import sys\nprint('out', sys.stdin.read(), sys.argv[1:])\nprint('err', file=sys.stderr)\nraise SystemExit(7)",
      ["--stdin", try stage.file("in", "given"), "--", "a", "-b", "--json"])
    #expect(plain.status == .exited(7))
    #expect(plain.standardOutput == "out given ['a', '-b', '--json']\n")
    #expect(plain.standardError == "err\n")
    let late = try await stage.run("while True: pass", ["--timeout", "500ms"])
    #expect(late.status == .exited(124))
    #expect(late.standardError.contains("stopped after"))
    let blocked = try await stage.run("import os\nos.system('id')")
    #expect(blocked.status == .exited(126))
    #expect(blocked.standardError.contains("program.py:1:1: critical import: the module os is not allowed"))
    let dead = try await stage.run("import os\nos.kill(os.getpid(), 11)", ["--no-validate"])
    #expect(dead.status == .exited(139))
    let document = try await stage.json("while True: pass", ["--timeout", "500ms"])
    #expect(document["timedOut"] as? Bool == true, "with --json a result is success")
  }

  @Test func withoutANodeTheSandboxRunsAlone() async throws {
    let stage = try SandboxStage()
    let outcome = try await stage.run("print(6 * 7)")
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
    #expect(outcome.standardOutput == "42\n")
    let script = try stage.file("s.js", "console.log([1, 2].map(x => x * 2).join())")
    #expect(try await stage.fixture.run("run", script).standardOutput == "2,4\n")
    let list = try await stage.fixture.run("runs", "list")
    #expect(list.standardOutput.contains("print(6 * 7)"), "\(list.standardOutput)\(list.standardError)")
  }

  @Test func commandsWithoutANodeTakeTurns() async throws {
    let stage = try SandboxStage()
    let one = try stage.file("one.py", "import time\ntime.sleep(1)\nprint(1)")
    let two = try stage.file("two.py", "import time\ntime.sleep(1)\nprint(2)")
    async let first = stage.fixture.run("run", one)
    async let second = stage.fixture.run("run", two)
    async let third = stage.fixture.run("runs", "list")
    let (left, right, list) = try await (first, second, third)
    #expect(left.status == .exited(0) && left.standardOutput == "1\n", "\(left.standardError)")
    #expect(right.status == .exited(0) && right.standardOutput == "2\n", "\(right.standardError)")
    #expect(list.status == .exited(0), "\(list.standardError)")
  }

  @Test func goRunsOrSaysWhatItNeeds() async throws {
    let stage = try SandboxStage()
    let script = try stage.file("hello.go", "package main\n\nfunc main() { println(6 * 7) }\n")
    let outcome = try await stage.fixture.run("run", script)
    let hasNone = outcome.status != .exited(0) && outcome.standardError.contains("golang-go")
    #expect(outcome.status == .exited(0) && outcome.standardError == "42\n" || hasNone, "\(outcome.standardError)")
  }

  @Test func aResultIsReplayedUntilTheProgramChanges() async throws {
    let stage = try SandboxStage()
    let node = try await stage.fixture.start()
    defer { node.kill() }
    let code = "import random\nprint(random.random())\nopen('made.txt', 'w').write('kept')"
    let first = try await stage.json(code)
    let again = try await stage.json(code)
    #expect(first["cached"] as? Bool == false && again["cached"] as? Bool == true)
    #expect(first["stdout"] as? String == again["stdout"] as? String)
    #expect(first["id"] as? String != again["id"] as? String)
    let folder = stage.fixture.folder.file("replayed")
    let replayed = try await stage.run(code, ["--out", folder])
    #expect(replayed.standardOutput == first["stdout"] as? String)
    #expect(try String(contentsOfFile: "\(folder)/made.txt", encoding: .utf8) == "kept")
    let changed = try await stage.json(code + "\n")
    #expect(changed["cached"] as? Bool == false)
    let fresh = try await stage.json(code, ["--no-cache"])
    #expect(fresh["cached"] as? Bool == false && fresh["stdout"] as? String != first["stdout"] as? String)
    let failed = try await stage.json("raise SystemExit(3)")
    #expect(failed["exitCode"] as? Int == 3)
    #expect(try await stage.json("raise SystemExit(3)")["cached"] as? Bool == false, "only successes are kept")
  }

  @Test func aRunIsKilledByItsIdAndByCtrlC() async throws {
    let stage = try SandboxStage()
    let node = try await stage.fixture.start()
    defer { node.kill() }
    let path = try stage.file("sleep.py", "import time\nprint('up', flush=True)\ntime.sleep(100)")
    let killed = try stage.fixture.spawn(["run", path])
    #expect(await eventually { killed.standardOutput == "up\n" }, "output is there while it runs")
    let runs = try await stage.runs()
    let id = try #require(runs.first?["id"] as? String)
    #expect(runs.first?["state"] as? String == "running")
    let answer = try await stage.fixture.run("runs", "kill", id)
    #expect(answer.standardOutput == "killed \(id)\n")
    #expect(try await killed.outcome().status == .exited(137))
    #expect(try await stage.fixture.run("runs", "kill", id).standardOutput == "\(id) had ended already\n")
    #expect(try await stage.fixture.run("runs", "kill", "no-such-run").status == .exited(1))

    let interrupted = try stage.fixture.spawn(["run", path])
    #expect(await eventually { interrupted.standardOutput == "up\n" })
    interrupted.signal(SIGINT)
    #expect(try await interrupted.outcome().status == .exited(130))
    #expect(
      await eventually {
        let runs = try? await stage.runs()
        return runs?.first?["outcome"] as? String == "killed" && runs?.first?["id"] as? String != id
      })
  }

  @Test func historyOutlivesTheNodeHoweverItEnds() async throws {
    let stage = try SandboxStage()
    let first = try await stage.fixture.start()
    _ = try await stage.run("print('one')")
    first.signal(SIGTERM)
    _ = try await first.outcome()
    let second = try await stage.fixture.start()
    _ = try await stage.run("print('two')\nopen('f.bin', 'wb').write(bytes(range(256)))")
    second.signal(SIGKILL)
    _ = try await second.outcome()
    let third = try await stage.fixture.start()
    defer { third.kill() }
    let runs = try await stage.runs()
    #expect(runs.map { $0["title"] as? String } == ["print('two')", "print('one')"])
    let id = try #require(runs.first?["id"] as? String)
    let detail = try await stage.fixture.json("runs", "show", id, "--json")
    #expect((detail["result"] as? [String: Any])?["stdout"] as? String == "two\n")
    #expect((detail["code"] as? String)?.hasPrefix("print('two')") == true)
    let found = try await stage.fixture.run("runs", "list", "ONE", "--json")
    #expect(found.standardOutput.contains("print('one')") && !found.standardOutput.contains("'two'"))
  }

  @Test func filesOfAProgramFollowNoLink() async throws {
    let stage = try SandboxStage()
    let folder = stage.fixture.folder.file("out")
    let victim = try stage.file("victim", "untouched")
    #expect(mkdir(folder, 0o700) == 0)
    #expect(symlink(victim, "\(folder)/a.txt") == 0)
    #expect(symlink(stage.fixture.folder.path, "\(folder)/sub") == 0)
    let code = """
      import os
      open('a.txt', 'w').write('mine')
      os.symlink('/etc/passwd', 'passwd')
      """
    let outcome = try await stage.run(code, ["--no-validate", "--out", folder])
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
    #expect(try String(contentsOfFile: victim, encoding: .utf8) == "untouched")
    #expect(try String(contentsOfFile: "\(folder)/a.txt", encoding: .utf8) == "mine")
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/passwd"))
    let nested = try await stage.run(
      "import os\nos.mkdir('sub')\nopen('sub/x', 'w').write('x')", ["--no-validate", "--out", folder])
    #expect(nested.status == .exited(125), "\(nested.standardError)")
    #expect(!FileManager.default.fileExists(atPath: stage.fixture.folder.file("x")))
  }

  @Test func outputIsBytesInAPipeAndTextOnATerminal() async throws {
    let stage = try SandboxStage()
    let code = "import sys\nsys.stdout.buffer.write(b'\\x1b]0;pwned\\x07\\xff\\xfe' + bytes([226, 130, 172]) + b'\\n')"
    let path = try stage.file("bytes.py", code)
    let process = try stage.fixture.spawn(["run", "--no-cache", path])
    _ = try await process.outcome()
    #expect(process.standardOutputBytes == Array("\u{1B}]0;pwned\u{07}".utf8) + [255, 254] + Array("€\n".utf8))
    let session = try stage.fixture.console(["run", path], width: 120, height: 20)
    let ending = try await session.end()
    #expect(ending.exitCode == 0)
    #expect(ending.screen.text.contains("\\x1b]0;pwned\\x07"), "\(ending.screen.text)")
    #expect(session.screen.title == "")
  }

  @Test(arguments: [
    ["run", "/no/such/file.py"], ["run", "/etc/hostname"], ["run", "-", "--language", "ruby"],
    ["run", "x.py", "--timeout", "x"],
    ["run", "/dev/null", "--language", "python", "--timeout", "10m"], ["run", "x.py", "--memory", "1"],
    ["run", "x.py", "--profile", "loose"], ["run", "x.py", "--project", "A B"],
    ["run", "/dev/null", "--language", "python", "--file", "x"],
    ["run", "/dev/null", "--language", "python", "--file", "../x=/dev/null"],
    ["run", "-", "--language", "python", "--stdin", "-"], ["runs", "list", "--outcome", "fine"],
    ["runs", "list", "--limit", "0"], ["runs", "show", "../../etc"], ["runs", "kill", "x"], ["run"],
  ])
  func badInputIsOneLine(arguments: [String]) async throws {
    let stage = try SandboxStage()
    let outcome = try await ProgramProcess.run(
      stage.fixture.executable, arguments,
      .init(environment: stage.fixture.environment, folder: stage.fixture.folder.path))
    #expect(outcome.status == .exited(64), "\(outcome)")
    #expect(outcome.standardError.split(separator: "\n").count == 1, "\(outcome.standardError)")
    #expect(outcome.standardOutput.isEmpty)
  }

  @Test func aMachineWithoutASandboxSaysWhatIsMissing() async throws {
    let stage = try SandboxStage()
    // A copy without its launcher.
    let alone = stage.fixture.folder.file("bin/signalbox")
    #expect(mkdir(stage.fixture.folder.file("bin"), 0o700) == 0)
    #expect(symlink(stage.fixture.executable, alone) == 0 || errno == EEXIST)
    unlink(alone)
    try FileManager.default.copyItem(atPath: stage.fixture.executable, toPath: alone)
    let path = try stage.file("x.py", "print(1)")
    let outcome = try await ProgramProcess.run(
      alone, ["run", path], .init(environment: stage.fixture.environment, folder: stage.fixture.folder.path))
    #expect(outcome.status == .exited(125))
    #expect(outcome.standardError.contains("install sandbox-launcher beside signalbox"), "\(outcome.standardError)")
    let node = try ProgramProcess(
      alone, ["--no-tui"], .init(environment: stage.fixture.environment, folder: stage.fixture.folder.path))
    defer { node.kill() }
    #expect(
      await eventually {
        HTTPProbe.request("/health", port: stage.fixture.port)?.body.contains("sandbox-launcher") == true
      }, "the node starts, and health says it")
    #expect(HTTPProbe.request("/health/ready", port: stage.fixture.port)?.status == 200)
  }
}
