import ControlPlane
import Foundation
import Glibc
import RedisLink
import TestKit
import Testing

@testable import EngineRoom

/// The real probes on this machine, and stand-in programs on a `PATH` of the test's own.
@Suite struct DoctorTests {
  /// A folder of scripts, removed with the value's user.
  private final class Programs {
    let folder: String

    /// Another process writes the scripts: a test that starts a program at that moment would hand a descriptor of ours
    /// that is open for writing to its child, and a script that somebody writes cannot be started (ETXTBSY).
    init(_ scripts: [String: String]) async throws {
      folder = "/tmp/sb-doctor-\(UInt32.random(in: 0...UInt32.max))"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for (name, script) in scripts {
        let path = "\(folder)/\(name)"
        try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(fileURLWithPath: "\(path).text"))
        let copy = try await ProgramProcess.run("install", ["-m755", "\(path).text", path])
        #expect(copy.status == .exited(0), "\(copy.standardError)")
      }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }  // a folder that stays in /tmp hurts nobody
  }

  private func facts(path: String, redis: String? = nil, docker: String = "unix:///nonexistent/docker.sock") throws
    -> DoctorSettings
  {
    DoctorSettings(
      redis: try redis.map { try RedisURL($0) }, dockerHost: docker, stateFolder: "/tmp",
      environment: ["PATH": path, "TERM": "xterm", "LANG": "C.UTF-8", "SIGNALBOX_TOKEN": "hidden"], ports: [],
      // What is tested is what a probe says, also on a machine that is slow to start programs.
      deadline: .seconds(30))
  }

  private func finding(_ name: String, _ facts: DoctorSettings) async throws -> DoctorFinding {
    try #require(await Doctor.examine(facts).first { $0.component == name })
  }

  @Test func everyPieceIsNamedOnceWithPurposeAndFallback() async throws {
    var settings = try facts(path: ProcessInfo.processInfo.environment["PATH"] ?? "")
    settings.ports = [.init(name: "HTTP API", host: "127.0.0.1", port: 8_000)]
    let findings = await Doctor.examine(settings)
    #expect(
      findings.map(\.component) == [
        "terminal", "locale", "redis", "docker", "bubblewrap", "sandbox-launcher", "cgroups", "user-namespaces",
        "seccomp", "python3", "node", "git", "libgit2", "esbuild", "go", "file-limit", "inotify", "port-8000",
        "state-folder", "last-crash",
      ])
    for finding in findings {
      #expect(!finding.usedFor.isEmpty && !finding.without.isEmpty)
      #expect(finding.state != .ok || finding.fix == nil, "\(finding.component) is well and has a fix")
    }
  }

  @Test func hiddenProgramsAreMissingWithTheCommandThatGetsThem() async throws {
    let findings = await Doctor.examine(try facts(path: "/nonexistent"))
    for (component, package) in [
      ("redis", "redis-server"), ("bubblewrap", "bubblewrap"), ("python3", "python3"), ("node", "nodejs"),
      ("git", "git"), ("esbuild", "esbuild"), ("go", "golang-go"), ("docker", "docker"),
    ] {
      let finding = try #require(findings.first { $0.component == component })
      #expect(finding.state == .missing, "\(component)")
      #expect(finding.fix?.contains(package) == true, "\(component)")
    }
  }

  @Test(.enabled(if: getenv("TEST_DOCKER_HOST") != nil, "no Docker Engine of the tests runs: .ci/docker run COMMAND"))
  func theDockerRowNamesTheImagesThatAreThereAndHowToGetTheOthers() async throws {
    let host = ProcessInfo.processInfo.environment["TEST_DOCKER_HOST"] ?? ""
    var settings = try facts(path: "/nonexistent", docker: host)
    settings.dockerImages = ["signalbox-test-python:local"]
    let whole = try await finding("docker", settings)
    #expect(whole.state == .ok)
    #expect(whole.version?.contains("images signalbox-test-python:local") == true)
    settings.dockerImages.append("no/such-image:1")
    settings.dockerImages.append("bad name\r\nX: y")
    let weak = try await finding("docker", settings)
    #expect(weak.state == .weak)
    #expect(weak.version?.contains("without no/such-image:1") == true)
    #expect(weak.fix == "docker pull no/such-image:1")
  }

  @Test func aLauncherThatIsNotBesideTheProgramIsMissing() async throws {
    var settings = try facts(path: "/nonexistent")
    settings.launcher = "/nonexistent/sandbox-launcher"
    let missing = try await finding("sandbox-launcher", settings)
    #expect(missing.state == .missing && missing.fix?.contains("beside signalbox") == true)
    settings.launcher = "/bin/true"
    let found = try await finding("sandbox-launcher", settings)
    #expect(found.state == .ok && found.version == "/bin/true" && found.fix == nil)
  }

  @Test func aProgramIsTakenAtItsWord() async throws {
    let programs = try await Programs([
      "git": "echo git version 2.39.5", "node": "echo v12.1.0",
      "go": "echo go version go1.24.3 linux/amd64", "python3": "exit 3",
    ])
    let findings = await Doctor.examine(try facts(path: programs.folder))
    func state(_ name: String) -> DoctorFinding? { findings.first { $0.component == name } }
    #expect(state("git")?.version == "2.39.5" && state("git")?.state == .ok)
    #expect(state("go")?.version == "1.24.3")
    #expect(state("node")?.state == .weak && state("node")?.version == "12.1.0; 18 or later is needed")
    #expect(state("libgit2")?.state == .ok)
    #expect(state("python3")?.state == .weak && state("python3")?.fix != nil)
  }

  @Test func aRedisThatMayEvictWhatCascadesNeedIsWeak() async throws {
    let server = try await RedisProcess()
    let connection = try await RedisConnection.open(try RedisURL(server.url), options: RedisOptions())
    defer { connection.close() }
    let settings = try facts(path: "/nonexistent", redis: server.url)
    #expect(try await finding("redis", settings).state == .ok)
    _ = try await connection.send(
      RedisCommand("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"), deadline: .seconds(5))
    let weak = try await finding("redis", settings)
    #expect(weak.state == .weak)
    #expect(weak.version?.contains("maxmemory-policy allkeys-lru") == true)
    #expect(weak.fix?.contains("maxmemory-policy volatile-lru") == true)
  }

  @Test func aProgramThatHangsIsEndedWithAllItsChildren() async throws {
    let programs = try await Programs([
      "git": "echo $$ > \"$0.pid\"; /bin/sleep 600 & echo $! >> \"$0.pid\"; /bin/sleep 600"
    ])
    var settings = try facts(path: programs.folder)
    settings.deadline = .milliseconds(700)
    let finding = try await finding("git", settings)
    #expect(finding.state == .weak)
    let text = try String(contentsOfFile: "\(programs.folder)/git.pid", encoding: .utf8)
    let children = text.split(separator: "\n").compactMap { Int32($0) }
    #expect(children.count == 2)
    for child in children { #expect(await isGone(child), "\(child) still runs") }
  }

  @Test func aChildThatOutlivesItsParentIsEndedToo() async throws {
    let programs = try await Programs(["git": "/bin/sleep 600 & echo $! > \"$0.pid\"; echo git version 2.40.1"])
    let finding = try await finding("git", try facts(path: programs.folder))
    #expect(finding.version == "2.40.1")
    let text = try String(contentsOfFile: "\(programs.folder)/git.pid", encoding: .utf8)
    let child = try #require(Int32(text.split(separator: "\n").first ?? ""))
    #expect(await isGone(child))
  }

  @Test func aFloodOfOutputIsBoundedAndNothingOfItIsRaw() async throws {
    let programs = try await Programs([
      "git": "exec /usr/bin/yes", "node": "printf 'v\\033[2J20.1.0\\n'",
      "bwrap": "printf '\\033]0;x\\007bad\\nmore\\n' >&2; exit 1",
    ])
    var settings = try facts(path: programs.folder)
    settings.deadline = .milliseconds(500)
    let findings = await Doctor.examine(settings)
    #expect(findings.first { $0.component == "git" }?.state == .weak)
    for text in findings.flatMap({ [$0.version, $0.fix].compactMap(\.self) }) {
      #expect(text.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 })
    }
    let wrapped = try #require(findings.first { $0.component == "bubblewrap" })
    #expect(wrapped.state == .weak && wrapped.version?.contains("bad") == true)
  }

  @Test func settingsAreNotHandedToForeignPrograms() async throws {
    let programs = try await Programs(["git": "echo \"git version 2.$SIGNALBOX_TOKEN.0\" | tr -d . ; env > \"$0.env\""])
    _ = try await finding("git", try facts(path: programs.folder))
    let text = try String(contentsOfFile: "\(programs.folder)/git.env", encoding: .utf8)
    #expect(!text.contains("SIGNALBOX_TOKEN"))
  }

  @Test func aCrashOnRecordIsTold() async throws {
    let programs = try await Programs([:])
    var settings = try facts(path: "/nonexistent")
    settings.crashReport = "\(programs.folder)/last.txt"
    #expect(try await finding("last-crash", settings).state == .ok)
    try Data("signal 11\u{1B}[2J\nframe\n".utf8).write(to: URL(fileURLWithPath: "\(programs.folder)/last.txt"))
    let finding = try await finding("last-crash", settings)
    #expect(finding.state == .weak && finding.version?.hasSuffix("signal 11?[2J") == true)
  }

  @Test func aServerThatIsNotThereIsNamedWithoutItsPassword() async throws {
    let settings = try facts(path: "/nonexistent", redis: "redis://u:hunter2@127.0.0.1:1")
    let finding = try await finding("redis", settings)
    #expect(finding.state == .missing)
    #expect(finding.version?.contains("Connection refused") == true && finding.version?.contains("hunter2") == false)
  }

  @Test func aPortInUseNamesItsHolder() async throws {
    // Not inherited by what other tests start meanwhile, which would hold the port too.
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        bind(descriptor, raw, size) + listen(descriptor, 1) + getsockname(descriptor, raw, &size)
      }
    }
    try #require(code == 0)
    let port = Int(UInt16(bigEndian: address.sin_port))
    let finding = Doctor.port(.init(name: "HTTP API", host: "127.0.0.1", port: port))
    #expect(finding.state == .weak)
    #expect(finding.version?.contains("(pid \(getpid()))") == true)
    let other = Doctor.port(.init(name: "HTTP API", host: "192.0.2.1", port: port))
    #expect(other.state == .weak && other.version?.contains("cannot be opened") == true)
  }

  @Test func aStateFolderMustBeAFolderOfOursThatIsClosed() async throws {
    let programs = try await Programs(["file": "exit 0"])
    var settings = try facts(path: "/nonexistent")
    settings.stateFolder = "\(programs.folder)/new/deep"
    #expect(Doctor.stateFolder(settings).state == .ok)
    settings.stateFolder = "\(programs.folder)/file"
    #expect(Doctor.stateFolder(settings).state == .missing)
    settings.stateFolder = programs.folder
    chmod(programs.folder, 0o755)
    #expect(Doctor.stateFolder(settings).fix == "chmod 700 '\(programs.folder)'")
    chmod(programs.folder, 0o700)
    #expect(Doctor.stateFolder(settings).state == .ok)
  }

  private func isGone(_ pid: Int32) async -> Bool {
    let end = ContinuousClock.now + .seconds(5)
    while ContinuousClock.now < end {
      // A zombie that nobody has reaped yet runs no more.
      let status = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
      if status.isEmpty || status.contains(") Z ") { return true }
      await Task.yield()
    }
    return false
  }

  @Test func whatTheRunningNodeLacksIsToldWithSinceWhen() throws {
    let health = Health(components: [
      .init(name: "api", state: .ok, since: 1), .init(name: "redis", state: .degraded, reason: "gone\u{1B}", since: 0),
    ])
    let snapshot = Snapshot(
      node: "a1", version: "1", uptimeSeconds: 1, health: health, phase: .ready,
      process: ProcessSnapshot(
        processID: 1, cpuSeconds: 0, cpuPercent: 0, residentBytes: 0, openFiles: 0, openFilesMax: 0, threads: 1),
      control: ControlSnapshot(), bench: BenchSnapshot())
    let findings = Doctor.findings(of: snapshot)
    #expect(findings.map(\.component) == ["running node", "running node: redis"])
    #expect(findings.map(\.state) == [.weak, .weak])
    #expect(findings.last?.version == "gone?, since 1970-01-01T00:00:00.000Z")
  }
}
