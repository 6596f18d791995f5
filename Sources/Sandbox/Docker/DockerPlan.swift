/// One container as a value: what the Engine is asked to create, and what the launcher in it is told. Pure.
struct DockerPlan: Sendable {
  var container: DockerContainer
  /// Program first.
  var command: [String]
  var environment: [String]
  var files: [SandboxRequest.File]
  var limits: SandboxLimits
  /// Nil: it runs until it is told to end, and every byte of output is passed on.
  var runMilliseconds: Int?

  static let launcherFolder = "/.sandbox"
  static let identity = BubblewrapArguments.userInside

  init(
    image: String, volume: String, runtime: String?, seccomp: String, labels: [String: String], language: Language,
    command: [String], files: [SandboxRequest.File], limits: SandboxLimits, runMilliseconds: Int?
  ) {
    self.command = command
    self.files = files
    self.limits = limits
    self.runMilliseconds = runMilliseconds
    // Official images keep their interpreters in /usr/local/bin.
    environment = ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "PWD=/workspace"]
    if language == .python { environment.append("PYTHONDONTWRITEBYTECODE=1") }
    // A tmpfs over a folder that the image has takes on that folder's mode, unless owner and mode are given.
    let folder =
      "rw,nosuid,nodev,noexec,size=\(limits.tmpBytes),nr_inodes=4096,"
      + "uid=\(Self.identity),gid=\(Self.identity),mode=0700"
    container = DockerContainer(
      image: image, user: "\(Self.identity):\(Self.identity)", workingDir: BubblewrapArguments.workFolder,
      hostname: "sandbox", entrypoint: ["\(Self.launcherFolder)/launcher", "container"], labels: labels,
      hostConfig: DockerContainer.HostConfig(
        securityOpt: ["no-new-privileges", "seccomp=\(seccomp)"], memory: limits.memoryBytes,
        memorySwap: limits.memoryBytes, nanoCpus: limits.cpuPercent * 10_000_000, pidsLimit: limits.processes,
        ulimits: [
          .init(name: "nofile", soft: limits.descriptors, hard: limits.descriptors),
          .init(name: "core", soft: 0, hard: 0), .init(name: "msgqueue", soft: 0, hard: 0),
          .init(name: "memlock", soft: 0, hard: 0),
        ],
        tmpfs: ["/tmp": folder, BubblewrapArguments.workFolder: folder],
        mounts: [.init(source: volume, target: Self.launcherFolder, readOnly: true)], runtime: runtime))
  }

  /// Up to the launcher's report; nothing is started by it.
  var frames: [(tag: Character, payload: [UInt8])] {
    var frames: [(tag: Character, payload: [UInt8])] = command.map { ("A", Array($0.utf8)) }
    frames += environment.map { ("H", Array($0.utf8)) }
    frames += numbers.map { ("N", Array("\($0.0)=\($0.1)".utf8)) }
    frames += DockerVerifier.limitFiles.map { ("T", Array($0.utf8)) }
    frames += DockerVerifier.statisticFiles.map { ("T", Array($0.utf8)) }
    frames.append(("O", Array(BubblewrapArguments.workFolder.utf8)))
    frames += files.map { ("F", Array($0.path.utf8) + [0] + $0.content) }
    frames.append(("S", []))
    return frames
  }

  private var numbers: [(String, Int)] {
    [
      ("cleanupMilliseconds", LaunchPlan.cleanupMilliseconds), ("runMilliseconds", runMilliseconds ?? 0),
      ("outputBytes", runMilliseconds == nil ? 0 : limits.outputBytes), ("fileBytes", limits.fileBytes),
      ("artefactBytes", runMilliseconds == nil ? 0 : limits.tmpBytes),
      ("artefactCount", runMilliseconds == nil ? 0 : LaunchPlan.artefactsMax),
    ]
  }
}
