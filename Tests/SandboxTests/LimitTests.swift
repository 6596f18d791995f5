import ControlPlane
import Glibc
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

  @Test(.enabled(if: Bench.hasGroups, Bench.withoutGroups)) func aLauncherThatIsKilledLeavesNoGroup() async throws {
    let host = try Bench.host.get()
    let request = SandboxRequest(language: .python, code: "import time\ntime.sleep(60)\n", profile: .off)
    let plan = try host.plan(request, number: SandboxHost.nextNumber())
    let groups = try #require(plan.groups)
    let session = SandboxSession(plan, input: []) { _ in }
    try session.start(launcher: host.launcherPath)
    await session.ready()
    // The parent of the outermost process in the group is no member of it.
    let members = (SmallFile.text(groups.joins[0]) ?? "").split(separator: "\n").compactMap { Int32($0) }
    let parents = members.compactMap { process -> Int32? in
      let line = (SmallFile.text("/proc/\(process)/status") ?? "").split(separator: "\n")
        .first { $0.hasPrefix("PPid:") }
      return line.flatMap { Int32($0.dropFirst(5).trimmingPrefix { $0.isWhitespace }) }
    }
    let launcher = try #require(parents.first { !members.contains($0) })
    #expect(kill(launcher, SIGKILL) == 0)
    let ending = await session.ending()
    #expect(ending.failure != nil)
    for folder in groups.folders { #expect(access(folder, F_OK) != 0, "\(folder)") }
  }

  /// Whoever waits for the validator holds a program as well as whoever waits for a turn.
  @Test func programsThatAreNotReadYetCountAmongThoseThatWait() async throws {
    var settings = SandboxSettings(require: Bench.hasGroups ? .all : .isolation, warm: [:])
    (settings.concurrencyMax, settings.waitingMax) = (1, 1)
    let engine = SandboxEngine(settings, BubblewrapRuntime(settings, try Bench.host.get()), nil)
    let refused = await withTaskGroup(of: SandboxError?.self) { group in
      for number in 0..<6 {
        group.addTask {
          let code = "import time\ntime.sleep(60 + \(number))"
          do throws(SandboxError) {
            _ = try await engine.run(SandboxRequest(language: .python, code: code))
            return nil
          } catch {
            return error
          }
        }
      }
      var refused: [SandboxError?] = []
      // Those that got in stay until they are ended.
      for await outcome in group.prefix(4) { refused.append(outcome) }
      group.cancelAll()
      return refused
    }
    await engine.shutdown()
    #expect(refused == Array(repeating: .busy(waiting: 2), count: 4))
  }
}
