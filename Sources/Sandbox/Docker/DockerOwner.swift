internal import FoundationEssentials
internal import Glibc

/// Which process a container belongs to, as its labels say it. A process id means something in one boot of one
/// namespace only, and may be given out again: so the boot, the namespace and the time of its start go with it.
struct DockerOwner: Equatable {
  var place: String
  var process: Int32
  var started: String

  static let current = DockerOwner(place: ownPlace, process: getpid(), started: startTime(getpid()) ?? "")

  var labels: [String: String] {
    [
      DockerRuntime.label: "1", "signalbox.place": place, "signalbox.pid": String(process),
      "signalbox.started": started,
    ]
  }

  init(place: String, process: Int32, started: String) {
    self.place = place
    self.process = process
    self.started = started
  }

  init?(labels: [String: String]) {
    guard let place = labels["signalbox.place"], let process = labels["signalbox.pid"].flatMap(Int32.init),
      let started = labels["signalbox.started"]
    else { return nil }
    self.init(place: place, process: process, started: started)
  }

  /// False when that cannot be known from here.
  var isDead: Bool { place == Self.ownPlace && Self.startTime(process) != started }

  private static let ownPlace: String = {
    let boot = SmallFile.text("/proc/sys/kernel/random/boot_id")?.split(whereSeparator: \.isWhitespace).first ?? ""
    // Without it the boot alone has to tell.
    let space = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
    return "\(boot) \(space)"
  }()

  /// Field 22 of /proc/PID/stat; the name in field 2 may hold blanks and parentheses.
  private static func startTime(_ process: Int32) -> String? {
    guard let text = SmallFile.text("/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[end...].split(separator: " ")
    return fields.count > 20 ? String(fields[20]) : nil
  }
}
