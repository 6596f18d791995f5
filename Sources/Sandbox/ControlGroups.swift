internal import FoundationEssentials
internal import Glibc

/// Where the control groups of runs can be made, and which files hold which limit.
///
/// Version 1 has one tree a controller, version 2 one tree for all; a hybrid host has version 1 controllers and a
/// version 2 tree beside them whose `cgroup.kill` ends a whole group with one write. A run's group is made below the
/// group this process is in, or below one named `signalbox` that an administrator has made and given to us.
struct ControlGroups: Sendable, Equatable {
  enum Version: Sendable { case one, two }

  var version: Version
  var memory: String
  var cpu: String
  var processes: String
  /// A version 2 folder, for `cgroup.kill`; the same as the others with version 2.
  var unified: String?
  /// Whether swap can be limited too (it cannot where the kernel does not account it).
  var limitsSwap: Bool

  /// What a run needs of its groups.
  struct Plan: Sendable, Equatable {
    var folders: [String]
    /// File and value, in the order in which they are to be written.
    var writes: [(path: String, value: String)]
    var joins: [String]
    var statistics: [String]
    var killFile: String?
    var eventsFile: String?

    static func == (left: Plan, right: Plan) -> Bool {
      left.folders == right.folders && left.joins == right.joins && left.statistics == right.statistics
        && left.killFile == right.killFile && left.eventsFile == right.eventsFile
        && left.writes.map(\.path) == right.writes.map(\.path)
        && left.writes.map(\.value) == right.writes.map(\.value)
    }

    /// What a launcher does at its end, for one that was killed before: ends what is left, and removes the groups.
    /// Waits for the dying, `limit` at most.
    func remove(within limit: Duration = .seconds(5)) {
      if let killFile { _ = SmallFile.write(killFile, "1") }
      let deadline = ContinuousClock.now.advanced(by: limit)
      for folder in folders.reversed() {
        while rmdir(folder) < 0, errno == EBUSY, ContinuousClock.now < deadline { usleep(1_000) }
      }
    }
  }

  static let periodMicroseconds = 100_000
  private static let pageSize = 4_096

  func plan(name: String, limits: SandboxLimits) -> Plan {
    func at(_ parent: String) -> String { "\(parent)/\(name)" }
    var folders: [String] = []
    for parent in [memory, cpu, processes, unified].compactMap(\.self) where !folders.contains(at(parent)) {
      folders.append(at(parent))
    }
    let bytes = String(limits.memoryBytes / Self.pageSize * Self.pageSize)
    let quota = limits.cpuPercent * Self.periodMicroseconds / 100
    var writes: [(path: String, value: String)] = []
    var statistics = [at(cpu) + "/cpu.stat", at(processes) + "/pids.events"]
    switch version {
    case .one:
      writes.append((at(memory) + "/memory.limit_in_bytes", bytes))
      if limitsSwap { writes.append((at(memory) + "/memory.memsw.limit_in_bytes", bytes)) }
      writes.append((at(cpu) + "/cpu.cfs_period_us", String(Self.periodMicroseconds)))
      writes.append((at(cpu) + "/cpu.cfs_quota_us", String(quota)))
      statistics += [at(memory) + "/memory.max_usage_in_bytes", at(memory) + "/memory.oom_control"]
    case .two:
      writes.append((at(memory) + "/memory.max", bytes))
      if limitsSwap { writes.append((at(memory) + "/memory.swap.max", "0")) }
      writes.append((at(memory) + "/memory.oom.group", "1"))
      writes.append((at(cpu) + "/cpu.max", "\(quota) \(Self.periodMicroseconds)"))
      statistics += [at(memory) + "/memory.peak", at(memory) + "/memory.events"]
    }
    writes.append((at(processes) + "/pids.max", String(limits.processes)))
    return Plan(
      folders: folders, writes: writes, joins: folders.map { $0 + "/cgroup.procs" }, statistics: statistics,
      killFile: unified.map { at($0) + "/cgroup.kill" }, eventsFile: unified.map { at($0) + "/cgroup.events" })
  }
}

/// A mounted tree of control groups, out of `/proc/self/mountinfo` (proc(5)), and where this process is in it.
struct ControlGroupMount: Sendable, Equatable {
  var isVersionTwo: Bool
  /// `memory`, `cpu`… of a version 1 tree.
  var controllers: [String]
  var point: String
  /// The group of this process, as a folder.
  var own: String

