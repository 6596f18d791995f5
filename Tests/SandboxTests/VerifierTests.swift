import Base
import ControlPlane
import Testing

@testable import Sandbox

/// Layer 4: a sandbox that is not as asked for never runs the program.
@Suite(.enabled(if: Bench.hasBubblewrap && Bench.hasGroups, Bench.withoutGroups)) struct VerifierTests {
  private static func plan(_ change: (inout LaunchPlan) -> Void) throws -> (SandboxHost, LaunchPlan) {
    let host = try SandboxHost.find(SandboxSettings())
    let request = SandboxRequest(language: .python, code: "print('ran')")
    var plan = try host.plan(request, number: SandboxHost.nextNumber())
    change(&plan)
    return (host, plan)
  }

  private static func ending(_ change: (inout LaunchPlan) -> Void) async throws -> SandboxSession.Ending {
    let (host, plan) = try plan(change)
    let session = SandboxSession(plan, input: [], onEvent: { _ in })
    try session.start(launcher: host.launcherPath)
    return await session.ending()
  }

  @Test func aLimitThatTheKernelHasOtherwiseIsAnError() async throws {
    let ending = try await Self.ending { plan in
      let index = plan.groups?.writes.firstIndex {
        $0.path.hasSuffix("limit_in_bytes") || $0.path.hasSuffix("memory.max")
      }
      // Not a whole number of pages: the kernel rounds it.
      if let index { plan.groups?.writes[index].value = String((64 << 20) + 1) }
    }
    #expect(ending.failure?.contains("memory is") == true)
    #expect(ending.checks["memory"]?.ok == false)
    #expect(ending.stdout.isEmpty)
  }

  @Test func aLimitThatCannotBeSetIsAnErrorAndLeavesNothing() async throws {
    let ending = try await Self.ending { plan in
      let count = plan.groups?.writes.count ?? 1
      plan.groups?.writes[count - 1].value = "not a number"
    }
    #expect(ending.failure?.contains("cannot set a limit") == true)
    #expect(ending.stdout.isEmpty)
  }

  @Test func aWritableFolderOfTheHostIsAnError() async throws {
    let ending = try await Self.ending { plan in
      plan.arguments = plan.arguments.adding(["--bind", "/usr/share", "/usr/share"])
    }
    #expect(ending.checks["rootfs"]?.ok == false)
    #expect(ending.failure?.contains("rootfs is writable: /usr/share") == true)
    #expect(ending.stdout.isEmpty)
  }

  @Test func theNetworkOfTheHostIsAnError() async throws {
    let ending = try await Self.ending { plan in
      let others = ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup"]
      plan.arguments = plan.arguments.without("--unshare-all", values: 0).adding(others)
    }
    #expect(ending.checks["network"]?.ok == false)
    #expect(ending.stdout.isEmpty)
  }

  @Test func aMissingFilterIsAnError() async throws {
    let ending = try await Self.ending { plan in plan.arguments = plan.arguments.without("--seccomp", values: 1) }
    #expect(ending.checks["seccomp"]?.ok == false)
    #expect(ending.stdout.isEmpty)
  }

  @Test func aHostWithoutGroupsIsRefusedOrSaysSo() async throws {
    var settings = SandboxSettings(require: .all)
    settings.ignoresControlGroups = true
    #expect { _ = try SandboxEngine(settings) } throws: { error in
      (error as? SandboxError)?.failure.code == .unavailable && (error as? SandboxError)?.failure.hint != nil
    }
    settings.require = .isolation
    let engine = try SandboxEngine(settings)
    for (language, code) in [(Language.python, "print(1)"), (.javascript, "console.log(1)")] {
      let result = try await engine.run(SandboxRequest(language: language, code: code))
      #expect(result.limits.enforcedBy == "rlimit")
      #expect(result.stdout == "1\n")
      #expect(
        result.verified["memory"] == .init(expected: "536870912 a process", actual: "536870912 a process", ok: true))
    }
    let late = try await engine.run(
      SandboxRequest(
        language: .python, code: "import time\ntime.sleep(60)", limits: SandboxLimits(timeoutMilliseconds: 300)))
    #expect(late.outcome == .timedOut)
    #expect(try await Bench.remains(of: late).isEmpty)
    await engine.shutdown()
  }
}

extension BubblewrapArguments {
  /// With more words, before the ones that make the root read-only.
  func adding(_ texts: [String]) -> BubblewrapArguments {
    var copy = self
    copy.words.insert(contentsOf: texts.map(Word.text), at: 0)
    return copy
  }

  func without(_ option: String, values: Int) -> BubblewrapArguments {
    var copy = self
    guard let index = words.firstIndex(of: .text(option)) else { return copy }
    copy.words.removeSubrange(index...index + values)
    return copy
  }
}
