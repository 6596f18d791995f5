/// The system call filter of a sandbox, as the classic BPF program that the kernel runs before every call (seccomp(2),
/// linux/filter.h). It is made here, from two tables of names, so that what is allowed can be read and tested, and no
/// library has to be there.
///
/// A filter sees one record: the call's number, the architecture, the instruction pointer and six 64-bit arguments. It
/// compares 32-bit words and answers with an action. This one:
///
/// 1. kills the process when the architecture is not the one it was made for (a 32-bit call on a 64-bit kernel has
///    other numbers), and on x86-64 also for the x32 numbers from 0x4000_0000 on;
/// 2. decides the calls whose arguments matter: `clone` without any new namespace, `ioctl` with a short list of
/// commands
///    compared as the 32 bits that the kernel itself looks at (TIOCSTI with high bits set must not slip by,
///    CVE-2019-10063), `socketpair` for Unix sockets only;
/// 3. says ENOSYS to `clone3` and io_uring, so that libraries fall back to what can be filtered: clone3's flags lie
///    behind a pointer, out of a filter's sight;
/// 4. looks every other number up in the sorted ranges of allowed ones by halving: about seven comparisons a call;
/// 5. answers everything else with EPERM, which programs survive where a kill would hide what was tried.
public struct SeccompFilter: Sendable, Equatable {
  public enum Architecture: Sendable, CaseIterable {
    case x86, arm

    /// What this program was built for; nil: no filter is known for it.
    public static var current: Architecture? {
      #if arch(x86_64)
        .x86
      #elseif arch(arm64)
        .arm
      #else
        nil
      #endif
    }

    /// AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64 of linux/audit.h.
    var audit: UInt32 { self == .x86 ? 0xC000_003E : 0xC000_00B7 }
  }

  /// `struct sock_filter`.
  struct Instruction: Sendable, Equatable {
    var code: UInt16
    var ifTrue: UInt8 = 0
    var ifFalse: UInt8 = 0
    var value: UInt32
  }

  private enum Code {
    static let load: UInt16 = 0x20
    static let and: UInt16 = 0x54
    static let equal: UInt16 = 0x15
    static let greater: UInt16 = 0x25
    static let atLeast: UInt16 = 0x35
    static let answer: UInt16 = 0x06
  }

  enum Action {
    static let allow: UInt32 = 0x7FFF_0000
    static let kill: UInt32 = 0x8000_0000
    static let notPermitted: UInt32 = 0x0005_0000 | 1
    static let notImplemented: UInt32 = 0x0005_0000 | 38
  }

  private enum Offset {
    static let number: UInt32 = 0
    static let architecture: UInt32 = 4
    /// The low half of an argument, little endian.
    static func argument(_ index: UInt32) -> UInt32 { 16 + 8 * index }
  }

  /// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
  static let namespaceFlags: UInt32 = 0x7E02_0000
  /// TCGETS TCSETS TIOCGPGRP TIOCSPGRP TIOCGWINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX.
  static let terminalCommands: [UInt32] = [0x5401, 0x5402, 0x540F, 0x5410, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451]
  static let unixFamily: UInt32 = 1

  let instructions: [Instruction]

  public init(_ architecture: Architecture) {
    var program: [Instruction] = [
      Instruction(code: Code.load, value: Offset.architecture),
      Instruction(code: Code.equal, ifTrue: 1, value: architecture.audit),
      Self.answer(Action.kill),
      Instruction(code: Code.load, value: Offset.number),
    ]
    if architecture == .x86 {
      program += [Instruction(code: Code.atLeast, ifFalse: 1, value: 0x4000_0000), Self.answer(Action.kill)]
    }
    func number(_ row: SystemCalls.Row) -> UInt32? { architecture == .x86 ? row.x86 : row.arm }
    for row in SystemCalls.special {
      guard let number = number(row) else { continue }
      let block = Self.decision(row.name)
      program.append(Instruction(code: Code.equal, ifFalse: UInt8(block.count), value: number))
      program += block
    }
    program += Self.search(Self.ranges(SystemCalls.allowed.compactMap(number)))
    precondition(program.count <= 4_096, "the kernel takes at most 4,096 instructions (BPF_MAXINSNS)")
    instructions = program
  }

  /// As `struct sock_filter[]`, little endian: what bubblewrap's `--seccomp` reads.
  public var bytes: [UInt8] {
    instructions.flatMap { one -> [UInt8] in
      let low = [UInt8(one.code & 255), UInt8(one.code >> 8), one.ifTrue, one.ifFalse]
      return low + (0..<4).map { UInt8(truncatingIfNeeded: one.value >> (8 * UInt32($0))) }
    }
  }

  private static func answer(_ action: UInt32) -> Instruction { Instruction(code: Code.answer, value: action) }

  /// Ends in an answer on every path.
  private static func decision(_ name: String) -> [Instruction] {
    switch name {
    case "clone":
      [
        Instruction(code: Code.load, value: Offset.argument(0)),
        Instruction(code: Code.and, value: namespaceFlags),
        Instruction(code: Code.equal, ifFalse: 1, value: 0), answer(Action.allow), answer(Action.notPermitted),
      ]
    case "socketpair":
      [
        Instruction(code: Code.load, value: Offset.argument(0)),
        Instruction(code: Code.equal, ifFalse: 1, value: unixFamily), answer(Action.allow),
        answer(Action.notPermitted),
      ]
    case "ioctl":
      [Instruction(code: Code.load, value: Offset.argument(1))]
        + terminalCommands.flatMap {
          [Instruction(code: Code.equal, ifFalse: 1, value: $0), answer(Action.allow)]
        } + [answer(Action.notPermitted)]
    default: [answer(Action.notImplemented)]
    }
  }

  static func ranges(_ numbers: [UInt32]) -> [ClosedRange<UInt32>] {
    var ranges: [ClosedRange<UInt32>] = []
    for number in numbers.sorted() {
      if let last = ranges.last, number <= last.upperBound + 1 {
        ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, number)
      } else {
        ranges.append(number...number)
      }
    }
    return ranges
  }

  private static func search(_ ranges: [ClosedRange<UInt32>]) -> [Instruction] {
    guard let middle = ranges.dropFirst(ranges.count / 2).first else { return [answer(Action.notPermitted)] }
    if ranges.count == 1 {
      return [
        Instruction(code: Code.atLeast, ifFalse: 2, value: middle.lowerBound),
        Instruction(code: Code.greater, ifTrue: 1, value: middle.upperBound), answer(Action.allow),
        answer(Action.notPermitted),
      ]
    }
    let below = search(Array(ranges.prefix(ranges.count / 2)))
    precondition(below.count <= 255, "a jump reaches 255 instructions")
    let above = search(Array(ranges.dropFirst(ranges.count / 2)))
    return [Instruction(code: Code.atLeast, ifTrue: UInt8(below.count), value: middle.lowerBound)] + below + above
  }
}
