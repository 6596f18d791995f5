import Base
import ControlPlane

@testable import Console

/// Snapshots of a sandbox with fixed figures.
enum SandboxFixture {
  static func run(
    _ number: Int, _ state: RunSummary.State = .finished, _ outcome: RunOutcome? = nil, language: String = "python",
    title: String = "import json"
  ) -> RunSummary {
    RunSummary(
      id: "r-\(550 + number)", state: state, language: language, backend: "bubblewrap", actor: "claude/refactor",
      project: IndexFixture.id("api"), title: title, timeMilliseconds: ModelFixture.start.wall - 41_000,
      outcome: outcome, exitCode: outcome == .succeeded ? 0 : outcome == .failed ? 1 : nil,
      isCached: number == 8, queueMilliseconds: 3, startMilliseconds: 4,
      durationMilliseconds: 1_204 * (abs(number) % 7),
      memoryPeakBytes: state == .finished ? 88 << 20 : nil,
      reason: outcome == .blocked ? "import of socket" : nil)
  }

  static func sandbox() -> SandboxSnapshot {
    var sandbox = SandboxSnapshot(backend: "bubblewrap")
    sandbox.active = [
      run(1, .running, title: "for chunk in read():"), run(2, .running, language: "javascript", title: "await main()"),
      run(3, .queued, language: "go", title: "package main"),
    ]
    let outcomes = RunOutcome.allCases
    sandbox.recent = outcomes.enumerated().map { index, outcome in run(-index - 1, .finished, outcome) } + [run(8)]
    sandbox.recent[sandbox.recent.count - 1].outcome = .succeeded
    (sandbox.running, sandbox.queued, sandbox.warm, sandbox.concurrencyMax) = (2, 1, 4, 16)
    (sandbox.total, sandbox.succeeded, sandbox.failed) = (1_204, 1_100, 61)
    (sandbox.timedOut, sandbox.outOfMemory, sandbox.blocked, sandbox.cached) = (12, 3, 28, 412)
    sandbox.successRate = 0.914
    sandbox.limits = .init(timeoutMilliseconds: 30_000, memoryBytes: 512 << 20, memoryBytesMax: 2 << 30)
    sandbox.startLatency = LatencySummary(
      p50: 2.4, p95: 8, p99: 31, counts: Array(repeating: 0, count: 9) + [12, 210, 680, 190, 90, 22])
    sandbox.latency = LatencySummary(
      p50: 41, p95: 1_900, p99: 2_400, counts: Array(repeating: 0, count: 12) + [90, 310, 280, 160, 70, 40, 90, 61])
    sandbox.languages = [
      .init(name: "python", version: "3.11.2", warm: 2), .init(name: "javascript", version: "20.20", warm: 2),
      .init(name: "go", missing: "go is not installed: apt-get install golang-go"),
    ]
    return sandbox
  }

  static func snapshot(_ sandbox: SandboxSnapshot?) -> Snapshot {
    var snapshot = ModelFixture.snapshot()
    snapshot.sandbox = sandbox
    return snapshot
  }

  static func console(
    _ width: Int = 120, _ height: Int = 40, sandbox: SandboxSnapshot? = sandbox(), isReadOnly: Bool = false,
    glyphs: GlyphSet = .braille
  ) -> ModelFixture {
    var fixture = ModelFixture(width: width, height: height, isReadOnly: isReadOnly, glyphs: glyphs)
    fixture.receive(.snapshot(snapshot(sandbox)))
    return fixture
  }

  static func detail(_ run: RunSummary) -> RunDetail {
    var result = RunResult(
      id: run.id, language: run.language, backend: run.backend, stdout: "one\ntwo\nthree\n",
      stderr: "Traceback (most recent call last):\n  ValueError: no\n",
      limits: .init(
        memoryBytes: 512 << 20, cpuPercent: 50, timeoutMilliseconds: 30_000, processes: 64, tmpBytes: 10 << 20,
        outputBytes: 1 << 20, enforcedBy: "cgroup"))
    result.exitCode = 1
    result.verified = [
      "network": .init(expected: "none", actual: "none", ok: true),
      "memory": .init(expected: "536870912", actual: "536870912", ok: true),
      "seccomp": .init(expected: "filter", actual: "none", ok: false),
    ]
    result.violations = [
      .init(
        rule: "import", severity: .critical, line: 3, column: 1, message: "import of socket",
        suggestion: "there is no network")
    ]
    result.files = [.init(path: "out.json", bytes: 4_096)]
    return RunDetail(summary: run, result: result, code: "import json\nprint(json.dumps({}))\n")
  }
}
