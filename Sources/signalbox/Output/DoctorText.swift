internal import Base
internal import ControlPlane

/// Findings for people: one block each, those that need something first said by their word and not by colour alone.
enum DoctorText {
  static func page(_ findings: [DoctorFinding]) -> String {
    let width = findings.map(\.component.count).max() ?? 0
    var lines = findings.flatMap { block($0, width: width) }
    let missing = findings.count { $0.state == .missing }
    let weak = findings.count { $0.state == .weak }
    lines.append("")
    lines.append(
      "\(findings.count) looked at, \(missing) missing, \(weak) weak; nothing here keeps a node from starting"
        + " unless its line says so")
    return lines.joined(separator: "\n")
  }

  private static func block(_ finding: DoctorFinding, width: Int) -> [String] {
    let version = finding.version.map { DisplayText($0).truncated(to: 300).text } ?? ""
    let indent = String(repeating: " ", count: 10 + width)
    var head =
      "\(Table.pad(finding.state.rawValue, 8)) \(DisplayText(finding.component).padded(to: width)) \(version)"
    while head.hasSuffix(" ") { head.removeLast() }
    var lines = [head]
    lines.append("\(indent)for: \(DisplayText(finding.usedFor))")
    if finding.state != .ok { lines.append("\(indent)without: \(DisplayText(finding.without))") }
    if let fix = finding.fix { lines.append("\(indent)fix: \(DisplayText(fix))") }
    return lines
  }
}
