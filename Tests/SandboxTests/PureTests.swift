import ControlPlane
import TestKit
import Testing

@testable import Sandbox

@Suite struct ControlGroupTests {
  private let mountinfo = """
    31 24 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
    32 31 0:28 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
    33 31 0:29 /box /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct
    34 31 0:30 / /sys/fs/cgroup/unified rw shared:1 - cgroup2 cgroup2 rw
    """

  @Test func aHybridHostIsRead() {
    let mounts = ControlGroupMount.all(
      mountinfo: mountinfo, membership: "4:memory:/a/b\n3:cpu,cpuacct:/box/c\n0::/\n")
    #expect(mounts.map(\.own) == ["/sys/fs/cgroup/memory/a/b", "/sys/fs/cgroup/cpu/c", "/sys/fs/cgroup/unified"])
    #expect(mounts.map(\.isVersionTwo) == [false, false, true])
  }

  @Test func versionTwoHasOneFolderAndItsOwnFiles() {
    let groups = ControlGroups(version: .two, memory: "/g", cpu: "/g", processes: "/g", unified: "/g", limitsSwap: true)
    let plan = groups.plan(name: "n", limits: SandboxLimits(memoryBytes: 64 << 20))
    #expect(plan.folders == ["/g/n"])
    #expect(plan.joins == ["/g/n/cgroup.procs"])
    #expect(plan.killFile == "/g/n/cgroup.kill")
    let writes = plan.writes.map { "\($0.path)=\($0.value)" }
    #expect(
      writes == [
        "/g/n/memory.max=67108864", "/g/n/memory.swap.max=0", "/g/n/memory.oom.group=1", "/g/n/cpu.max=50000 100000",
        "/g/n/pids.max=64",
      ])
  }

  @Test func whoIsNotRootTakesAVersionTwoGroupOnlyFromWithin() {
    func candidates(_ membership: String, isRoot: Bool) -> [[String]] {
      ControlGroupMount.all(mountinfo: mountinfo, membership: membership).map { $0.candidates(isRoot: isRoot) }
    }
    let outside = candidates("4:memory:/a\n3:cpu,cpuacct:/\n0::/b\n", isRoot: false)
    #expect(outside[0] == ["/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/memory/signalbox"])
    #expect(outside[2] == ["/sys/fs/cgroup/unified/b"])
    #expect(candidates("0::/b\n", isRoot: true)[2].count == 2)
    #expect(candidates("0::/signalbox/x\n", isRoot: false)[2].last == "/sys/fs/cgroup/unified/signalbox")
  }

  @Test func theWayOutNamesTheTreesOfTheMachine() {
    let hybrid = ControlGroupMount.all(
      mountinfo: mountinfo + "\n35 31 0:31 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids", membership: "")
    let command = ControlGroups.delegation(hybrid, user: 1_000)
    #expect(
      command == "run: for d in /sys/fs/cgroup/memory /sys/fs/cgroup/cpu /sys/fs/cgroup/pids; do "
        + "sudo mkdir -p $d/signalbox && sudo chown -R 1000 $d/signalbox; done")
    let pure = ControlGroupMount.all(mountinfo: "31 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", membership: "")
    #expect(ControlGroups.delegation(pure, user: 1_000).contains("systemd-run --user --scope -p Delegate=yes"))
  }

  @Test func damagedTablesNeverCrash() {
    var random = SeededRandom(seed: 7)
    for _ in 0..<2_000 {
      var bytes = Array(mountinfo.utf8)
      for _ in 0..<4 {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 9...126, using: &random)
      }
      let text = String(decoding: bytes.prefix(Int.random(in: 0...bytes.count, using: &random)), as: UTF8.self)
      #expect(ControlGroupMount.all(mountinfo: text, membership: text).count <= 8)
    }
  }
}

