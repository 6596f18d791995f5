internal import ControlPlane

/// Layer 4 of a container: what the kernel says about its first process, read from inside before anything of the user
/// has been started, and what the Engine says about the container, against what was asked for. Where both speak, both
/// must agree. Pure.
struct DockerVerifier: Sendable {
  var verifier = Verifier()
  var asked: DockerContainer
  var limits: SandboxLimits
  var inspection: DockerAnswer.Inspection

  /// Files of control groups as a container sees its own: of version 1, then of version 2.
  static let limitFiles = [
    "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us", "/sys/fs/cgroup/pids/pids.max",
    "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.swap.max", "/sys/fs/cgroup/cpu.max",
    "/sys/fs/cgroup/pids.max",
  ]
  static let statisticFiles = [
    "/sys/fs/cgroup/memory/memory.max_usage_in_bytes", "/sys/fs/cgroup/memory/memory.oom_control",
    "/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory.events",
  ]

  func checks() -> [String: RunResult.Check] {
    let host = inspection.hostConfig
    return [
      "network": network, "rootfs": rootfs, "user": user,
      "capabilities": both(
        verifier.capabilities, host.capDrop == ["ALL"] && host.capAdd ?? [] == [] && !host.privileged,
        "capabilities"),
      "noNewPrivileges": both(
        verifier.status("NoNewPrivs", "1"), host.securityOpt?.contains("no-new-privileges") ?? false,
        "no-new-privileges"),
      "seccomp": both(
        verifier.status("Seccomp", "2"), host.securityOpt == asked.hostConfig.securityOpt, "another filter"),
      "memory": memory, "cpu": cpu, "processes": processes,
    ]
  }

  private func check(_ expected: String, _ actual: String) -> RunResult.Check {
    RunResult.Check(expected: expected, actual: actual, ok: expected == actual)
  }

  private func both(_ kernel: RunResult.Check, _ engine: Bool, _ what: String) -> RunResult.Check {
    guard !engine else { return kernel }
    return RunResult.Check(
      expected: kernel.expected, actual: "\(kernel.actual), but the Engine says: \(what)", ok: false)
  }

  private var network: RunResult.Check {
    let devices = verifier.devices.sorted().joined(separator: " ")
    return check("none: lo", "\(inspection.hostConfig.networkMode): \(devices)")
  }

  /// Mounts that may be written; below /proc and /dev the Engine hides files behind mounts of its own. /dev itself and,
  /// with control groups of version 1, the empty folder around their trees belong to root, as whom nothing runs here.
  private var rootfs: RunResult.Check {
    let fine: Set<String> = ["/proc", "/dev", "/sys/fs/cgroup", "/tmp", BubblewrapArguments.workFolder]
    let open = verifier.writableMounts.filter {
      !fine.contains($0) && !$0.hasPrefix("/proc/") && !$0.hasPrefix("/dev/")
    }
    let hasRoot = verifier.posture["mountinfo"]?.isEmpty == false && inspection.hostConfig.readonlyRootfs
    let actual = open.isEmpty ? "read-only" : "writable: \(open.joined(separator: " "))"
    return check("read-only", hasRoot ? actual : "unknown")
  }

  private var user: RunResult.Check {
    let ids = Set((verifier.field("Uid") ?? "unknown").split(separator: " ").map(String.init))
    let actual = ids.count == 1 && inspection.config.user == asked.user ? ids.first ?? "unknown" : "mixed"
    return check(BubblewrapArguments.userInside, actual)
  }

  // MARK: Limits

  private func value(_ suffix: String) -> String? {
    verifier.values.first { $0.key.hasSuffix("/" + suffix) }.map {
      $0.value.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
  }

  private var memory: RunResult.Check {
    let host = inspection.hostConfig
    // Kernels count in pages.
    let pages = String(limits.memoryBytes / 4_096 * 4_096)
    let expected = "\(pages) without swap"
    guard host.memory == limits.memoryBytes, host.memorySwap == limits.memoryBytes else {
      return check(expected, "\(host.memory) and \(host.memorySwap - host.memory) of swap, says the Engine")
    }
    if let bytes = value("memory.limit_in_bytes") {
      let swap = value("memory.memsw.limit_in_bytes") ?? bytes
      return check(expected, swap == bytes ? "\(bytes) without swap" : "\(bytes), with swap \(swap)")
    }
    if let bytes = value("memory.max") {
      let swap = value("memory.swap.max") ?? "0"
      return check(expected, swap == "0" ? "\(bytes) without swap" : "\(bytes), and \(swap) of swap")
    }
    return unseen(expected)
  }

  private var cpu: RunResult.Check {
    let expected = "\(limits.cpuPercent) %"
    guard inspection.hostConfig.nanoCpus == limits.cpuPercent * 10_000_000 else {
      return check(expected, "\(inspection.hostConfig.nanoCpus / 10_000_000) %, says the Engine")
    }
    let pair = [value("cpu.cfs_quota_us"), value("cpu.cfs_period_us")].compactMap(\.self).joined(separator: " ")
    let numbers = (pair.isEmpty ? value("cpu.max") ?? "" : pair).split(separator: " ").compactMap { Int($0) }
    if numbers.count == 2, numbers[1] > 0 { return check(expected, "\(numbers[0] * 100 / numbers[1]) %") }
    return unseen(expected)
  }

  private var processes: RunResult.Check {
    let expected = String(limits.processes)
    guard inspection.hostConfig.pidsLimit == limits.processes else {
      return check(expected, "\(inspection.hostConfig.pidsLimit ?? 0), says the Engine")
    }
    return value("pids.max").map { check(expected, $0) } ?? unseen(expected)
  }

  /// Another runtime (gVisor) shows no control groups inside; then the Engine's word has to do, and the result says so.
  private func unseen(_ expected: String) -> RunResult.Check {
    let isAllowed = asked.hostConfig.runtime != nil
    return RunResult.Check(
      expected: expected, actual: isAllowed ? "\(expected), says the Engine" : "unknown", ok: isAllowed)
  }
}
