internal import ControlPlane
internal import Sandbox

/// Programs of the bench: hostile ones, which must be contained with validation off, and ordinary ones, which must pass
/// the strict rules and do their work. The suites of the room's tests are longer and look at the host as well.
enum SandboxPrograms {
  struct Program: Sendable {
    var request: SandboxRequest
    var isRight: @Sendable (SandboxRun) -> Bool
  }

  static let hostile: [Program] = [
    denied("import socket\nsocket.socket()"),
    denied("import socket\nsocket.socket(40, socket.SOCK_STREAM)"),
    denied("open('/usr/bin/x', 'w')"),
    denied("open('/etc/shadow').read()"),
    denied("import os\nos.setuid(0)"),
    denied("import os\nos.chroot('/tmp')"),
    denied("import os\nos.kill(1, 9)\nraise SystemExit(1)"),
    denied("import ctypes\nl = ctypes.CDLL(None)\nassert l.ptrace(16, 1, 0, 0) == 0"),
    denied("import ctypes\nl = ctypes.CDLL(None)\nassert l.mount(b'none', b'/tmp', b'tmpfs', 0, 0) == 0"),
    denied("import ctypes\nl = ctypes.CDLL(None)\nassert l.unshare(0x10000000) == 0"),
    denied("import ctypes\nl = ctypes.CDLL(None)\nassert l.syscall(321, 0, 0, 0) >= 0"),
    denied("f = open('/tmp/big', 'wb')\nfor _ in range(64): f.write(bytes(1 << 20))"),
    program("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", 700) { $0.timedOut },
    program("import signal\nsignal.signal(15, signal.SIG_IGN)\nwhile True: pass", 300) { $0.timedOut },
    program("x = []\nwhile True: x.append(bytearray(1 << 24))", 5_000) { $0.outcome != .succeeded },
    program("import os\nwhile True: os.write(1, b'x' * 65536)", 500) { $0.timedOut && $0.stdoutTruncated },
    program("import os, time\nif os.fork() == 0:\n  os.setsid()\n  time.sleep(60)", 5_000) { $0.exitCode == 0 },
    program("import os\nprint(len(os.environ.get('HOME', '')) < 16, len(os.listdir('/proc/self/fd')) < 9)", 5_000) {
      $0.stdout == "True True\n"
    },
  ]

  static let ordinary: [Program] = [
    ordinary("print(sum(range(10)))", "45\n"),
    ordinary("import json\nprint(json.dumps({'a': [1, None]}))", "{\"a\": [1, null]}\n"),
    ordinary("import re\nprint(re.compile('a+').match('aab').group())", "aa\n"),
    ordinary("from collections import Counter\nprint(Counter('abca').most_common(1))", "[('a', 2)]\n"),
    ordinary("print('eval exec os.system __import__')", "eval exec os.system __import__\n"),
    ordinary("class A:\n  def exec(self): return 'ran'\nprint(A().exec())", "ran\n"),
    ordinary("import asyncio\nasync def f(): return 5\nprint(asyncio.run(f()))", "5\n"),
    ordinary("import math, statistics\nprint(math.floor(statistics.mean([1, 2, 6])))", "3\n"),
    ordinary("def f(n): return n if n < 2 else f(n - 1) + f(n - 2)\nprint(f(15))", "610\n"),
    ordinary("import datetime\nprint(datetime.date(2026, 1, 2).isoformat())", "2026-01-02\n"),
    ordinary("console.log([3, 1, 2].sort().join())", "1,2,3\n", .javascript),
    ordinary("const m = new Map([['a', 1]]); console.log(JSON.stringify([...m]))", "[[\"a\",1]]\n", .javascript),
    ordinary("(async () => console.log(await Promise.resolve(7)))()", "7\n", .javascript),
    ordinary("class A { #x = 4; get x() { return this.#x } } console.log(new A().x)", "4\n", .javascript),
  ]

  private static func program(
    _ code: String, _ milliseconds: Int, _ isRight: @escaping @Sendable (SandboxRun) -> Bool
  ) -> Program {
    let limits = SandboxLimits(timeoutMilliseconds: milliseconds)
    return Program(request: SandboxRequest(language: .python, code: code, limits: limits, profile: .off)) { result in
      result.verified.values.allSatisfy(\.ok) && isRight(result)
    }
  }

  private static func denied(_ code: String) -> Program {
    program(code, 10_000) { $0.exitCode == 1 || $0.signal == "SIGXFSZ" }
  }

  private static func ordinary(_ code: String, _ output: String, _ language: Language = .python) -> Program {
    Program(request: SandboxRequest(language: language, code: code)) { result in
      result.exitCode == 0 && result.stdout == output && !result.violations.contains { $0.severity == .critical }
    }
  }
}
