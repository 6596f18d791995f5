internal import ControlPlane
internal import Glibc

/// Control groups: which hierarchy, which controllers, and whether this process may make groups of its own.
extension Doctor {
  /// What the sandbox limits with.
  private static let wanted = ["memory", "cpu", "pids"]
  private static let root = "/sys/fs/cgroup"

  static func cgroups() -> DoctorFinding {
    var finding = DoctorFinding(
      component: "cgroups", state: .ok, version: nil,
      usedFor: "the sandbox's limits of memory, processor and processes",
      without: "weaker limits (rlimits), said in every result, and only with SANDBOX_REQUIRE=isolation", fix: nil)
    if isVersion2(root) { return version2(finding) }
    let isHybrid = isVersion2("\(root)/unified")
    let present = wanted.filter { isFolder("\(root)/\($0)") }
    guard !present.isEmpty else {
      finding.state = .missing
      finding.version = "no controller is mounted at \(root)"
      finding.fix = "\(sudo)mount -t cgroup2 none \(root)"
      return finding
    }
    let makeable = present.filter { canMakeGroup(version1Folder($0)) || canMakeGroup("\(root)/\($0)/signalbox") }
    let name = isHybrid ? "hybrid (v1 controllers beside a v2 tree)" : "v1"
    finding.version = "\(name): " + describe(present: present, makeable: makeable)
    if makeable.count < wanted.count {
      finding.state = .weak
      finding.fix = version1Fix(wanted.filter { !makeable.contains($0) })
    }
    return finding
  }

  private static func version2(_ start: DoctorFinding) -> DoctorFinding {
    var finding = start
    let path = ownPath { $0.hasPrefix("0::") }
    let own = isFolder("\(root)\(path)") ? "\(root)\(path)" : root
    let there = (kernelText("\(own)/cgroup.controllers") ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
    let present = wanted.filter { there.contains($0) }
    let isMine = canMakeGroup(own) && access("\(own)/cgroup.subtree_control", W_OK) == 0
    finding.version = "v2: " + describe(present: present, makeable: isMine ? present : [])
    if !isMine || present.count < wanted.count {
      finding.state = .weak
      finding.fix = version2Fix
    }
    return finding
  }

  private static func describe(present: [String], makeable: [String]) -> String {
    let missing = wanted.filter { !present.contains($0) }
    var text = present.isEmpty ? "no controller" : present.joined(separator: ", ")
    if !missing.isEmpty { text += "; without \(missing.joined(separator: ", "))" }
    if makeable == present { return text + "; groups can be made" }
    return text
      + (makeable.isEmpty ? "; no group can be made" : "; groups only for \(makeable.joined(separator: ", "))")
  }

  /// One folder a controller, made and given away by root.
  private static func version1Fix(_ controllers: [String]) -> String {
    let names = controllers.joined(separator: " ")
    return "for c in \(names); do \(sudo)mkdir -p \(root)/$c/signalbox && "
      + "\(sudo)chown -R \(getuid()) \(root)/$c/signalbox; done"
  }

  /// systemd gives a user's session no processor controller unless told to; then a scope of one's own holds the node.
  private static var version2Fix: String {
    let folder = "/etc/systemd/system/user@.service.d"
    if geteuid() == 0 { return "systemd-run --scope -p Delegate=yes signalbox start" }
    return "sudo mkdir -p \(folder) && printf '[Service]\\nDelegate=cpu memory pids\\n' | sudo tee "
      + "\(folder)/delegate.conf && sudo systemctl daemon-reload  # log in again, then: "
      + "systemd-run --user --scope -p Delegate=yes signalbox start"
  }

  private static func version1Folder(_ controller: String) -> String {
    let path = ownPath { line in
      let pieces = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      return pieces.count == 3 && pieces[1].split(separator: ",").contains(Substring(controller))
    }
    let own = "\(root)/\(controller)\(path)"
    return isFolder(own) ? own : "\(root)/\(controller)"
  }

  /// Where this process is in the hierarchy whose line of `/proc/self/cgroup` is asked for; "" for its root.
  private static func ownPath(_ isLine: (Substring) -> Bool) -> String {
    let lines = (kernelText("/proc/self/cgroup") ?? "").split(separator: "\n")
    guard let line = lines.first(where: isLine) else { return "" }
    let path = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).last ?? ""
    return path == "/" || path.contains("..") ? "" : String(path)
  }

  /// Makes an empty group and removes it at once.
  private static func canMakeGroup(_ folder: String) -> Bool {
    let name = "\(folder)/signalbox-doctor-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    guard mkdir(name, 0o700) == 0 else { return false }
    return rmdir(name) == 0
  }

  /// Only a v2 tree has this file.
  private static func isVersion2(_ path: String) -> Bool { access("\(path)/cgroup.controllers", F_OK) == 0 }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
