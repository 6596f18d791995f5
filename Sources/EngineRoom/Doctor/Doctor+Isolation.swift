internal import ControlPlane
internal import Glibc

/// What the embedded sandbox stands on.
extension Doctor {
  static func bubblewrap(_ facts: DoctorSettings) async -> DoctorFinding {
    var finding = DoctorFinding(
      component: "bubblewrap", state: .ok, version: nil, usedFor: "the embedded back end of the sandbox",
      without: "runs in Docker, when an Engine is there; else no runs", fix: nil)
    guard let program = ProgramFinder.find("bwrap", path: facts.environment["PATH"] ?? "") else {
      finding.state = .missing
      finding.fix = apt("bubblewrap")
      return finding
    }
    let version = await programVersion("bwrap", ["--version"], facts)
    finding.version = version
    let trial = ProbeCommand(
      executable: program, arguments: ["--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "/bin/true"],
      environment: facts.environment, deadline: facts.deadline)
    let outcome = await trial.run()
    if case .ended(status: 0, _) = outcome {
      finding.version = "\(version ?? "unknown version"), starts a sandbox"
      return finding
    }
    finding.state = .weak
    finding.version = "\(version ?? "unknown version"), but it starts no sandbox: \(reason(outcome))"
    finding.fix = namespaceFix() ?? "run signalbox outside of containers that forbid namespaces, or use Docker"
    return finding
  }

  /// A program of our own, which both back ends start.
  static func launcher(_ facts: DoctorSettings) -> DoctorFinding {
    var finding = DoctorFinding(
      component: "sandbox-launcher", state: .ok, version: nil,
      usedFor: "limits, isolation and proof of every run, in both back ends", without: "no runs", fix: nil)
    guard let path = facts.launcher ?? besideThisProgram("sandbox-launcher") else {
      finding.state = .weak
      finding.version = "where this program lies cannot be read"
      finding.fix = "mount /proc"
      return finding
    }
    if access(path, X_OK) == 0 {
      finding.version = firstLine(path)
      return finding
    }
    finding.state = .missing
    finding.version = "\(firstLine(path)) is \(access(path, F_OK) == 0 ? "no program" : "not there")"
    finding.fix = "put sandbox-launcher beside signalbox, as `make install` does"
    return finding
  }

  private static func besideThisProgram(_ name: String) -> String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    guard readlink("/proc/self/exe", &buffer, buffer.count - 1) > 0 else { return nil }
    let own = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: own, as: UTF8.self).split(separator: "/").dropLast().reduce(into: "") { $0 += "/\($1)" }
      + "/\(name)"
  }

  static func userNamespaces(_ facts: DoctorSettings) async -> DoctorFinding {
    var finding = DoctorFinding(
      component: "user-namespaces", state: .ok, version: nil, usedFor: "sandboxes without root",
      without: "runs in Docker, when an Engine is there; else no runs", fix: nil)
    let most = kernelNumber("/proc/sys/user/max_user_namespaces")
    guard access("/proc/self/ns/user", F_OK) == 0, most != 0 else {
      finding.state = .missing
      finding.version = most == 0 ? "user.max_user_namespaces is 0" : "not in this kernel"
      finding.fix = most == 0 ? namespaceFix() : nil
      return finding
    }
    finding.version = most.map { "up to \($0)" } ?? "there"
    if geteuid() != 0, let fix = namespaceFix() {
      finding.state = .weak
      finding.version = "not for ordinary users"
      finding.fix = fix
      return finding
    }
    guard let program = ProgramFinder.find("unshare", path: facts.environment["PATH"] ?? "") else {
      finding.version? += ", not tried: there is no unshare(1)"
      return finding
    }
    let outcome = await ProbeCommand(
      executable: program, arguments: ["--user", "--map-root-user", "/bin/true"], environment: facts.environment,
      deadline: facts.deadline
    ).run()
    if case .ended(status: 0, _) = outcome {
      finding.version? += geteuid() == 0 ? ", one was made (as root)" : ", one was made"
    } else {
      finding.state = .weak
      finding.version? += ", but none could be made: \(reason(outcome))"
      finding.fix = namespaceFix()
    }
    return finding
  }

  /// The switch that keeps ordinary users from making namespaces, and how to set it; nil when none does.
  private static func namespaceFix() -> String? {
    if kernelNumber("/proc/sys/user/max_user_namespaces") == 0 {
      return "\(sudo)sysctl -w user.max_user_namespaces=10000"
    }
    if kernelNumber("/proc/sys/kernel/unprivileged_userns_clone") == 0 {
      return "\(sudo)sysctl -w kernel.unprivileged_userns_clone=1"
    }
    guard kernelNumber("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1 else { return nil }
    // Ubuntu 23.10 and later: a profile for bwrap alone, rather than the right for every program.
    let profile = "abi <abi/4.0>,\\nprofile bwrap /usr/bin/bwrap flags=(unconfined) {\\n  userns,\\n}\\n"
    return "printf '\(profile)' | \(sudo)tee /etc/apparmor.d/bwrap && \(sudo)apparmor_parser -r /etc/apparmor.d/bwrap"
  }

  private static func reason(_ outcome: ProbeCommand.Outcome) -> String {
    switch outcome {
    case .ended(let status, let output): firstLine(output).isEmpty ? "exit status \(status)" : firstLine(output)
    case .timedOut: "no end in time"
    case .couldNotStart(let reason): reason
    }
  }

  static func seccomp() -> DoctorFinding {
    var finding = DoctorFinding(
      component: "seccomp", state: .ok, version: nil, usedFor: "the sandbox's filter of system calls",
      without: "no runs with all four layers; SANDBOX_REQUIRE=isolation lets weaker ones pass", fix: nil)
    let actions = (kernelText("/proc/sys/kernel/seccomp/actions_avail") ?? "").split(whereSeparator: \.isWhitespace)
    if actions.contains("errno"), actions.contains("kill_process") {
      finding.version = "filters, with errno and kill_process"
    } else if let status = kernelText("/proc/self/status"), status.contains("\nSeccomp:") {
      finding.version = "in the kernel; its actions cannot be read"
    } else {
      finding.state = .missing
      finding.version = "not in this kernel"
      finding.fix = "boot a kernel with CONFIG_SECCOMP_FILTER, such as Debian's or Ubuntu's own"
    }
    return finding
  }
}
