import Base
import ControlPlane
import Foundation
import Glibc
import Outbound
import TestKit
import Testing

@testable import Sandbox

/// The Docker back end where it differs from the other one; what both do is tested in the suites with a `Backend`.
@Suite(.enabled(if: Bench.hasDocker, Bench.withoutDocker)) struct DockerTests {
  private static func client() async throws -> DockerClient {
    try await DockerClient.connect(Bench.dockerSettings().docker.address, Bench.transport).0
  }

  /// A container that nobody will start.
  private static func plan(_ labels: [String: String]) -> DockerPlan {
    DockerPlan(
      image: "signalbox-test-python:local", volume: "signalbox-test", runtime: nil, seccomp: "unconfined",
      labels: labels, language: .python, command: [], files: [], limits: SandboxLimits(), runMilliseconds: nil)
  }

  @Test func aMissingImageIsAnErrorThatNamesTheCommand() async throws {
    let engine = try await SandboxEngine.find(
      Bench.dockerSettings(images: [.python: "signalbox/no-such-image:1"]), transport: Bench.transport)
    #expect(engine.languages.isEmpty)
    let request = SandboxRequest(language: .python, code: "", profile: .off)
    await #expect(
      throws: SandboxError.unavailable(
        "the Docker Engine has no image signalbox/no-such-image:1", fix: "docker pull signalbox/no-such-image:1")
    ) { try await engine.run(request) }
    await #expect { try await engine.run(SandboxRequest(language: .javascript, code: "", profile: .off)) } throws: {
      ($0 as? SandboxError)?.failure.code == .unavailable
    }
    // No registry is reached from here, and that is said.
    await #expect { try await engine.pull { _ in } } throws: { error in
      (error as? SandboxError)?.failure.hint == "docker pull signalbox/no-such-image:1"
    }
  }

  @Test func containersOfADeadNodeAreRemovedAndOthersStay() async throws {
    let client = try await Self.client()
    var dead = DockerOwner.current
    // This process id was given to another process before, which is gone: the time of its start tells.
    dead.started = "1"
    var foreign = dead
    foreign.place = "another machine"
    let own = try await client.create(Self.plan(DockerOwner.current.labels).container)
    let left = try await client.create(Self.plan(dead.labels).container)
    let theirs = try await client.create(Self.plan(foreign.labels).container)
    let engine = try await SandboxEngine.find(Bench.dockerSettings(), transport: Bench.transport)
    // Engines of other tests look at the same time, and the one whose removal comes second waits for nothing.
    let isGone = await eventually {
      (try? await client.containers(label: DockerRuntime.label).contains { $0.id == left }) == false
    }
    #expect(isGone)
    let rest = try await client.containers(label: DockerRuntime.label).map(\.id)
    #expect(rest.contains(own) && rest.contains(theirs))
    for id in [own, theirs] { #expect(await client.remove(id)) }
    await engine.shutdown()
  }

  @Test func nothingOfARunIsLeftOnTheHost() async throws {
    let client = try await Self.client()
    let engine = try await Bench.engine(.docker)
    let id = SandboxEngine.newID()
    let marker = "signalbox-test-\(id)"
    let code = "import os\nprint('up', flush=True)\nwhile True:\n  try: os.fork()\n  except OSError: pass\n"
    let seen = Collected<RunEvent>()
    async let result = engine.run(
      SandboxRequest(language: .python, code: code, arguments: [marker], profile: .off, owner: marker), id: id,
      onEvent: { seen.append($0) })
    #expect(await eventually { seen.count >= 2 })
    let container = try #require(try await client.containers(label: "signalbox.run=\(id)").first?.id)
    #expect(!Self.processes(marker).isEmpty)
    #expect(!Self.groups(container).isEmpty)
    #expect(await engine.kill(id))
    #expect(try await result.outcome == .killed)
    #expect(Self.processes(marker).isEmpty)
    #expect(Self.groups(container).isEmpty)
    #expect(try await client.containers(label: "signalbox.run=\(id)").isEmpty)
  }

  private static func processes(_ marker: String) -> [String] {
    Bench.names("/proc").filter { Int($0) != nil && (SmallFile.text("/proc/\($0)/cmdline") ?? "").contains(marker) }
  }

  private static func groups(_ container: String) -> [String] {
    let trees = Bench.names("/sys/fs/cgroup").map { "/sys/fs/cgroup/\($0)/docker/\(container)" }
    return (trees + ["/sys/fs/cgroup/system.slice/docker-\(container).scope"]).filter { access($0, F_OK) == 0 }
  }

  @Test func aContainerEndsWhenTheConnectionOfItsNodeDoes() async throws {
    let client = try await Self.client()
    let engine = try await Bench.engine(.docker)
    _ = try await engine.run(SandboxRequest(language: .python, code: "", profile: .off))
    // As a run does it, up to the point at which the node dies.
    let runtime = try await DockerRuntime.connect(Bench.dockerSettings(), transport: Bench.transport)
    var plan = Self.plan(DockerOwner.current.labels)
    plan.container.hostConfig.mounts = [
      .init(source: runtime.volume, target: DockerPlan.launcherFolder, readOnly: true)
    ]
    plan.container.hostConfig.securityOpt = ["no-new-privileges"]
    plan.command = ["python3", "-c", "while True: pass"]
    let id = try await client.create(plan.container)
    let ready = Collected<Bool>()
    let stream = try await DockerStream.open(
      client.address, path: "/v\(client.api)/containers/\(id)/attach?stream=1&stdin=1&stdout=1&stderr=1",
      deadline: .seconds(60)
    ) { if case .ready = $0 { ready.append(true) } }
    stream.send(plan.frames)
    try await client.start(id)
    #expect(await eventually { ready.count > 0 })
    stream.send("V")
    #expect(try await client.inspect(id).state.running)
    stream.close()
    #expect(try await eventually { try await !client.inspect(id).state.running })
    #expect(await client.remove(id))
  }

  @Test func autoPrefersBubblewrapAndFallsToDocker() async throws {
    var settings = try Bench.dockerSettings()
    settings.backend = .auto
    settings.bubblewrap = "/nonexistent/bwrap"
    let engine = try await SandboxEngine.find(settings, transport: Bench.transport)
    #expect(try await engine.run(SandboxRequest(language: .python, code: "print(1)")).backend == "docker")
    await engine.shutdown()
    guard Bench.hasBubblewrap, Bench.hasGroups else { return }
    settings.bubblewrap = SandboxSettings().bubblewrap
    let embedded = try await SandboxEngine.find(settings, transport: Bench.transport)
    #expect(try await embedded.run(SandboxRequest(language: .python, code: "print(1)")).backend == "bubblewrap")
    await embedded.shutdown()
  }

  @Test func aRuntimeThatTheEngineDoesNotHaveIsAnError() async throws {
    var settings = try Bench.dockerSettings()
    settings.docker.runtime = "no-such-runtime"
    let engine = try await SandboxEngine.find(settings, transport: Bench.transport)
    await #expect { try await engine.run(SandboxRequest(language: .python, code: "", profile: .off)) } throws: {
      "\($0)".contains("no-such-runtime")
    }
    await engine.shutdown()
  }

  @Test func findingsOfTheValidatorComeFromAContainerToo() async throws {
    let engine = try await Bench.engine(.docker)
    let blocked = try await engine.run(SandboxRequest(language: .python, code: "import os\nos.system('id')\n"))
    #expect(blocked.outcome == .blocked)
    #expect(blocked.backend == "docker")
  }
}

