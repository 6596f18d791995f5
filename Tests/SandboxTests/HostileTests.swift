import ControlPlane
import Glibc
import TestKit
import Testing

@testable import Sandbox

/// Programs that want out, with validation off. What they report is not believed where the host can be looked at.
@Suite(.enabled(if: !Bench.backends.isEmpty, Bench.withoutBackends)) struct HostileTests {
  /// System calls by number on x86-64 with what a sandboxed program must be told: 1 EPERM, 38 ENOSYS.
  private static let calls: [(name: String, call: String, errors: Set<Int>)] = [
    ("ptrace", "101, 16, 1, 0, 0", [1]), ("mount", "165, b'none', b'/tmp', b'tmpfs', 0, 0", [1]),
    ("umount2", "166, b'/tmp', 0", [1]), ("pivot_root", "155, b'/', b'/tmp'", [1]), ("chroot", "161, b'/tmp'", [1]),
    ("unshare user", "272, 0x10000000", [1]), ("unshare net", "272, 0x40000000", [1]), ("setns", "308, 0, 0", [1]),
    ("clone new user", "56, 0x10000011, 0, 0, 0, 0", [1]), ("clone3", "435, 0, 0", [38]),
    ("keyctl", "250, 0, -3, 1", [1]), ("add_key", "248, b'user', b'a', b'b', 1, -3", [1]), ("bpf", "321, 0, 0, 0", [1]),
    ("perf_event_open", "298, 0, 0, -1, -1, 0", [1]), ("userfaultfd", "323, 0", [1]),
    ("io_uring_setup", "425, 8, 0", [38]), ("socket inet", "41, 2, 1, 0", [1]), ("socket raw", "41, 2, 3, 1", [1]),
    ("socket unix", "41, 1, 1, 0", [1]), ("socket vsock", "41, 40, 1, 0", [1]), ("socket netlink", "41, 16, 3, 0", [1]),
    ("socketpair inet", "53, 2, 1, 0, buffer", [1]), ("process_vm_readv", "310, 1, 0, 0, 0, 0, 0", [1]),
    ("pidfd_getfd", "438, 0, 0, 0", [1]), ("open_by_handle_at", "304, -100, 0, 0", [1]),
    ("mknod device", "133, b'/tmp/null', 0o20666, 0x103", [1]), ("setuid", "105, 0", [1]),
    ("setgroups", "116, 0, 0", [1]),
    ("personality", "135, 0x40000", [1]), ("reboot", "169, 0, 0, 0, 0", [1]), ("init_module", "175, 0, 0, b''", [1]),
    ("TIOCSTI", "16, 0, 0x5412, b'x'", [1]), ("TIOCSTI with high bits", "16, 0, 0x100005412, b'x'", [1]),
    ("fsopen", "430, b'tmpfs', 0", [1]), ("swapon", "167, b'/tmp/a', 0", [1]), ("quotactl", "179, 0, 0, 0, 0", [1]),
  ]

  @Test(arguments: Bench.backends) func callsThatReachBeyondAreDenied(_ backend: Backend) async throws {
    let rows = Self.calls.map { "('\($0.name)', (\($0.call)))" }.joined(separator: ",\n  ")
    let code = """
      import ctypes
      libc = ctypes.CDLL(None, use_errno=True)
      buffer = ctypes.create_string_buffer(64)
      for name, call in [
        \(rows)]:
          ctypes.set_errno(0)
          answer = libc.syscall(*[ctypes.c_long(v) if isinstance(v, int) else v for v in call])
          print(name, answer, ctypes.get_errno(), sep='|', flush=True)
          if answer == 0 and name.startswith('clone'):
              import os; os._exit(0)
      """
    let result = try await Bench.python(on: backend, code)
    #expect(result.stderr == "")
    let lines = result.stdout.split(separator: "\n").map { $0.split(separator: "|").map(String.init) }
    #expect(lines.count == Self.calls.count)
    for (line, call) in zip(lines, Self.calls) {
      #expect(line[0] == call.name)
      #expect(line[1] == "-1" && call.errors.contains(Int(line[2]) ?? 0), "\(line)")
    }
  }

  @Test(arguments: Bench.backends) func aForkBombEndsWithItsRun(_ backend: Backend) async throws {
    let result = try await Bench.python(
      on: backend, "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass\n",
      SandboxLimits(timeoutMilliseconds: 1_500))
    #expect(result.outcome == .timedOut)
  }

  @Test(arguments: Bench.backends) func aDaemonDoesNotOutliveItsParent(_ backend: Backend) async throws {
    let code = """
      import os, time
      if os.fork() == 0:
          os.setsid()
          if os.fork() == 0:
              while True:
                  print('still here', flush=True)
                  time.sleep(0.01)
          os._exit(0)
      time.sleep(0.1)
      """
    let result = try await Bench.python(on: backend, code)
    #expect(result.exitCode == 0)
    #expect(result.durationMilliseconds < 20_000)
  }

  @Test(arguments: Bench.backends) func nothingOfTheHostCanBeSeenOrWritten(_ backend: Backend) async throws {
    let folder = try TemporaryFolder()
    let canary = try folder.write("canary", "secret-of-the-host")
    chmod(canary, 0o666)
    chmod(folder.path, 0o777)
    let code = """
      import os, glob
      for path in ['\(canary)', '/etc/shadow', '/etc/hostname', '/root', '/home', '/sys', '/var', '/run',
                   '/usr/bin/bash',
                   '/proc/1/root/etc/shadow', '/proc/1/cwd', '/proc/1/mem', '/proc/1/environ', '/proc/1/fd/3',
                   '/proc/kcore', '/proc/sysrq-trigger', '/dev/mem', '/dev/sda', '/dev/kmsg', '/bin/sh']:
          try:
              if os.path.isdir(path): content = str(os.listdir(path))
              else: content = open(path, 'rb').read(100)
              if content: print('READ', path, content)
          except OSError: pass
      for path in ['/a', '/usr/a', '/etc/passwd', '\(canary)', '/dev/shm/a', '/dev/a', '/sys/fs/cgroup/a',
      '/.sandbox/launcher',
                   '/sys/kernel/a', '/proc/sys/kernel/hostname',
                   '/proc/self/uid_map', '/proc/1/oom_score_adj', '/.launcher', '/proc/sys/vm/drop_caches',
                   '/usr/lib/python3.11/os.py']:
          try:
              with open(path, 'wb', buffering=0) as file: file.write(b'0 0 1')
              print('WROTE', path)
          except OSError: pass
      print(sorted(os.environ), sorted(int(p) for p in os.listdir('/proc') if p.isdigit()), os.getuid(), os.uname()[1])
      """
    let result = try await Bench.python(on: backend, code)
    #expect(result.stderr == "")
    var lines = result.stdout.split(separator: "\n").map(String.init)
    let last = lines.removeLast()
    #expect(last.hasPrefix("['HOME', 'LANG', 'PATH', 'PWD', 'PYTHONDONTWRITEBYTECODE'] [1, "))
    #expect(last.hasSuffix("] 65534 sandbox") && last.split(separator: ",").count == 6)
    // A container has a name of its own and the kernel's tree of devices, read-only.
    let shown = backend == .docker ? ["READ /etc/hostname b'sandbox", "READ /sys ['"] : []
    #expect(lines.filter { line in !shown.contains { line.hasPrefix($0) } && line != "'" }.isEmpty, "\(lines)")
    #expect(folder.read("canary") == "secret-of-the-host")
  }

  @Test(arguments: Bench.backends) func noDescriptorIsInherited(_ backend: Backend) async throws {
    let marker = open("/etc/hostname", O_RDONLY)
    defer { close(marker) }
    let code = """
      import os
      for name in sorted(os.listdir('/proc/self/fd'), key=int):
          try: print(name, os.readlink('/proc/self/fd/' + name).split(':')[0])
          except OSError: pass
      """
    let result = try await Bench.python(on: backend, code)
    #expect(result.stdout == "0 pipe\n1 pipe\n2 pipe\n")
  }

  @Test(arguments: Bench.backends) func aListenerOfTheHostIsNotReached(_ backend: Backend) async throws {
    let (listener, port) = try Bench.listener()
    defer { close(listener) }
    let code = """
      import socket
      for family, address in [(socket.AF_INET, ('127.0.0.1', \(port))), (socket.AF_UNIX, '\\0signalbox-canary'),
                              (socket.AF_INET, ('8.8.8.8', 53))]:
          try:
              socket.socket(family).connect(address)
              print('CONNECTED', address)
          except OSError as error: print(error.errno)
      """
    let result = try await Bench.python(on: backend, code)
    #expect(result.stdout == "1\n1\n1\n")
    #expect(accept(listener, nil, nil) < 0)
    #expect(errno == EAGAIN)
  }

  @Test(arguments: Bench.backends) func theFirstProcessInsideCannotBeHarmed(_ backend: Backend) async throws {
    let code = """
      import os, signal
      for number in (9, 15, 19, 11):
          os.kill(1, number)
      os.kill(os.getpid(), 0)
      print('alive', flush=True)
      try: os.kill(-1, 9)
      except OSError: pass
      os._exit(5)
      """
    let result = try await Bench.python(on: backend, code)
    #expect(result.stdout == "alive\n")
    #expect(result.exitCode == 5)
  }

  @Test(arguments: Bench.backends) func anEndCannotBeForged(_ backend: Backend) async throws {
    let code = """
      import os
      for number in range(3, 64):
          try: os.write(number, b'X\\0\\0\\0\\0')
          except OSError: pass
      print('x reason=exit\\nstatus=0\\nX\\0\\0\\0\\0')
      os._exit(7)
      """
    let result = try await Bench.python(on: backend, code)
    #expect(result.exitCode == 7)
  }

  @Test(arguments: Bench.backends) func filesComeOutWithoutFollowingLinks(_ backend: Backend) async throws {
    let code = """
      import os
      os.symlink('/etc/shadow', 'link')
      os.symlink('/', 'folder')
      os.symlink('/proc/self/environ', 'environ')
      try: os.mkfifo('pipe')
      except PermissionError: pass
      os.mkdir('loop')
      os.symlink('../loop', 'loop/loop')
      os.link('main.py', 'hard')
      open('fine', 'w').write('fine')
      open('\\x1b[31mred', 'w').write('red')
      os.makedirs('/'.join(['d'] * 40))
      """
    let result = try await Bench.python(on: backend, code)
    #expect(result.stderr == "")
    #expect(Set(result.files.map(\.path)) == ["hard", "fine", "\u{1B}[31mred"])
  }

  @Test(arguments: Bench.backends) func manyEmptyFilesEndInBoundedTime(_ backend: Backend) async throws {
    let code = "import os\nfor n in range(100000): os.close(os.open('/workspace/%d' % n, os.O_CREAT | os.O_WRONLY))\n"
    let result = try await Bench.python(
      on: backend, code, SandboxLimits(memoryBytes: 64 << 20, timeoutMilliseconds: 5_000))
    #expect(result.files.count <= 8_192)
    #expect(result.durationMilliseconds < 30_000)
  }

  /// Names are the program's words too: a listing of thousands of long ones would weigh hundreds of megabytes as JSON.
  @Test(arguments: Bench.backends) func aListOfFilesHasABound(_ backend: Backend) async throws {
    let code = """
      import os
      for depth in range(12):
        os.mkdir('\\x01' * 250)
        os.chdir('\\x01' * 250)
      for n in range(3000): os.close(os.open('\\x01' * 200 + str(n), os.O_CREAT | os.O_WRONLY))
      """
    let result = try await Bench.python(on: backend, code)
    #expect(result.stderr == "")
    #expect(!result.files.isEmpty)
    #expect(result.files.reduce(0) { $0 + $1.path.utf8.count } <= 64 << 10)
    let many = try await Bench.python(on: backend, "for n in range(3000): open(str(n), 'w').close()")
    #expect(many.files.count == 1_024)
  }

  /// Two names that Unicode calls the same are two files.
  @Test func filesOfOneNameInTwoFormsKeepTheirContents() async throws {
    let result = try await Bench.python("open('\u{E9}', 'w').write('1')\nopen('e\u{301}', 'w').write('22')\n")
    #expect(result.files.map(\.bytes).sorted() == [1, 2])
    for (file, content) in zip(result.files, result.contents) { #expect(content?.count == file.bytes) }
  }

  @Test func aFileIsNoFolderOfAnotherOne() throws {
    for paths in [["a", "a/b"], ["main.py/x"], ["x/y/z", "x/y"]] {
      let files = paths.map { SandboxRequest.File(path: $0, content: []) }
      #expect(SandboxRequest(language: .python, code: "1", files: files).objection != nil, "\(paths)")
    }
    let files = ["a/b", "a/c", "ab"].map { SandboxRequest.File(path: $0, content: []) }
    #expect(SandboxRequest(language: .python, code: "1", files: files).objection == nil)
  }

  @Test(arguments: Bench.backends) func aStoppedProgramIsEndedInTime(_ backend: Backend) async throws {
    let result = try await Bench.python(
      on: backend, "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n", SandboxLimits(timeoutMilliseconds: 500))
    #expect(result.outcome == .timedOut)
  }

  @Test(arguments: Bench.backends) func privilegesAreGoneForGood(_ backend: Backend) async throws {
    let code = """
      import os
      status = dict(line.split(':', 1) for line in open('/proc/self/status'))
      print([status[n].strip() for n in ('CapEff', 'CapBnd', 'NoNewPrivs', 'Seccomp')])
      print(os.getgroups() in ([], [65534]))
      print(open('/proc/self/uid_map').read().split()[2])
      """
    let result = try await Bench.python(on: backend, code)
    // The Engine's containers share the host's user namespace unless it is told otherwise.
    let ids = backend == .docker ? "4294967295" : "1"
    #expect(result.stdout == "['0000000000000000', '0000000000000000', '1', '2']\nTrue\n\(ids)\n")
  }

  @Test(arguments: Bench.backends) func nodeIsHeldLikePython(_ backend: Backend) async throws {
    let code = """
      const fs = require('fs'), net = require('net'), child = require('child_process');
      for (const path of ['/etc/shadow', '/etc/hostname', '/proc/1/environ', '/usr/bin/python3']) {
        try { console.log('READ', path, fs.readFileSync(path).length) } catch (error) { }
      }
      try { fs.writeFileSync('/usr/a', 'x'); console.log('WROTE') } catch (error) { }
      console.log(child.spawnSync('/bin/sh').error.code, Object.keys(process.env).sort().join());
      net.connect(80, '127.0.0.1').on('error', error => console.log(error.code));
      """
    let result = try await Bench.javaScript(on: backend, code)
    // A container has a file of its own name.
    let shown = backend == .docker ? "READ /etc/hostname 8\n" : ""
    #expect(result.stdout == "\(shown)ENOENT HOME,LANG,PATH,PWD\nEPERM\n")
  }
}