@Suite struct LauncherDecoderTests {
  @Test func messagesAreCutOutOfAnyPieces() throws {
    var bytes: [UInt8] = []
    LaunchPlan.frame(&bytes, "p", Array("status\0Uid: 1".utf8))
    LaunchPlan.frame(&bytes, "R", [])
    LaunchPlan.frame(&bytes, "O", [1, 2, 3])
    LaunchPlan.frame(&bytes, "x", Array("reason=exit\nstatus=0\n".utf8))
    for size in 1...7 {
      var decoder = LauncherDecoder()
      var messages: [LauncherMessage] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        decoder.feed(bytes[start..<min(start + size, bytes.count)])
        while let message = try decoder.next() { messages.append(message) }
      }
      let expected: [LauncherMessage] = [
        .posture(name: "status", text: "Uid: 1"), .ready, .stdout([1, 2, 3]), .end(["reason": "exit", "status": "0"]),
      ]
      #expect(messages == expected)
    }
  }

  @Test func garbageIsAnErrorAndNeverACrash() {
    var random = SeededRandom(seed: 11)
    for _ in 0..<2_000 {
      var decoder = LauncherDecoder()
      decoder.feed((0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }[...])
      do { while try decoder.next() != nil {} } catch {
        if case .broken = error { continue }
        Issue.record("\(error)")
      }
    }
  }
}

@Suite struct FairQueueTests {
  @Test func ownersTakeTurns() {
    var queue = FairQueue<Int>(capacity: 10)
    for (element, owner) in [(1, "a"), (2, "a"), (3, "a"), (4, "b"), (5, "c"), (6, "b")] {
      let isIn = queue.append(element, owner: owner)
      #expect(isIn)
    }
    var order: [Int] = []
    while let element = queue.popFirst() { order.append(element) }
    #expect(order == [1, 4, 5, 2, 6, 3])
    #expect(queue.count == 0)
  }

  @Test func itIsBoundedAndForgetsWhoLeaves() {
    var queue = FairQueue<Int>(capacity: 2)
    let taken = [(1, "a"), (2, "b"), (3, "c")].map { queue.append($0.0, owner: $0.1) }
    #expect(taken == [true, true, false])
    let removed = [queue.remove { $0 == 1 }, queue.remove { $0 == 1 }]
    #expect(removed == [1, nil])
    let left = [queue.popFirst(), queue.popFirst()]
    #expect(left == [2, nil])
  }
}

@Suite struct SourceMapTests {
  @Test func linesOfTheProgramAreFoundInTheSource() {
    // Line 1 of the program is line 0 of the source, 2 is 4, 3 goes back to 1; lines 0 and 4 are the generator's.
    let map = SourceMap(mappings: ";AAAA,SAASA;EAIT;AAHA;")
    #expect(map.lines == [1: 0, 2: 4, 3: 1])
    let found = Violation(rule: "r", severity: .high, line: 3, column: 1, message: "m", suggestion: "s")
    #expect(map.place(found)?.line == 5)
    var foreign = found
    foreign.line = 1
    #expect(map.place(foreign) == nil)
    foreign.severity = .critical
    #expect(map.place(foreign)?.line == 1)
  }

  @Test func damagedMapsNeverCrash() {
    var random = SeededRandom(seed: 5)
    let alphabet = Array("ABCDgz9+/;,!".utf8)
    for _ in 0..<2_000 {
      let bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 65 }
      let map = SourceMap(mappings: String(decoding: bytes, as: UTF8.self))
      #expect(map.lines.count <= 81)
    }
    #expect(SourceMap(in: "//# sourceMappingURL=data:application/json;base64,!!") == nil)
    #expect(SourceMap(in: "console.log(1)") == nil)
  }
}

@Suite struct RunKeyTests {
  private let interpreter = Interpreter(language: .python, path: "/p", version: "3", mounts: [:])

  private func key(_ request: SandboxRequest) -> String {
    RunKey.digest(request, interpreter: interpreter, packageFolders: [])
  }

  @Test func everythingTheProgramSeesIsInTheKey() {
    let plain = SandboxRequest(language: .python, code: "a")
    var others = [plain]
    var request = plain
    request.code = "b"
    others.append(request)
    request = plain
    request.input = [1]
    others.append(request)
    request.input = []
    request.arguments = ["a", "b"]
    others.append(request)
    request.arguments = ["ab"]
    others.append(request)
    request.arguments = []
    request.files = [.init(path: "x", content: [1])]
    others.append(request)
    request.files = [.init(path: "x", content: [2])]
    others.append(request)
    request = plain
    request.limits.memoryBytes += 4_096
    others.append(request)
    request = plain
    request.profile = .off
    others.append(request)
    #expect(Set(others.map(key)).count == others.count)
    request = plain
    request.owner = "someone"
    #expect(key(request) == key(plain))
  }
}
