internal import Base
internal import ControlPlane
internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// How the Docker back end is set up.
public struct DockerSettings: Sendable, Equatable {
  public var address: DockerAddress
  /// Names of images, by the language whose interpreter they have.
  public var images: [Language: String]
  /// Another OCI runtime of the Engine, such as `runsc`.
  public var runtime: String?

  public init(
    address: DockerAddress = .unix("/var/run/docker.sock"),
    images: [Language: String] = [.python: "python:3.11-alpine", .javascript: "node:22-alpine"], runtime: String? = nil
  ) {
    self.address = address
    self.images = images
    self.runtime = runtime
  }
}

/// Sandboxes that a Docker Engine makes, with the interpreters of its images.
///
/// The first process of every container is the launcher, which the Engine has in a volume of its own: file systems of
/// this machine cannot be shown to containers of another one, and a container with a read-only root takes no files.
final class DockerRuntime: Runtime {
  private struct State {
    var images: [Language: DockerAnswer.Image] = [:]
    var preparation: Task<Result<Void, SandboxError>, Never>?
  }

  let client: DockerClient
  /// As `doctor` says it.
  let engineVersion: String
  private let settings: DockerSettings
  private let launcher: [UInt8]
  let volume: String
  private let seccomp: String
  private let state = Mutex(State())

  static let label = "signalbox.sandbox"

  /// Finds the Engine, looks which images it has, and removes what a dead node left there.
  static func connect(
    _ settings: SandboxSettings, transport: any HTTPExchange
  ) async throws(SandboxError) -> DockerRuntime {
    let (client, version) = try await DockerClient.connect(settings.docker.address, transport)
    guard version.os == "linux", version.arch == SeccompFilter.Architecture.current?.engineName else {
      throw .unavailable(
        "the Docker Engine runs on \(version.os ?? "?")/\(version.arch ?? "?"), which is not this machine's kind",
        fix: "use an Engine on a machine like this one")
    }
    let runtime = try DockerRuntime(settings, client, version)
    try await runtime.findImages()
    await runtime.sweep()
    return runtime
  }

