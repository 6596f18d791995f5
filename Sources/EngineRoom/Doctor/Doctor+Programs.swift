internal import ControlPlane
internal import Glibc

/// Programs that engines run.
extension Doctor {
  /// What a program says of its version: nil when there is no such program on `PATH`, "unknown" when it says nothing
  /// that looks like one in time.
  static func programVersion(_ name: String, _ arguments: [String], _ facts: DoctorSettings) async -> String? {
    guard let path = ProgramFinder.find(name, path: facts.environment["PATH"] ?? "") else { return nil }
    let command = ProbeCommand(
      executable: path, arguments: arguments, environment: facts.environment, deadline: facts.deadline)
    guard case .ended(let status, let output) = await command.run(), status == 0 else { return "unknown" }
    return ProgramFinder.version(in: output) ?? "unknown"
  }

  /// A program with the least version that will do.
  private static func program(
    _ name: String, _ arguments: [String] = ["--version"], atLeast least: [Int], package: String, usedFor: String,
    without: String, _ facts: DoctorSettings
  ) async -> DoctorFinding {
    var finding = DoctorFinding(
      component: name, state: .ok, version: nil, usedFor: usedFor, without: without, fix: nil)
    guard let version = await programVersion(name, arguments, facts) else {
      finding.state = .missing
      finding.fix = apt(package)
      return finding
    }
    finding.version = version
    if version == "unknown" {
      finding.state = .weak
      finding.version = "found, but it does not say its version"
      finding.fix = apt("--reinstall \(package)")
    } else if !ProgramFinder.isAtLeast(version, least) {
      finding.state = .weak
      finding.version = "\(version); \(least.map(String.init).joined(separator: ".")) or later is needed"
      finding.fix = apt(package)
    }
    return finding
  }

  static func python(_ facts: DoctorSettings) async -> DoctorFinding {
    await program(
      "python3", atLeast: [3, 9], package: "python3", usedFor: "running Python, and checking it before",
      without: "runs of the other languages", facts)
  }

  static func node(_ facts: DoctorSettings) async -> DoctorFinding {
    await program(
      "node", atLeast: [18], package: "nodejs", usedFor: "running JavaScript and TypeScript, and checking them before",
      without: "runs of the other languages", facts)
  }

  static func git(_ facts: DoctorSettings) async -> DoctorFinding {
    await program(
      "git", atLeast: [2, 20], package: "git",
      usedFor: "repositories that libgit2 refuses (SHA-256, reftable, partial clones), the commit in bench reports",
      without: "the index of all other repositories, which libgit2 reads", facts)
  }

  static func esbuild(_ facts: DoctorSettings) async -> DoctorFinding {
    await program(
      "esbuild", atLeast: [0, 8], package: "esbuild", usedFor: "turning TypeScript into JavaScript before a run",
      without: "runs of the other languages", facts)
  }

  static func go(_ facts: DoctorSettings) async -> DoctorFinding {
    await program(
      "go", ["version"], atLeast: [1, 18], package: "golang-go", usedFor: "compiling Go before a run",
      without: "runs of the other languages", facts)
  }

  /// Linked into this program, so it is there; which one, the system decides.
  static func libgit2() -> DoctorFinding {
    DoctorFinding(
      component: "libgit2", state: .ok, version: Notices.gitLibraryVersion,
      usedFor: "reading the repositories of the index", without: "the program does not start", fix: nil)
  }
}
