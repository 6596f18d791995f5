/// The system call filter of `SeccompFilter`, in the Engine's words: its own default allows ptrace and differs between
/// versions. The Engine makes the filter with libseccomp, which knows calls by name.
enum DockerSeccomp {
  static func profile(_ architecture: SeccompFilter.Architecture) -> String {
    func isThere(_ row: SystemCalls.Row) -> Bool { (architecture == .x86 ? row.x86 : row.arm) != nil }
    let allowed = SystemCalls.allowed.filter(isThere).map { "\"\($0.name)\"" }.joined(separator: ",")
    let hidden = SystemCalls.special.filter(isThere).map(\.name).filter {
      !["clone", "ioctl", "socketpair"].contains($0)
    }
    var rules = ["{\"names\":[\(allowed)],\"action\":\"SCMP_ACT_ALLOW\"}"]
    rules.append(
      "{\"names\":[\(hidden.map { "\"\($0)\"" }.joined(separator: ","))],\"action\":\"SCMP_ACT_ERRNO\","
        + "\"errnoRet\":38}")
    rules.append(rule("clone", index: 0, mask: UInt64(SeccompFilter.namespaceFlags), value: 0))
    rules.append(rule("socketpair", index: 0, mask: 0xFFFF_FFFF, value: UInt64(SeccompFilter.unixFamily)))
    // The kernel looks at 32 bits of a command; so does the rule.
    rules += SeccompFilter.terminalCommands.map { rule("ioctl", index: 1, mask: 0xFFFF_FFFF, value: UInt64($0)) }
    let name = architecture == .x86 ? "SCMP_ARCH_X86_64" : "SCMP_ARCH_AARCH64"
    return "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1,\"architectures\":[\"\(name)\"],"
      + "\"syscalls\":[\(rules.joined(separator: ","))]}"
  }

  private static func rule(_ name: String, index: Int, mask: UInt64, value: UInt64) -> String {
    "{\"names\":[\"\(name)\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":\(index),\"value\":\(mask),"
      + "\"valueTwo\":\(value),\"op\":\"SCMP_CMP_MASKED_EQ\"}]}"
  }
}
