internal import Base
internal import ControlPlane
internal import Glibc

/// Limits, ports and the state folder.
extension Doctor {
  static func fileLimit() -> DoctorFinding {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    var finding = DoctorFinding(
      component: "file-limit", state: .ok,
      version: "\(limitText(limit.rlim_cur)) now, up to \(limitText(limit.rlim_max)): "
        + "room for \(FileLimit.sockets(of: Int(clamping: limit.rlim_max))) sockets",
      usedFor: "one descriptor for each connection", without: "fewer connections", fix: nil)
    if limit.rlim_max < 65_536 {
      finding.state = .weak
      finding.fix = "echo '* - nofile 1048576' | \(sudo)tee /etc/security/limits.d/signalbox.conf  # then log in again"
    }
    return finding
  }

  private static func limitText(_ value: rlim_t) -> String { value > 1 << 60 ? "unlimited" : "\(value)" }

  static func inotify() -> DoctorFinding {
    let watches = kernelNumber("/proc/sys/fs/inotify/max_user_watches")
    let instances = kernelNumber("/proc/sys/fs/inotify/max_user_instances")
    var finding = DoctorFinding(
      component: "inotify", state: .ok, version: nil, usedFor: "seeing changed files at once",
      without: "changes are seen by looking from time to time", fix: nil)
    guard let watches, let instances else {
      finding.state = .missing
      finding.version = "not in this kernel"
      return finding
    }
    finding.version = "\(watches) watches, \(instances) instances"
    if watches < 65_536 || instances < 64 {
      finding.state = .weak
      finding.fix = "\(sudo)sysctl -w fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512"
    }
    return finding
  }

  static func port(_ port: DoctorSettings.Port) -> DoctorFinding {
    var finding = DoctorFinding(
      component: "port-\(port.port)", state: .ok, version: "free on \(firstLine(port.host))", usedFor: port.name,
      without: "the node does not start, as long as another has the port", fix: nil)
    let problem = PortOwner.bind(port.host, port.port)
    guard problem != 0 else { return finding }
    finding.state = .weak
    if problem == EADDRINUSE {
      let owner = PortOwner.find(port: port.port)
      finding.version =
        "in use by \(owner.map { "\(firstLine($0.name)) (pid \($0.pid))" } ?? "a process of another user")"
      if owner?.name == "signalbox" {
        finding.state = .ok
      } else {
        finding.fix = owner.map { "kill \($0.pid)" } ?? "\(sudo)ss -ltnp 'sport = :\(port.port)'"
        finding.fix? += "  # or give the node another port"
      }
    } else {
      finding.version = "cannot be opened on \(firstLine(port.host)): \(String(cString: strerror(problem)))"
      finding.fix = problem == EACCES ? "use a port above 1023" : "let SIGNALBOX_HOST name an address of this machine"
    }
    return finding
  }

  static func stateFolder(_ facts: DoctorSettings) -> DoctorFinding {
    let path = facts.stateFolder
    let shown = firstLine(path)
    var finding = DoctorFinding(
      component: "state-folder", state: .ok, version: shown, usedFor: "logs, audit, history, the index",
      without: "a node does not start", fix: nil)
    var status = stat()
    let exists = stat(path, &status) == 0
    let folder = exists ? path : nearestFolder(path)
    var space = statvfs()
    let free = statvfs(folder, &space) == 0 ? Int64(space.f_bavail) * Int64(space.f_frsize) : 0
    finding.version = "\(shown)\(exists ? "" : ", not made yet"), \(Quantity.describe(bytes: free)) free"
    func weak(_ reason: String, _ fix: String, _ state: DoctorFinding.State = .weak) {
      finding.state = state
      finding.version = "\(shown): \(reason)"
      finding.fix = fix
    }
    let quoted = "'\(shown)'"
    if exists, status.st_mode & S_IFMT != S_IFDIR {
      weak("is no folder", "mv \(quoted) \(quoted).old", .missing)
    } else if exists, status.st_uid != geteuid() {
      weak("belongs to user \(status.st_uid)", "\(sudo)chown -R \(geteuid()) \(quoted)", .missing)
    } else if access(folder, W_OK | X_OK) != 0 {
      weak("\(exists ? "it" : firstLine(folder)) cannot be written", "export SIGNALBOX_STATE=$HOME/signalbox", .missing)
    } else if exists, status.st_mode & 0o077 != 0 {
      weak("others may look into it", "chmod 700 \(quoted)")
    } else if free < 1 << 30 {
      weak("only \(Quantity.describe(bytes: free)) free", "df -h \(quoted)  # and make room, or set SIGNALBOX_STATE")
    }
    return finding
  }

  private static func nearestFolder(_ path: String) -> String {
    var path = path[...]
    while let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      path = path[..<slash]
      if access(String(path), F_OK) == 0 { return String(path) }
    }
    return "/"
  }

  static func lastCrash(_ facts: DoctorSettings) -> DoctorFinding {
    let path = facts.crashReport ?? "\(facts.stateFolder)/crash/last.txt"
    var finding = DoctorFinding(
      component: "last-crash", state: .ok, version: "none on record", usedFor: "finding out why a node died",
      without: "nothing is missed", fix: nil)
    var status = stat()
    guard stat(path, &status) == 0, status.st_size > 0 else { return finding }
    let time = Timestamp.iso8601(Int64(status.st_mtim.tv_sec) * 1_000)
    finding.state = .weak
    finding.version = "\(time): \(firstLine(kernelText(path) ?? "it cannot be read"))"
    finding.fix = "less '\(firstLine(path))'  # report it, then remove it"
    return finding
  }
}
