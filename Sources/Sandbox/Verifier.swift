internal import ControlPlane

/// Layer 4: compares what the kernel says about a started sandbox with what was asked for, before anything of the user
/// runs in it. Pure: texts of /proc and of control groups in, checks out. See proc(5) and cgroups(7) for the formats.
struct Verifier: Sendable {
  /// `status`, `cgroup`, `mountinfo`, `uid_map`, `net/dev`, `limits`; `ns/net` and `host/net` and so on.
  var posture: [String: String] = [:]
  /// Values of limit files, by path, as read back.
  var values: [String: String] = [:]

  /// Mounts that may be writable; everything else must be read-only.
  private static let writable: Set<String> = ["/proc", "/tmp", BubblewrapArguments.workFolder]

  func checks(_ plan: LaunchPlan) -> [String: RunResult.Check] {
    [
      "network": network, "rootfs": rootfs, "user": user(plan), "capabilities": capabilities,
      "noNewPrivileges": status("NoNewPrivs", "1"), "seccomp": status("Seccomp", "2"),
      "memory": memory(plan), "cpu": cpu(plan), "processes": processes(plan),
    ]
  }

  /// Files of the controller of processor time, in both versions.
  static func isProcessorLimit(_ path: String) -> Bool {
    path.split(separator: "/").last?.hasPrefix("cpu.") ?? false
  }

  private func check(_ expected: String, _ actual: String, _ ok: Bool) -> RunResult.Check {
    RunResult.Check(expected: expected, actual: actual, ok: ok)
  }

  func field(_ name: String) -> String? {
    let lines = (posture["status"] ?? "").split(separator: "\n")
    guard let line = lines.first(where: { $0.hasPrefix(name + ":") }) else { return nil }
    return line.dropFirst(name.count + 1).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  func status(_ name: String, _ expected: String) -> RunResult.Check {
    let actual = field(name) ?? "unknown"
    return check(expected, actual, actual == expected)
  }

  private func isOwn(_ space: String) -> Bool {
    guard let inside = posture["ns/" + space], let host = posture["host/" + space] else { return false }
    return inside != host
  }

  var devices: [String] {
    (posture["net/dev"] ?? "").split(separator: "\n").dropFirst(2).map { line in
      line.prefix { $0 != ":" }.split(separator: " ").joined()
    }
  }

  private var network: RunResult.Check {
    let devices = devices
    let isAlone = isOwn("net") && devices == ["lo"]
    return check(
      "own namespace: lo", "\(isOwn("net") ? "own" : "host") namespace: \(devices.sorted().joined(separator: " "))",
      isAlone)
  }

  /// Where a mount is not read-only.
  var writableMounts: [String] {
    (posture["mountinfo"] ?? "").split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count > 6, !fields[5].split(separator: ",").contains("ro") else { return nil }
      return String(fields[4])
    }
  }

  private var hasRoot: Bool {
    (posture["mountinfo"] ?? "").split(separator: "\n").contains { line in
      let fields = line.split(separator: " ")
      return fields.count > 6 && fields[4] == "/"
    }
  }

  private var rootfs: RunResult.Check {
    let open = writableMounts.filter { !Self.writable.contains($0) && !$0.hasPrefix("/dev/") }
    guard hasRoot, isOwn("mnt"), isOwn("pid"), isOwn("ipc"), isOwn("uts") else {
      return check("read-only", "namespaces of the host", false)
    }
    return check("read-only", open.isEmpty ? "read-only" : "writable: \(open.joined(separator: " "))", open.isEmpty)
  }

  private func user(_ plan: LaunchPlan) -> RunResult.Check {
    let actual = field("Uid").map { $0.split(separator: " ").map(String.init) } ?? []
    let map = (posture["uid_map"] ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
    let isOneID = map.count == 3 && map[0] == BubblewrapArguments.userInside && map[2] == "1"
    let shown = actual.first ?? "unknown"
    guard isOwn("user"), isOneID, Set(actual).count == 1 else { return check("own namespace", shown, false) }
    guard let identity = plan.identity else { return check("not root", shown, shown != "0") }
    return check(String(identity), shown, shown == String(identity))
  }

  var capabilities: RunResult.Check {
    let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map { ($0, field($0) ?? "unknown") }
    let held = sets.filter { $0.1.contains { $0 != "0" } || $0.1.isEmpty }
    return check("none", held.isEmpty ? "none" : held.map { "\($0.0)=\($0.1)" }.joined(separator: " "), held.isEmpty)
  }

  // MARK: Limits

  /// Every file of the group that `isMine` names has the value that was written, and the process is in the group.
  private func limit(
    _ plan: LaunchPlan, controller: String, isMine: (String) -> Bool
  ) -> RunResult.Check? {
    guard let groups = plan.groups else { return nil }
    let writes = groups.writes.filter { write in
      write.path.split(separator: "/").last.map { isMine(String($0)) } ?? false
    }
    let actual = writes.map { values[$0.path].map(Self.trim) ?? "unknown" }
    let expected = writes.map(\.value)
    let isMember = isMember(of: groups, controller)
    let text = actual.joined(separator: " ") + (isMember ? "" : " (the process is not in the group)")
    return check(expected.joined(separator: " "), text, !writes.isEmpty && actual == expected && isMember)
  }

  private func isMember(of groups: ControlGroups.Plan, _ controller: String) -> Bool {
    guard let name = groups.folders.first?.split(separator: "/").last else { return false }
    return (posture["cgroup"] ?? "").split(separator: "\n").contains { line in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return false }
      let holds = fields[1].split(separator: ",").contains(Substring(controller)) || fields[1].isEmpty
      return holds && fields[2].hasSuffix("/\(name)")
    }
  }

  private static func trim(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// A row of /proc/PID/limits: the soft limit is the first word that is a number.
  private func resource(_ row: String, _ expected: Int) -> RunResult.Check {
    let line = (posture["limits"] ?? "").split(separator: "\n").first { $0.hasPrefix(row) }
    let actual = line?.dropFirst(row.count).split(separator: " ").first.map(String.init) ?? "unknown"
    return check("\(expected) a process", "\(actual) a process", actual == String(expected))
  }

  private func memory(_ plan: LaunchPlan) -> RunResult.Check {
    limit(plan, controller: "memory") { $0.hasPrefix("memory.") }
      ?? resource("Max data size", plan.resources.dataBytes)
  }

  private func cpu(_ plan: LaunchPlan) -> RunResult.Check {
    limit(plan, controller: "cpu") { $0.hasPrefix("cpu.") } ?? resource("Max cpu time", plan.resources.cpuSeconds)
  }

  private func processes(_ plan: LaunchPlan) -> RunResult.Check {
    if let check = limit(plan, controller: "pids", isMine: { $0.hasPrefix("pids.") }) { return check }
    // Without an id of its own, a limit by user would count the processes of everything else of that user.
    guard plan.resources.processes > 0 else { return check("none", "none", true) }
    return resource("Max processes", plan.resources.processes)
  }
}
