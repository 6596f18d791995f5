import Base
import ControlPlane
import TestKit
import Testing

@testable import Sandbox

/// An interpreter that was up before its program came is like a fresh one, for whoever looks from inside or outside.
@Suite(.enabled(if: Bench.hasBubblewrap && Bench.hasGroups, Bench.withoutGroups)) struct WarmPoolTests {
  private struct Seen: Equatable {
    var stdout: String
    var stderr: String
    var exitCode: Int?
    var signal: String?
    var outcome: RunOutcome
    var files: [RunResult.File]
    var contents: [[UInt8]?]
    var verified: Set<String>
    var limits: RunResult.Limits

    init(_ result: SandboxRun) {
      (stdout, stderr) = (result.stdout, result.stderr)
      (exitCode, signal, outcome) = (result.exitCode, result.signal, result.outcome)
      (files, contents, limits) = (result.files, result.contents, result.limits)
      verified = Set(result.verified.filter(\.value.ok).keys)
    }
  }

  private func compare(_ request: SandboxRequest) async throws -> SandboxRun {
    let fresh = try await Bench.run(request)
    let warm = try await Bench.run(on: .warm, request)
    #expect(!fresh.isWarm)
    #expect(Seen(fresh) == Seen(warm))
    return warm
  }

  private func python(_ code: String, profile: SandboxRequest.Profile = .off) -> SandboxRequest {
    SandboxRequest(
      language: .python, code: code,
      files: [.init(path: "data/deep/a.txt", content: Array("inside".utf8)), .init(path: "own.py", content: [])],
      input: Array("one\ntwo\n".utf8), profile: profile)
  }

  @Test(arguments: [SandboxRequest.Profile.off, .standard])
  func aPythonProgramSeesTheSameWorld(_ profile: SandboxRequest.Profile) async throws {
    let code = """
      import sys, os
      before = sorted(sys.modules)
      import resource, stat, time
      print(before, sorted(globals()), __name__, __file__, __doc__, __spec__, type(__loader__), __builtins__)
      print(len(sys.path_hooks))
      print(sys.argv, sys.orig_argv, sys.path, sys.flags, sys.executable, sys.stdin, sys.stdout)
      print(os.getcwd(), dict(os.environ), os.getpid(), os.getppid(), os.getpgrp(), os.getsid(0), os.getuid())
      print(open('/proc/self/cmdline').read(), open('/proc/self/environ').read(), open('/proc/self/limits').read())
      print([(n, os.readlink('/proc/self/fd/' + n).split(':')[0]) for n in os.listdir('/proc/self/fd')[:3]])
      print([line for line in open('/proc/self/status') if line.split(':')[0] in
             ('Umask', 'Groups', 'Threads', 'SigBlk', 'SigIgn', 'SigCgt', 'CapEff', 'Seccomp', 'Seccomp_filters')])
      print([tuple(line.split()[4:6]) for line in open('/proc/self/mountinfo')])
      def walk(folder):
          for name in sorted(os.listdir(folder)):
              path = os.path.join(folder, name)
              s = os.lstat(path)
              print(path, oct(s.st_mode), s.st_uid, s.st_gid, s.st_nlink, s.st_size if stat.S_ISREG(s.st_mode) else '')
              if stat.S_ISDIR(s.st_mode): walk(path)
      walk('/workspace'); walk('/tmp')
      print(os.listdir('/workspace'), open(__file__).read() == ''.join(open('main.py')), time.time() > 0)
      print([stream.line_buffering for stream in (sys.stdout, sys.stderr)], sys.stdin.readline(), sys.stdin.read())
      def fails(): return 1 / 0
      import traceback
      traceback.print_stack()
      fails()
      """
    // Under a profile, the rules have something to say about this; the sandbox has not.
    let request = python(code, profile: profile)
    let results = try await [false, true].concurrentMap { isWarm in
      try await Self.unchecked(request, isWarm: isWarm)
    }
    #expect(results[0].stdout == results[1].stdout)
    #expect(results[0].stderr == results[1].stderr)
    #expect(results.map(\.exitCode) == [1, 1])
    #expect(results[1].stderr.contains("line \(code.split(separator: "\n").count - 3), in fails"))
    #expect(results.map(\.isWarm) == [false, true])
  }

  @Test func aJavaScriptProgramSeesTheSameWorld() async throws {
    let code = """
      const fs = require('fs');
      console.log(process.argv, process.execArgv, process.cwd(), process.env, process.pid, process.title, __filename);
      console.log(require.main === module, module.paths, module.id, Object.keys(require.cache), process.umask());
      console.log(fs.readFileSync('/proc/self/cmdline', 'utf8'), fs.readFileSync('/proc/self/environ', 'utf8'));
      console.log(fs.readdirSync('/workspace'), fs.statSync(__filename).mode, fs.readFileSync(__filename).length);
      console.log(fs.readdirSync('/proc/self/fd').map(n => { try { return n + fs.readlinkSync('/proc/self/fd/' + n)
        .split(':')[0] } catch { return '' } }).length, process.stdin.constructor.name, process.exitCode);
      console.log(fs.readFileSync(0, 'utf8'), require('./other.js'), process.moduleLoadList.length > 10);
      function fails() { throw new TypeError('on purpose') }
      setTimeout(fails, 1);
      """
    let result = try await compare(
      SandboxRequest(
        language: .javascript, code: code, files: [.init(path: "other.js", content: Array("module.exports = 7".utf8))],
        input: Array("typed".utf8), profile: .off))
    #expect(result.exitCode == 1)
    #expect(result.stderr.contains("/workspace/main.js:9"))
  }

  @Test(arguments: [
    "x = (1,\nprint 5\n", "def f(:\n", "print('ü', '\\u20ac')\r\nprint(2)", "", "#!/usr/bin/python3\nprint(1)",
    "import sys\nsys.exit('bye')", "import os\nos.kill(os.getpid(), 6)", "raise KeyboardInterrupt",
    "open('out.bin', 'wb').write(bytes(300)); import os; os.symlink('/etc/passwd', 'link'); os.remove('own.py')",
    "import time\nprint('x', flush=True)\ntime.sleep(60)", "a = []\nwhile True: a.append(bytearray(1 << 20))",
    "print('y' * 3000000)", "import sys\nsys.stdout.buffer.write(bytes(range(256)))", "import own, data",
    "import multiprocessing\np = multiprocessing.Process(target=print)\np.start(); p.join()\nprint(p.exitcode)",
    "print(__import__('importlib').import_module('main').__name__)",
  ])
  func pythonEndsTheSameWay(_ code: String) async throws {
    var request = python(code)
    // Long enough for what ends by itself on a busy machine; the one that does not is waited for twice.
    request.limits = SandboxLimits(
      memoryBytes: 64 << 20, timeoutMilliseconds: code.contains("sleep") ? 4_000 : 30_000)
    _ = try await compare(request)
  }

  @Test(arguments: [
    "let x = {", "", "#!/usr/bin/env node\nconsole.log(1)", "process.exit(7)", "process.kill(process.pid, 'SIGTERM')",
    "await Promise.resolve()", "import fs from 'fs'", "Promise.reject(new Error('no'))", "console.error('e')",
    "require('fs').writeFileSync('out', Buffer.alloc(9))", "for (;;) {}",
    "require('child_process').execSync('/bin/sh')",
    "new (require('worker_threads').Worker)('console.log(1)', { eval: true })",
  ])
  func javaScriptEndsTheSameWay(_ code: String) async throws {
    _ = try await compare(
      SandboxRequest(
        language: .javascript, code: code,
        limits: SandboxLimits(timeoutMilliseconds: code.contains("for (;;)") ? 3_000 : 30_000), profile: .off))
  }

  /// What cannot come through a pipe, or is fixed when an interpreter starts.
  @Test func someRunsNeedAFreshInterpreter() {
    let plain = SandboxRequest(language: .python, code: "print(1)")
    #expect(WarmPool.canTake(plain))
    var others = [plain, plain, plain, plain, plain]
    others[0].arguments = ["a"]
    others[1].code = "# coding: latin-1\nprint(1)"
    others[2].code = String(repeating: "#", count: 70_000)
    others[3].files = [.init(path: "a", content: Array(repeating: 0, count: 300 << 10))]
    others[4].code = "\u{FEFF}print(1)"
    others.append(
      SandboxRequest(language: .javascript, code: "", files: [.init(path: "package.json", content: [])]))
    #expect(others.allSatisfy { !WarmPool.canTake($0) })
  }

  @Test func aPoolIsBoundedAndRefilledAndFollowsTheDemand() async throws {
    let host = try Bench.host.get()
    let pool = WarmPool(host, sizes: [.python: 2])
    pool.warmUp()
    #expect(await eventually { pool.count == 2 })
    #expect(pool.counts == [.python: 2])
    pool.refill(.python)
    let small = SandboxRequest(language: .python, code: "", limits: SandboxLimits(memoryBytes: 64 << 20))
    #expect(pool.take(small) == nil)
    pool.refill(.python)
    #expect(await eventually { pool.count == 2 })
    let first = try #require(pool.take(small))
    #expect(pool.take(small) == nil)
    let other = try #require(pool.take(SandboxRequest(language: .python, code: "")))
    #expect(pool.take(SandboxRequest(language: .python, code: "")) == nil)
    #expect(pool.take(SandboxRequest(language: .javascript, code: "")) == nil)
    for entry in [first, other] {
      entry.session.stop()
      _ = await entry.session.ending()
    }
    pool.refill(.python)
    #expect(await eventually { pool.count == 2 })
    await pool.shutdown()
    #expect(pool.count == 0)
    pool.refill(.python)
    #expect(pool.count == 0)
  }

  /// Whoever refills it has taken a place, and not started anything yet, when it is shut down.
  @Test(.timeLimit(.minutes(1)), arguments: [true, false])
  func aPoolThatIsShutDownWhileItIsRefilledEnds(isStoppedFirst: Bool) async throws {
    let host = try Bench.host.get()
    let pool = WarmPool(host, sizes: [.python: 1])
    // Says what is wanted.
    #expect(pool.take(SandboxRequest(language: .python, code: "")) == nil)
    let place = try #require(pool.place(.python))
    async let isOver: Void = pool.shutdown()
    if isStoppedFirst { #expect(await eventually { pool.place(.python) == nil && place.new.isStopped }) }
    try place.new.start(launcher: host.launcherPath)
    await isOver
    #expect(await place.new.ending().hasBegun == false)
  }

  @Test(.timeLimit(.minutes(1))) func whatIsNeverStartedHasEnded() async throws {
    let host = try Bench.host.get()
    let plan = try host.plan(SandboxRequest(language: .python, code: "1"), number: SandboxHost.nextNumber())
    let stopped = SandboxSession(plan) { _ in }
    stopped.stop()
    try stopped.start(launcher: host.launcherPath)
    #expect(await stopped.ending().failure != nil)
    let broken = SandboxSession(plan) { _ in }
    async let ending = broken.ending()
    #expect(throws: SandboxError.self) { try broken.start(launcher: "/nonexistent") }
    #expect(await ending.error != nil)
  }

  @Test func anInterpreterThatDiesWhileItWaitsIsReplaced() async throws {
    let pool = WarmPool(try Bench.host.get(), sizes: [.python: 1])
    pool.warmUp()
    #expect(await eventually { pool.count == 1 })
    let before = pool.numbers
    let session = try #require(pool.sessions.first)
    session.stop()
    _ = await session.ending()
    #expect(await eventually { pool.count == 1 })
    #expect(pool.numbers != before)
    await pool.shutdown()
  }

  @Test func aPoolThatIsOffStartsNothing() async throws {
    let settings = SandboxSettings(warm: [:])
    let engine = SandboxEngine(settings, BubblewrapRuntime(settings, try Bench.host.get()), nil)
    engine.warmUp()
    let result = try await engine.run(SandboxRequest(language: .python, code: "print(1)"))
    #expect(!result.isWarm)
    #expect(await engine.snapshot().warm == 0)
    await engine.shutdown()
  }

  @Test func aKilledRunTakesItsInterpreterAlong() async throws {
    let settings = SandboxSettings(warm: [.python: 1])
    let runtime = BubblewrapRuntime(settings, try Bench.host.get())
    let engine = SandboxEngine(settings, runtime, nil)
    let request = SandboxRequest(language: .python, code: "print('up', flush=True)\nwhile True: pass\n", profile: .off)
    runtime.pool.warmUp(for: request)
    #expect(await eventually { runtime.pool.count == 1 })
    let seen = Collected<RunEvent>()
    let task = Task { try await engine.run(request, onEvent: { seen.append($0) }) }
    #expect(await eventually { seen.count >= 2 })
    task.cancel()
    let result = try await task.value
    #expect(result.isWarm)
    #expect(result.outcome == .killed)
    #expect(try await Bench.remains(of: result).isEmpty)
    await engine.shutdown()
  }

  /// The rules are no boundary, but where they allow no other process, the kernel allows none.
  @Test(arguments: [false, true]) func underAProfileThereAreThreadsButNoOtherProcess(_ isWarm: Bool) async throws {
    let code = """
      import os, sys, ctypes, subprocess, threading
      def attempt(name, function):
          try: print(name, function())
          except OSError as error: print(name, error.errno)
      attempt('fork', os.fork)
      attempt('exec', lambda: os.execv(sys.executable, ['python3', '-c', 'print(\\'other\\')']))
      attempt('spawn', lambda: subprocess.run([sys.executable, '-c', '']))
      attempt('posix_spawn', lambda: os.posix_spawn(sys.executable, ['python3'], {}))
      libc = ctypes.CDLL(None, use_errno=True)
      for name, call in (('vfork', 58), ('clone', 56), ('execveat', 322)):
          print(name, libc.syscall(call, 17, 0, 0, 0, 0, 0), ctypes.get_errno())
      print('filter', libc.prctl(22, 2, 0), ctypes.get_errno())
      thread = threading.Thread(target=print, args=('thread',))
      thread.start(); thread.join()
      """
    let result = try await Self.unchecked(
      SandboxRequest(language: .python, code: code, profile: .strict), isWarm: isWarm)
    #expect(
      result.stdout == """
        fork 1\nexec 1\nspawn 1\nposix_spawn 1\nvfork -1 1\nclone -1 1\nexecveat -1 1\nfilter -1 1\nthread

        """)
    let node = "try { require('child_process').execFileSync(process.execPath) } catch (e) { console.log(e.code) }"
    let other = try await Self.unchecked(
      SandboxRequest(language: .javascript, code: node, profile: .strict), isWarm: isWarm)
    #expect(other.stdout == "EPERM\n")
  }

  /// Past the validation, with the request's profile all the same.
  private static func unchecked(_ request: SandboxRequest, isWarm: Bool) async throws -> SandboxRun {
    let runtime = BubblewrapRuntime(SandboxSettings(warm: [request.language: 1]), try Bench.host.get())
    if isWarm {
      runtime.pool.warmUp(for: request)
      #expect(await eventually { runtime.pool.count == 1 })
    }
    let result = try await runtime.run(
      request, id: "x", queued: .zero, control: RunControl(), onEvent: { _ in })
    await runtime.shutdown()
    #expect(result.isWarm == isWarm)
    return result
  }
}

extension WarmPool {
  fileprivate var sessions: [SandboxSession] { waiting.map(\.session) }
  fileprivate var numbers: [UInt32] { waiting.map(\.number) }
}

extension Array where Element: Sendable {
  fileprivate func concurrentMap<T: Sendable>(_ body: @escaping @Sendable (Element) async throws -> T) async throws
    -> [T]
  {
    try await withThrowingTaskGroup(of: (Int, T).self) { group in
      for (index, element) in enumerated() { group.addTask { (index, try await body(element)) } }
      return try await group.reduce(into: [(Int, T)]()) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }
}
