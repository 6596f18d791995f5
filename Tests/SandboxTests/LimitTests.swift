import ControlPlane
import Testing

@testable import Sandbox

@Suite(.enabled(if: !Bench.backends.isEmpty, Bench.withoutBackends)) struct LimitTests {
  @Test(arguments: Bench.backends) func timeIsUpForAProgramThatDoesNotEnd(_ backend: Backend) async throws {
    let result = try await Bench.python(
      on: backend,
      "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('on', flush=True)\nwhile True: pass\n",
      SandboxLimits(timeoutMilliseconds: 3_000))
    #expect(result.outcome == .timedOut)
    #expect(result.exitCode == nil)
    #expect(result.stdout == "on\n")
  }

  @Test(arguments: Bench.backends) func aProgramThatTakesAllMemoryIsOutOfMemory(_ backend: Backend) async throws {
    let result = try await Bench.python(
      on: backend, "a = []\nwhile True: a.append(bytearray(1 << 20))\n", SandboxLimits(memoryBytes: 64 << 20))
    #expect(result.outcome == .outOfMemory)
    #expect(!result.timedOut)
    #expect((result.memoryPeakBytes ?? 0) > 32 << 20)
    #expect((result.memoryPeakBytes ?? .max) <= 64 << 20)
  }

  @Test(arguments: Bench.backends) func nodeOutOfItsHeapEndsToo(_ backend: Backend) async throws {
    let result = try await Bench.javaScript(
      on: backend, "const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1))", SandboxLimits(memoryBytes: 96 << 20))
    #expect(result.outcome == .outOfMemory)
  }

  @Test(arguments: Bench.backends) func outputBeyondItsLimitIsThrownAwayAndSaidSo(_ backend: Backend) async throws {
    let code = "import sys\nfor _ in range(64): sys.stdout.write('x' * (1 << 20))\nsys.stderr.write('done')\n"
    let result = try await Bench.python(on: backend, code, SandboxLimits(cpuPercent: 100))
    #expect(result.stdout.utf8.count == 1 << 20)
    #expect(result.stdoutTruncated)
    #expect(!result.stderrTruncated)
    #expect(result.stderr == "done")
    #expect(result.exitCode == 0)
  }

  @Test(arguments: Bench.backends) func exactlyTheLimitIsNotTruncated(_ backend: Backend) async throws {
    let result = try await Bench.python(on: backend, "print('x' * 99)\n", SandboxLimits(outputBytes: 100))
    #expect(result.stdout.utf8.count == 100)
    #expect(!result.stdoutTruncated)
  }

  @Test(arguments: Bench.backends) func processesAreCounted(_ backend: Backend) async throws {
    let code = """
      import os, time
      made = 0
      try:
          for _ in range(200):
              if os.fork() == 0:
                  time.sleep(30)
                  os._exit(0)
              made += 1
      except OSError as error:
          print(error.errno)
      print(made)
      """
    let result = try await Bench.python(on: backend, code, SandboxLimits(processes: 20))
    let lines = result.stdout.split(separator: "\n").compactMap { Int($0) }
    #expect(lines.first == 11)
    #expect((10...19).contains(lines.last ?? 0))
  }

  @Test(arguments: Bench.backends) func foldersAreNoLargerThanTheyMayBe(_ backend: Backend) async throws {
    let code = """
      import errno
      for path in ['/tmp/a', '/workspace/a']:
          try:
              for number in range(64):
                  with open(path + str(number), 'wb') as file: file.write(bytes(1 << 20))
              print('no limit')
          except OSError as error:
              print(errno.errorcode[error.errno], number)
      """
    let result = try await Bench.python(on: backend, code)
    let lines = result.stdout.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines.allSatisfy { $0.hasPrefix("ENOSPC ") && (Int($0.dropFirst(7)) ?? 99) <= 10 })
  }

  @Test(arguments: Bench.backends) func processorTimeIsHeldToItsShare(_ backend: Backend) async throws {
    let code = """
      import time
      wall, cpu = time.monotonic(), time.process_time()
      while time.monotonic() - wall < 2: pass
      print((time.process_time() - cpu) / (time.monotonic() - wall))
      """
    let result = try await Bench.python(on: backend, code, SandboxLimits(cpuPercent: 20))
    let share = Double(result.stdout.split(separator: "\n").first ?? "") ?? 1
    #expect(share < 0.4)
  }

  @Test(arguments: Bench.backends) func descriptorsAndFilesHaveTheirLimits(_ backend: Backend) async throws {
    let code = """
      import resource, signal
      signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
      print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CORE))
      try:
          with open('/tmp/a', 'wb') as file: file.truncate(1 << 20)
          print('no limit')
      except OSError as error: print(error.strerror)
      """
    let result = try await Bench.python(on: backend, code, SandboxLimits(fileBytes: 1 << 18))
    #expect(result.stdout == "(256, 256) (0, 0)\nFile too large\n")
  }
}
