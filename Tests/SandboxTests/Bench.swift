import Base
import ControlPlane
import Glibc
import Outbound
import TestKit
import Testing

@testable import Sandbox

/// What makes the sandboxes of a test.
enum Backend: String, CaseIterable, CustomTestStringConvertible {
  /// Bubblewrap with an interpreter that was up before its program came, where one can be used.
  case bubblewrap, warm, docker

  /// As results name it.
  var name: String { self == .docker ? "docker" : "bubblewrap" }
  var testDescription: String { rawValue }
}

/// One engine a back end for all tests of a process: finding the interpreters takes longer than a run.
enum Bench {
  static let host = Result { () throws(SandboxError) -> SandboxHost in try SandboxHost.find(settings) }
  static let embedded = Result { () throws(SandboxError) -> SandboxEngine in
    SandboxEngine(settings, BubblewrapRuntime(settings, try host.get()), nil)
  }
  private static let settings = SandboxSettings(
    require: hasGroups ? .all : .isolation, searchPath: searchPath, concurrencyMax: 8, warm: [:])
  private static let searchPath = getenv("PATH").map { String(cString: $0) } ?? ""
  /// The Engine that `.ci/docker` has started for the tests. When it is named and does not answer, tests fail.
  static let dockerHost = getenv("TEST_DOCKER_HOST").map { String(cString: $0) }
  static let transport = PooledTransport()
  private static let container = Task { () throws(SandboxError) in
    try await SandboxEngine.find(dockerSettings(), transport: transport)
  }

  /// `images` in place of the two that `.ci/docker` has made.
  static func dockerSettings(images: [Language: String]? = nil) throws(SandboxError) -> SandboxSettings {
    var settings = SandboxSettings(concurrencyMax: 8)
    settings.backend = .docker
    settings.docker = DockerSettings(
      address: try DockerAddress(dockerHost ?? "unix:///var/run/docker.sock"),
      images: images ?? [.python: "signalbox-test-python:local", .javascript: "signalbox-test-node:local"])
    return settings
  }

  static func engine(_ backend: Backend) async throws -> SandboxEngine {
    switch backend {
    case .bubblewrap, .warm: try embedded.get()
    case .docker: try await container.value
    }
  }

  /// Those that this machine can have. With CI=true none may be missing: `.ci/docker` has seen to that.
  static let backends: [Backend] = Backend.allCases.filter { backend in
    switch backend {
    case .bubblewrap, .warm: hasBubblewrap && hasGroups
    case .docker: dockerHost != nil
    }
  }
  static let hasDocker = dockerHost != nil
  static let withoutDocker: Comment = "no Docker Engine of the tests runs: .ci/docker run COMMAND"
  static let withoutBackends: Comment = "neither bubblewrap with control groups nor a Docker Engine can be had here"
  static let hasGroups = ControlGroups.find() != nil
  /// Installed, and allowed by this kernel to make namespaces.
  static let hasBubblewrap = system("/usr/bin/bwrap --unshare-all --ro-bind / / /bin/true >/dev/null 2>&1") == 0
  static let hasTypeScript = (try? host.get())?.interpreters[.typescript] != nil
  static let hasGo = (try? host.get())?.goCompiler != nil
  static let withoutGroups: Comment = "no control group for memory, CPU and processes can be made here"
  static let withoutBubblewrap: Comment = "bubblewrap is not installed, or may not make namespaces here"

  static func python(
    on backend: Backend = .bubblewrap, _ code: String, _ limits: SandboxLimits = SandboxLimits(),
    files: [SandboxRequest.File] = [],
    input: [UInt8] = [], arguments: [String] = []
  ) async throws -> SandboxRun {
    try await run(
      on: backend,
      SandboxRequest(
        language: .python, code: code, files: files, input: input, arguments: arguments, limits: limits, profile: .off))
  }

  static func javaScript(
    on backend: Backend = .bubblewrap, _ code: String, _ limits: SandboxLimits = SandboxLimits()
  ) async throws -> SandboxRun {
    try await run(on: backend, SandboxRequest(language: .javascript, code: code, limits: limits, profile: .off))
  }

  /// Runs, and looks at the host afterwards: every layer was in force, and no process and no group is left.
  static func run(on backend: Backend = .bubblewrap, _ request: SandboxRequest) async throws -> SandboxRun {
    let result = try await backend == .warm ? runWarm(request) : engine(backend).run(request)
    #expect(result.backend == backend.name)
    #expect(result.verified.count == 9)
    let failed = result.verified.filter { !$0.value.ok }
    #expect(failed.isEmpty)
    let left = try await remains(of: result)
    #expect(left.isEmpty, "left on the host: \(left)")
    return result
  }

  /// Runs in an interpreter that is up, where one can be used for such a request.
  static func runWarm(_ request: SandboxRequest) async throws -> SandboxRun {
    let host = try host.get()
    let settings = SandboxSettings(warm: [request.language: 1])
    let runtime = BubblewrapRuntime(settings, host)
    let warm = SandboxEngine(settings, runtime, nil)
    let canBeWarm = WarmPool.canTake(request) && host.groups != nil
    if canBeWarm {
      runtime.pool.warmUp(for: request)
      #expect(await eventually { runtime.pool.count == 1 })
    }
    do {
      let result = try await warm.run(request)
      #expect(result.isWarm == (canBeWarm && !result.blocked))
      await warm.shutdown()
      return result
    } catch {
      await warm.shutdown()
      throw error
    }
  }

  /// What is still there of a run: processes by the user id that was its own, groups by the number that goes with it.
  /// A process in a sandbox of another process's is not ours, whatever its id.
  static func remains(of result: SandboxRun) async throws -> [String] {
    if result.backend == "docker" { return try await containers(of: result) }
    guard geteuid() == 0, let actual = result.verified["user"]?.actual, let identity = UInt32(actual) else { return [] }
    var found: [String] = []
    for name in names("/proc") where Int(name) != nil {
      let lines = (SmallFile.text("/proc/\(name)/status") ?? "").split(separator: "\n")
      let owner = lines.first { $0.hasPrefix("Uid:") }?.split(whereSeparator: \.isWhitespace).dropFirst().first
      guard owner.map(String.init) == actual else { continue }
      let groups = SmallFile.text("/proc/\(name)/cgroup") ?? ""
      let isOthers = groups.contains("/sandbox-") && !groups.contains("/sandbox-\(getpid())-")
      if !isOthers { found.append("process \(name)") }
    }
    guard let groups = ControlGroups.find() else { return found }
    let plan = groups.plan(name: "sandbox-\(getpid())-\(identity - SandboxHost.firstIdentity)", limits: SandboxLimits())
    return found + plan.folders.filter { access($0, F_OK) == 0 }
  }

  /// A run's container, if the Engine still has it, and what a control group of that name still holds. Other tests run
  /// at the same time, so it is looked for by the run's own mark.
  private static func containers(of result: SandboxRun) async throws -> [String] {
    let client = try await DockerClient.connect(dockerSettings().docker.address, transport).0
    return try await client.containers(label: "signalbox.run=\(result.id)").map { "container \($0.id)" }
  }

  /// A listener on loopback and what it heard: the host's side of "cannot be reached".
  static func listener() throws -> (descriptor: Int32, port: UInt16) {
    for _ in 0..<20 {
      let port = try FreePort.next()
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let isBound = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
      if isBound, listen(descriptor, 8) == 0 { return (descriptor, port) }
      close(descriptor)
    }
    throw SandboxError.broken("no port")
  }

  static func names(_ folder: String) -> [String] {
    guard let handle = opendir(folder) else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      names.append(name)
    }
    return names
  }
}