  static func all(mountinfo: String, membership: String) -> [ControlGroupMount] {
    let groups = membership.split(separator: "\n").map { $0.split(separator: ":", maxSplits: 2).map(String.init) }
    return mountinfo.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ").map(String.init)
      guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 3, dash >= 6 else { return nil }
      let isVersionTwo = fields[dash + 1] == "cgroup2"
      guard isVersionTwo || fields[dash + 1] == "cgroup" else { return nil }
      let controllers = isVersionTwo ? [] : fields[dash + 3].split(separator: ",").map(String.init)
      let group = Self.group(in: groups, isVersionTwo, controllers)
      return ControlGroupMount(
        isVersionTwo: isVersionTwo, controllers: controllers, point: fields[4],
        own: folder(point: fields[4], root: fields[3], group: group ?? "/"))
    }
  }

  private static func group(in groups: [[String]], _ isVersionTwo: Bool, _ controllers: [String]) -> String? {
    groups.first { fields in
      guard let number = fields.first, fields.count >= 2 else { return false }
      // An empty list of controllers vanishes in the splitting: `0::/path` has two fields left.
      if fields.count == 2 { return isVersionTwo && number == "0" }
      return !isVersionTwo && fields[1].split(separator: ",").contains { controllers.contains(String($0)) }
    }?.last
  }

  /// Folders in which groups of runs may be made, best first. A process is moved only by someone who may write to the
  /// group that holds both its old place and its new one; version 1 does not ask for that, and root may do anything.
  func candidates(isRoot: Bool) -> [String] {
    let given = point + "/signalbox"
    let isInside = own == given || own.hasPrefix(given + "/")
    return isVersionTwo && !isRoot && !isInside ? [own] : [own, given]
  }

  /// A container sees a tree from `root` on.
  private static func folder(point: String, root: String, group: String) -> String {
    var rest = group
    if root != "/", rest.hasPrefix(root) { rest = String(rest.dropFirst(root.count)) }
    while rest.hasSuffix("/") { rest.removeLast() }
    return point + rest
  }
}

extension ControlGroups {
  /// Looks for folders this process may make groups in; nil when a controller has none.
  static func find() -> ControlGroups? {
    let mounts = ControlGroupMount.all(
      mountinfo: SmallFile.text("/proc/self/mountinfo") ?? "", membership: SmallFile.text("/proc/self/cgroup") ?? "")
    let unified = mounts.first { $0.isVersionTwo }
    func parent(_ controller: String) -> String? {
      mounts.first { $0.controllers.contains(controller) }.flatMap(usable)
    }
    if let memory = parent("memory"), let cpu = parent("cpu"), let processes = parent("pids") {
      return ControlGroups(
        version: .one, memory: memory, cpu: cpu, processes: processes, unified: unified.flatMap(usable),
        limitsSwap: access(memory + "/memory.memsw.limit_in_bytes", F_OK) == 0)
    }
    guard let unified, let folder = usable(unified), enable(folder) else { return nil }
    return ControlGroups(
      version: .two, memory: folder, cpu: folder, processes: folder, unified: folder,
      limitsSwap: access("/proc/swaps", F_OK) == 0)
  }

  private static func usable(_ mount: ControlGroupMount) -> String? {
    mount.candidates(isRoot: geteuid() == 0).first {
      access($0, W_OK) == 0 && access($0 + "/cgroup.procs", W_OK) == 0
    }
  }

  /// The command that gives this user groups of its own, for the trees that this machine has.
  static var delegation: String {
    let mounts = ControlGroupMount.all(mountinfo: SmallFile.text("/proc/self/mountinfo") ?? "", membership: "")
    return delegation(mounts, user: getuid())
  }

  static func delegation(_ mounts: [ControlGroupMount], user: UInt32) -> String {
    let sudo = user == 0 ? "" : "sudo "
    let points = ["memory", "cpu", "pids"].map { name in mounts.first { $0.controllers.contains(name) }?.point }
    let known = points.compactMap(\.self)
    guard known.count == points.count else {
      return user == 0
        ? "start it with: systemd-run --scope -p Delegate=yes signalbox start"
        : "start it with: systemd-run --user --scope -p Delegate=yes signalbox start"
    }
    return "run: for d in \(known.joined(separator: " ")); do \(sudo)mkdir -p $d/signalbox && "
      + "\(sudo)chown -R \(user) $d/signalbox; done"
  }

  /// With version 2, processes may sit only in groups without children that have controllers: we move to a group of
  /// our own first, then hand the controllers down.
  private static func enable(_ folder: String) -> Bool {
    let needed: Set<String> = ["memory", "cpu", "pids"]
    func words(_ name: String) -> Set<String> {
      Set((SmallFile.text(folder + "/" + name) ?? "").split(whereSeparator: \.isWhitespace).map(String.init))
    }
    guard needed.isSubset(of: words("cgroup.controllers")) else { return false }
    if needed.isSubset(of: words("cgroup.subtree_control")) { return true }
    let leaf = folder + "/signalbox-node"
    guard mkdir(leaf, 0o755) == 0 || errno == EEXIST, SmallFile.write(leaf + "/cgroup.procs", "0") else { return false }
    return SmallFile.write(folder + "/cgroup.subtree_control", "+memory +cpu +pids")
  }

  /// Removes groups whose owner is gone: their names carry its process id.
  func sweep() {
    for parent in Set([memory, cpu, processes, unified].compactMap(\.self)) {
      // A folder that cannot be listed has nothing that we could remove.
      for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] {
        let parts = name.split(separator: "-")
        guard parts.count == 3, parts[0] == "sandbox", let owner = Int32(parts[1]) else { continue }
        guard kill(owner, 0) < 0, errno == ESRCH else { continue }
        _ = SmallFile.write("\(parent)/\(name)/cgroup.kill", "1")
        rmdir("\(parent)/\(name)")
      }
    }
  }
}

/// Files of /proc and of control groups: small, and never worth an error of their own.
enum SmallFile {
  private static let bytesMax = 1 << 20

  static func text(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    while bytes.count < bytesMax {
      let count = read(descriptor, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes.append(contentsOf: chunk.prefix(count))
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func write(_ path: String, _ text: String) -> Bool {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    return Glibc.write(descriptor, bytes, bytes.count) == bytes.count
  }
}