  private init(
    _ settings: SandboxSettings, _ client: DockerClient, _ version: DockerAnswer.Version
  ) throws(SandboxError) {
    guard let architecture = SeccompFilter.Architecture.current else {
      throw .unavailable("there is no system call filter for this processor", fix: "use an x86-64 or arm64 machine")
    }
    let path = try SandboxHost.launcher(settings)
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw .unavailable("\(path) cannot be read", fix: "install sandbox-launcher beside signalbox")
    }
    launcher = Array(bytes)
    volume = "signalbox-launcher-\(Digest.sha256Hex(launcher).prefix(16))"
    self.settings = settings.docker
    self.client = client
    engineVersion = DockerClient.plain(version.version)
    seccomp = DockerSeccomp.profile(architecture)
  }

  var name: String { "docker" }
  var isIsolationOnly: Bool { false }

  var languages: [Language: String] {
    let images = state.withLock { $0.images }
    return settings.images.filter { images[$0.key] != nil }
  }

  func requireInterpreter(of language: Language) throws(SandboxError) { _ = try image(of: language) }

  func cacheKey(_ request: SandboxRequest) -> String? {
    guard let name = settings.images[request.language], let image = state.withLock({ $0.images[request.language] })
    else { return nil }
    let interpreter = Interpreter(
      language: request.language, path: "docker:\(name)", version: image.id, mounts: [:])
    return RunKey.digest(request, interpreter: interpreter, packageFolders: [settings.runtime ?? ""])
  }

  func run(
    _ request: SandboxRequest, id: String, queued: Duration, control: RunControl,
    onEvent: @escaping @Sendable (RunEvent) -> Void
  ) async throws(SandboxError) -> SandboxRun {
    let program = SandboxRequest.File(path: request.language.programName, content: Array(request.code.utf8))
    var plan = try plan(
      request.language, arguments: request.language.arguments(memoryBytes: request.limits.memoryBytes),
      program: program, rest: request.arguments, files: request.files, limits: request.limits,
      runMilliseconds: request.limits.timeoutMilliseconds)
    plan.container.labels["signalbox.run"] = id
    let image = plan.container.image
    let session = DockerSession(client, plan, input: request.input, onEvent: onEvent)
    session.start { [self] () async throws(SandboxError) in try await prepare(image) }
    control.onStop { session.stop() }
    let ending = await session.ending()
    if let error = ending.error { throw error }
    return try SandboxOutcome(request: request, backend: name, isGrouped: true, ending: ending)
      .result(id: id, queued: queued)
  }

  func startHelper(
    _ language: Language, script: String, arguments: [String], limits: SandboxLimits,
    onEvent: @escaping @Sendable (RunEvent) -> Void
  ) throws(SandboxError) -> any SandboxHandle {
    let program = SandboxRequest.File(path: "facts", content: Array(script.utf8))
    let plan = try plan(
      language, arguments: arguments, program: program, rest: [], files: [], limits: limits, runMilliseconds: nil)
    let session = DockerSession(client, plan, input: nil, onEvent: onEvent)
    session.start { [self] () async throws(SandboxError) in try await prepare(plan.container.image) }
    return session
  }

  func shutdown() async { _ = await state.withLock { $0.preparation }?.value }

  // MARK: Images

  private func image(of language: Language) throws(SandboxError) -> String {
    guard let name = settings.images[language] else {
      throw .unavailable("no image has an interpreter of \(language.rawValue)", fix: "use the bubblewrap back end")
    }
    return name
  }

  private func findImages() async throws(SandboxError) {
    for (language, name) in settings.images {
      let image = try await client.image(name)
      state.withLock { $0.images[language] = image }
    }
  }

  /// Fetches the images that are missing.
  func pull(onProgress: @escaping @Sendable (String) -> Void) async throws(SandboxError) {
    for name in Set(settings.images.values).sorted() where try await client.image(name) == nil {
      try await client.pull(name, onProgress: onProgress)
    }
    try await findImages()
  }

  private func plan(
    _ language: Language, arguments: [String], program: SandboxRequest.File, rest: [String],
    files: [SandboxRequest.File], limits: SandboxLimits, runMilliseconds: Int?
  ) throws(SandboxError) -> DockerPlan {
    let command =
      [language.programs[0]] + arguments + ["\(BubblewrapArguments.workFolder)/\(program.path)"] + rest
    return DockerPlan(
      image: try image(of: language), volume: volume, runtime: settings.runtime, seccomp: seccomp,
      labels: DockerOwner.current.labels, language: language, command: command, files: [program] + files,
      limits: limits, runMilliseconds: runMilliseconds)
  }

  // MARK: The launcher's volume

  /// Once: puts the launcher into its volume, unless it is there already.
  private func prepare(_ image: String) async throws(SandboxError) {
    let task = state.withLock { state in
      if let task = state.preparation { return task }
      let task = Task { () -> Result<Void, SandboxError> in
        do throws(SandboxError) {
          return .success(try await fillVolume(image))
        } catch {
          return .failure(error)
        }
      }
      state.preparation = task
      return task
    }
    do throws(SandboxError) {
      try await task.value.get()
    } catch {
      // The next run tries again: an image may have been pulled, an Engine restarted.
      state.withLock { if $0.preparation == task { $0.preparation = nil } }
      throw error
    }
  }

  /// Through a container that is never started.
  private func fillVolume(_ image: String) async throws(SandboxError) {
    var plan = DockerPlan(
      image: image, volume: volume, runtime: nil, seccomp: seccomp, labels: DockerOwner.current.labels,
      language: .python, command: [], files: [], limits: SandboxLimits(), runMilliseconds: nil)
    plan.container.hostConfig.readonlyRootfs = false
    plan.container.hostConfig.mounts = [.init(source: volume, target: DockerPlan.launcherFolder, readOnly: false)]
    let id = try await client.create(plan.container)
    var trouble: SandboxError?
    do throws(SandboxError) {
      let size = try await client.fileSize(id, DockerPlan.launcherFolder + "/launcher")
      if size != launcher.count {
        try await client.putArchive(
          id, folder: DockerPlan.launcherFolder, Tar.file("launcher", mode: 0o555, launcher))
      }
    } catch {
      trouble = error
    }
    await client.remove(id)
    if let trouble { throw trouble }
  }

  // MARK: What others left

  /// Containers of nodes of this machine that are gone. Another machine's are its own matter.
  private func sweep() async {
    // An Engine that cannot say has nothing that can be removed; the next start asks again.
    for container in (try? await client.containers(label: Self.label)) ?? []
    where DockerOwner(labels: container.labels ?? [:])?.isDead == true {
      await client.remove(container.id)
    }
  }
}

extension SeccompFilter.Architecture {
  /// As Go and the Engine call it.
  var engineName: String { self == .x86 ? "amd64" : "arm64" }
}
