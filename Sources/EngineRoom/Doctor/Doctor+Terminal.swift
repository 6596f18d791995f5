internal import ControlPlane
internal import Glibc

extension Doctor {
  static func terminal(_ facts: DoctorSettings) -> DoctorFinding {
    var finding = DoctorFinding(
      component: "terminal", state: .ok, version: nil, usedFor: "the console",
      without: "everything but the console: --no-tui, status --watch --plain, the API", fix: nil)
    let name = facts.environment["TERM"] ?? ""
    guard !name.isEmpty else {
      finding.state = .missing
      finding.version = "TERM is not set"
      finding.fix = "export TERM=xterm-256color"
      return finding
    }
    guard let entry = terminfo(name, facts.environment) else {
      finding.state = .weak
      finding.version = "\(firstLine(name)): no terminfo entry"
      finding.fix = apt("ncurses-term")
      return finding
    }
    var pieces = [firstLine(name)]
    let colours = colours(entry, facts.environment)
    pieces.append(colours)
    if let size = terminalSize() {
      pieces.append("\(size.columns)x\(size.rows)")
      if size.columns < 80 || size.rows < 24 {
        finding.state = .weak
        finding.fix = "make the window at least 80x24"
      }
    } else {
      pieces.append("not attached here, size unknown")
    }
    if name == "dumb" {
      finding.state = .weak
      finding.fix = "export TERM=xterm-256color"
    }
    finding.version = pieces.joined(separator: ", ")
    return finding
  }

  static func locale(_ facts: DoctorSettings) -> DoctorFinding {
    let name = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { facts.environment[$0] }.first { !$0.isEmpty }
    var finding = DoctorFinding(
      component: "locale", state: .ok, version: firstLine(name ?? "not set"),
      usedFor: "line drawing and names in the console",
      without: "plain ASCII borders; other characters as ?", fix: nil)
    let letters = (name ?? "").lowercased()
    let isUTF8 = letters.contains("utf-8") || letters.contains("utf8")
    let handle = newlocale(LC_CTYPE_MASK, name ?? "C", nil)
    if let handle { freelocale(handle) }
    if !isUTF8 || handle == nil {
      finding.state = .weak
      finding.version = firstLine(name ?? "not set") + (isUTF8 ? ": not installed" : ": not UTF-8")
      finding.fix = "export LANG=C.UTF-8 LC_ALL=C.UTF-8"
    }
    return finding
  }

  /// The compiled entry, from where ncurses looks (terminfo(5), "Fetching Compiled Descriptions").
  private static func terminfo(_ name: String, _ environment: [String: String]) -> [UInt8]? {
    guard !name.contains("/"), let first = name.utf8.first else { return nil }
    var folders = [environment["TERMINFO"], environment["HOME"].map { "\($0)/.terminfo" }].compactMap(\.self)
    folders += (environment["TERMINFO_DIRS"] ?? "").split(separator: ":").map(String.init)
    folders += ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo"]
    let letter = String(UnicodeScalar(first))
    for folder in folders {
      for place in [letter, String(first, radix: 16)] {
        let descriptor = open("\(folder)/\(place)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { continue }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 32_768)
        let count = read(descriptor, &bytes, bytes.count)
        if count > 12 { return Array(bytes[..<count]) }
      }
    }
    return nil
  }

  /// `max_colors` is the number with index 13 of a compiled entry (term(5): header of six shorts, names, flags, pad
  /// to an even place, numbers of two or four bytes).
  private static func colours(_ entry: [UInt8], _ environment: [String: String]) -> String {
    if let variable = environment["NO_COLOR"], !variable.isEmpty { return "no colours (NO_COLOR)" }
    if ["truecolor", "24bit"].contains(environment["COLORTERM"]) { return "16777216 colours" }
    func short(_ place: Int) -> Int {
      place + 1 < entry.count ? Int(Int16(truncatingIfNeeded: Int(entry[place]) | Int(entry[place + 1]) << 8)) : -1
    }
    let width = short(0) == 0o1036 ? 4 : 2
    let names = short(2), flags = short(4), numbers = short(6)
    guard names > 0, flags >= 0, numbers > 13 else { return "no colours" }
    let start = 12 + names + flags
    let place = start + start % 2 + 13 * width
    let high = width == 4 ? short(place + 2) : 0
    let low = short(place)
    guard low >= 0, high >= 0 else { return high > 0 ? "16777216 colours" : "no colours" }
    return "\(high << 16 | low) colours"
  }

  private static func terminalSize() -> (columns: Int, rows: Int)? {
    for descriptor in [STDOUT_FILENO, STDIN_FILENO, STDERR_FILENO] {
      var size = winsize()
      if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
        return (Int(size.ws_col), Int(size.ws_row))
      }
    }
    return nil
  }
}
