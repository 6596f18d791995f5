public import ControlPlane
internal import Glibc

/// Looks at every piece of the system that an engine needs, and says of each: found or not, what it is for, what works
/// without it, and the exact command that mends it. It changes nothing that is still there afterwards.
public enum Doctor {
  /// All findings, in a fixed order. The probes run side by side, each within `facts.deadline`.
  public static func examine(_ facts: DoctorSettings) async -> [DoctorFinding] {
    let probes: [@Sendable () async -> [DoctorFinding]] = [
      { [terminal(facts), locale(facts)] },
      { await runningNode(facts) },
      { [await redis(facts)] },
      { [await docker(facts)] },
      { [await bubblewrap(facts), launcher(facts)] },
      { [cgroups()] },
      { [await userNamespaces(facts)] },
      { [seccomp()] },
      { [await python(facts)] },
      { [await node(facts)] },
      { [await git(facts), libgit2()] },
      { [await esbuild(facts)] },
      { [await go(facts)] },
      { [fileLimit(), inotify()] },
      { facts.ports.map(port) },
      { [stateFolder(facts), lastCrash(facts)] },
    ]
    return await withTaskGroup(of: (Int, [DoctorFinding]).self) { group in
      for (index, probe) in probes.enumerated() { group.addTask { (index, await probe()) } }
      var found = [[DoctorFinding]](repeating: [], count: probes.count)
      for await (index, findings) in group { found[index] = findings }
      return found.flatMap(\.self)
    }
  }

  /// `apt-get install`, by way of sudo where that is needed.
  static func apt(_ packages: String) -> String { "\(sudo)apt-get install -y \(packages)" }

  /// What a command that only root may give begins with.
  static var sudo: String { geteuid() == 0 ? "" : "sudo " }

  /// The first line of what a program or a file said, for a message: printable ASCII, at most 200 bytes.
  static func firstLine(_ text: String) -> String {
    let line = text.utf8.drop { $0 <= 32 }.prefix { $0 != 10 && $0 != 13 }.prefix(200)
    return String(decoding: line.map { (32...126).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }

  /// The content of a small file of the kernel's; nil when it is not there.
  static func kernelText(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < 4 << 20 {
      let count = read(descriptor, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A number that such a file holds.
  static func kernelNumber(_ path: String) -> Int? {
    kernelText(path).flatMap { Int($0.prefix { $0.isASCII && ($0.isNumber || $0 == "-") }) }
  }
}
