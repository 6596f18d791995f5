import Testing

@testable import Sandbox

/// The filter is run here as the kernel would run it.
@Suite struct SeccompFilterTests {
  private struct Call {
    var architecture: UInt32
    var number: UInt32
    var arguments: [UInt64] = [0, 0, 0]

    func word(at offset: UInt32) -> UInt32 {
      switch offset {
      case 0: return number
      case 4: return architecture
      default:
        let argument = arguments[Int(offset - 16) / 8]
        return UInt32(truncatingIfNeeded: offset % 8 == 0 ? argument : argument >> 32)
      }
    }
  }

  private func run(_ filter: SeccompFilter, _ call: Call) -> UInt32? {
    var accumulator: UInt32 = 0
    var position = 0
    while position < filter.instructions.count {
      let one = filter.instructions[position]
      position += 1
      func jump(_ holds: Bool) { position += Int(holds ? one.ifTrue : one.ifFalse) }
      switch one.code {
      case 0x20: accumulator = call.word(at: one.value)
      case 0x54: accumulator &= one.value
      case 0x15: jump(accumulator == one.value)
      case 0x25: jump(accumulator > one.value)
      case 0x35: jump(accumulator >= one.value)
      case 0x06: return one.value
      default: return nil
      }
    }
    return nil
  }

  private func number(_ row: SystemCalls.Row, _ architecture: SeccompFilter.Architecture) -> UInt32? {
    architecture == .x86 ? row.x86 : row.arm
  }

  @Test(arguments: SeccompFilter.Architecture.allCases)
  func everyNumberIsAnsweredAsTheTablesSay(_ architecture: SeccompFilter.Architecture) {
    let filter = SeccompFilter(architecture)
    let allowed = Set(SystemCalls.allowed.compactMap { number($0, architecture) })
    let special = Set(SystemCalls.special.compactMap { number($0, architecture) })
    #expect(allowed.count > 150)
    for candidate in UInt32(0)..<1_000 where !special.contains(candidate) {
      let answer = run(filter, Call(architecture: architecture.audit, number: candidate))
      let expected = allowed.contains(candidate) ? SeccompFilter.Action.allow : SeccompFilter.Action.notPermitted
      #expect(answer == expected, "call \(candidate)")
    }
    for row in SystemCalls.denied {
      guard let number = self.number(row, architecture) else { continue }
      #expect(run(filter, Call(architecture: architecture.audit, number: number)) == SeccompFilter.Action.notPermitted)
    }
  }

  @Test(arguments: SeccompFilter.Architecture.allCases)
  func otherArchitecturesAreKilled(_ architecture: SeccompFilter.Architecture) {
    let filter = SeccompFilter(architecture)
    for other: UInt32 in [0x4000_0003, 0x4000_0028, architecture == .x86 ? 0xC000_00B7 : 0xC000_003E] {
      #expect(run(filter, Call(architecture: other, number: 1)) == SeccompFilter.Action.kill)
    }
  }

  @Test func callsOfTheX32NumbersAreKilled() {
    let call = Call(architecture: SeccompFilter.Architecture.x86.audit, number: 0x4000_0001)
    #expect(run(SeccompFilter(.x86), call) == SeccompFilter.Action.kill)
  }

  @Test(arguments: SeccompFilter.Architecture.allCases)
  func argumentsDecide(_ architecture: SeccompFilter.Architecture) throws {
    let filter = SeccompFilter(architecture)
    func answer(_ name: String, _ arguments: [UInt64]) throws -> UInt32? {
      let row = try #require(SystemCalls.special.first { $0.name == name })
      let number = try #require(self.number(row, architecture))
      return run(filter, Call(architecture: architecture.audit, number: number, arguments: arguments))
    }
    let (allow, deny) = (SeccompFilter.Action.allow, SeccompFilter.Action.notPermitted)
    #expect(try answer("clone", [0x003D_0F00, 0, 0]) == allow)
    for flag: UInt64 in [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] {
      #expect(try answer("clone", [0x003D_0F00 | flag, 0, 0]) == deny)
    }
    #expect(try answer("socketpair", [1, 1, 0]) == allow)
    #expect(try answer("socketpair", [2, 1, 0]) == deny)
    #expect(try answer("ioctl", [0, 0x5401, 0]) == allow)
    #expect(try answer("ioctl", [0, 0x5412, 0]) == deny)
    #expect(try answer("ioctl", [0, 0x1_0000_5412, 0]) == deny)
    #expect(try answer("clone3", [0, 0, 0]) == SeccompFilter.Action.notImplemented)
    #expect(try answer("io_uring_setup", [0, 0, 0]) == SeccompFilter.Action.notImplemented)
  }

  private static let kernelHeader = SmallFile.text("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")

  @Test(.enabled(if: kernelHeader != nil, "the kernel's headers for x86-64 are not on this machine"))
  func numbersAreThoseOfTheKernelsHeaders() throws {
    let text = try #require(Self.kernelHeader)
    var numbers: [String: UInt32] = [:]
    for line in text.split(separator: "\n") where line.hasPrefix("#define __NR_") {
      let words = line.dropFirst(13).split(separator: " ")
      if words.count == 2 { numbers[String(words[0])] = UInt32(words[1]) }
    }
    for row in SystemCalls.allowed + SystemCalls.special + SystemCalls.denied where row.x86 != nil {
      #expect(numbers[row.name] == row.x86, "\(row.name)")
    }
  }
}