/// What needs no Engine.
@Suite struct DockerValueTests {
  @Test func withCIBothBackEndsAreTested() {
    guard getenv("CI").map({ String(cString: $0) }) == "true" else { return }
    #expect(Bench.hasDocker, Bench.withoutDocker)
  }

  @Test func onlySocketsOfThisMachineAreAddresses() throws {
    #expect(try DockerAddress("unix:///run/docker.sock") == .unix("/run/docker.sock"))
    #expect(try DockerAddress("tcp://127.0.0.1:2375") == .tcp(host: "127.0.0.1", port: 2_375))
    #expect(try DockerAddress("tcp://[::1]:1") == .tcp(host: "[::1]", port: 1))
    for text in [
      "", "unix://", "unix://relative", "tcp://10.0.0.1:2375", "tcp://docker:2375", "tcp://127.0.0.1", "ssh://host",
      "tcp://127.0.0.1:99999", "tcp://localhost.evil:1", "unix:///" + String(repeating: "a", count: 120),
    ] {
      #expect(throws: SandboxError.self, "\(text)") { try DockerAddress(text) }
    }
  }

  @Test func withoutAnyBackEndTheErrorNamesBothWays() async throws {
    var settings = SandboxSettings(bubblewrap: "/nonexistent/bwrap")
    settings.docker.address = .unix("/nonexistent/docker.sock")
    await #expect {
      try await SandboxEngine.find(settings, transport: Bench.transport)
    } throws: { error in
      guard let failure = (error as? SandboxError)?.failure else { return false }
      return failure.message.contains("/nonexistent/bwrap") && failure.message.contains("/nonexistent/docker.sock")
        && failure.hint?.contains("install the package bubblewrap") == true
        && failure.hint?.contains("DOCKER_HOST") == true
    }
  }

  @Test func theFilterIsTheSameInTheEnginesWords() throws {
    for architecture in SeccompFilter.Architecture.allCases {
      let text = DockerSeccomp.profile(architecture)
      let profile = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
      let rules = try #require(profile["syscalls"] as? [[String: Any]])
      let names = Set(rules.flatMap { $0["names"] as? [String] ?? [] })
      for row in SystemCalls.denied { #expect(!names.contains(row.name)) }
      let allowed = Set(rules.first?["names"] as? [String] ?? [])
      #expect(
        allowed == Set(SystemCalls.allowed.filter { (architecture == .x86 ? $0.x86 : $0.arm) != nil }.map(\.name)))
      #expect(rules.filter { $0["names"] as? [String] == ["ioctl"] }.count == SeccompFilter.terminalCommands.count)
      #expect(profile["defaultAction"] as? String == "SCMP_ACT_ERRNO")
    }
  }

  @Test func framesComeOutHoweverTheyAreCut() throws {
    var launcher: [UInt8] = []
    LaunchPlan.frame(&launcher, "O", Array("hello".utf8))
    LaunchPlan.frame(&launcher, "R", [])
    // The Engine may cut the launcher's frames anywhere.
    var bytes: [UInt8] = []
    for part in [launcher.prefix(3), launcher.dropFirst(3)] {
      bytes += [1, 0, 0, 0, 0, 0, 0, UInt8(part.count)] + part
    }
    bytes += [2, 0, 0, 0, 0, 0, 0, 3] + Array("bad".utf8)
    for size in 1...bytes.count {
      var frames = DockerFrames()
      var seen: [LauncherMessage] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        try frames.feed(bytes[start..<min(start + size, bytes.count)]) { seen.append($0) }
      }
      #expect(seen == [.stdout(Array("hello".utf8)), .ready, .failure("bad")])
    }
    var frames = DockerFrames()
    #expect(throws: SandboxError.self) { try frames.feed([1, 0, 0, 0, 255, 255, 255, 255][...]) { _ in } }
  }

  @Test func versionsOfTheInterfaceAreComparedAsNumbers() {
    #expect(DockerClient.isOlder("1.9", "1.41"))
    #expect(!DockerClient.isOlder("1.41", "1.41"))
    #expect(!DockerClient.isOlder("1.100", "1.41"))
    #expect(DockerClient.withTag("python") == "python:latest")
    #expect(DockerClient.withTag("host:5000/python") == "host:5000/python:latest")
    #expect(DockerClient.withTag("python:3.11-alpine") == "python:3.11-alpine")
  }

  // MARK: Layer 4

  private static let plan = DockerPlan(
    image: "i", volume: "v", runtime: nil, seccomp: "{}", labels: [:], language: .python, command: ["python3"],
    files: [], limits: SandboxLimits(), runMilliseconds: 1_000)

  private static func verifier() -> DockerVerifier {
    var verifier = Verifier()
    verifier.posture = [
      "status": """
      Uid:\t65534\t65534\t65534\t65534
      CapInh:\t0000000000000000
      CapPrm:\t0000000000000000
      CapEff:\t0000000000000000
      CapBnd:\t0000000000000000
      CapAmb:\t0000000000000000
      NoNewPrivs:\t1
      Seccomp:\t2
      """,
      "net/dev": "Inter-|\n face |\n    lo: 0 0\n",
      "mountinfo": """
      1 0 0:1 / / ro,relatime - overlay overlay rw
      2 1 0:2 / /proc rw,nosuid - proc proc rw
      3 1 0:3 / /dev rw,nosuid - tmpfs tmpfs rw
      4 1 0:4 / /tmp rw,nosuid - tmpfs tmpfs rw
      5 1 0:5 / /workspace rw,nosuid - tmpfs tmpfs rw
      6 1 0:6 / /.sandbox ro - ext4 /dev/vda rw
      """,
    ]
    verifier.values = [
      "/sys/fs/cgroup/memory.max": "536870912\n", "/sys/fs/cgroup/memory.swap.max": "0\n",
      "/sys/fs/cgroup/cpu.max": "50000 100000\n", "/sys/fs/cgroup/pids.max": "64\n",
    ]
    return DockerVerifier(
      verifier: verifier, asked: plan.container, limits: SandboxLimits(),
      inspection: DockerAnswer.Inspection(
        state: .init(running: true, exitCode: 0, oOMKilled: false),
        config: .init(user: "65534:65534", networkDisabled: true), hostConfig: plan.container.hostConfig))
  }

  @Test func whatTheKernelAndTheEngineSayIsCompared() throws {
    #expect(Self.verifier().checks().count == 9)
    #expect(Self.verifier().checks().filter { !$0.value.ok }.isEmpty)
    let wrong: [(String, (inout DockerVerifier) -> Void)] = [
      ("network", { $0.inspection.hostConfig.networkMode = "bridge" }),
      ("network", { $0.verifier.posture["net/dev"]? += "  eth0: 0\n" }),
      ("rootfs", { $0.inspection.hostConfig.readonlyRootfs = false }),
      ("rootfs", { $0.verifier.posture["mountinfo"]? += "\n7 1 0:7 / /data rw - ext4 /dev/vda rw" }),
      ("rootfs", { $0.verifier.posture["mountinfo"] = nil }),
      ("user", { $0.inspection.config.user = "" }),
      ("user", { $0.verifier.posture["status"]?.replace("Uid:\t65534", with: "Uid:\t0") }),
      ("capabilities", { $0.inspection.hostConfig.capDrop = nil }),
      ("capabilities", { $0.inspection.hostConfig.capAdd = ["SYS_ADMIN"] }),
      ("capabilities", { $0.inspection.hostConfig.privileged = true }),
      ("capabilities", { $0.verifier.posture["status"]?.replace("CapBnd:\t0", with: "CapBnd:\t8") }),
      ("noNewPrivileges", { $0.verifier.posture["status"]?.replace("NoNewPrivs:\t1", with: "NoNewPrivs:\t0") }),
      ("seccomp", { $0.inspection.hostConfig.securityOpt = ["no-new-privileges", "seccomp=unconfined"] }),
      ("seccomp", { $0.verifier.posture["status"]?.replace("Seccomp:\t2", with: "Seccomp:\t0") }),
      ("memory", { $0.inspection.hostConfig.memory = 0 }),
      ("memory", { $0.inspection.hostConfig.memorySwap = -1 }),
      ("memory", { $0.verifier.values["/sys/fs/cgroup/memory.max"] = "max\n" }),
      ("memory", { $0.verifier.values["/sys/fs/cgroup/memory.swap.max"] = "max\n" }),
      ("cpu", { $0.inspection.hostConfig.nanoCpus = 0 }),
      ("cpu", { $0.verifier.values["/sys/fs/cgroup/cpu.max"] = "max 100000\n" }),
      ("processes", { $0.inspection.hostConfig.pidsLimit = nil }),
      ("processes", { $0.verifier.values["/sys/fs/cgroup/pids.max"] = nil }),
    ]
    for (name, change) in wrong {
      var verifier = Self.verifier()
      change(&verifier)
      #expect(verifier.checks()[name]?.ok == false, "\(name)")
    }
  }

  @Test func anArchiveIsReadByTar() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/a.tar"
    let content = [UInt8](repeating: 7, count: 1_000)
    try Data(Tar.file("launcher", mode: 0o555, content)).write(to: URL(fileURLWithPath: path))
    #expect(system("tar -C '\(folder.path)' -xf '\(path)'") == 0)
    #expect(FileManager.default.contents(atPath: folder.path + "/launcher").map(Array.init) == content)
  }
}
