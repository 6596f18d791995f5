/// Splits a program's output into what a terminal acts on.
struct VirtualParser: Sendable {
  struct Sequence: Sendable {
    var prefix: Character?
    var intermediates = ""
    var parameters: [[Int]] = []
    var final: Character = " "
    var text = ""

    /// The first number of parameter `index`, or `fallback` when it is absent or 0.
    func number(_ index: Int, _ fallback: Int = 1) -> Int {
      guard index < parameters.count, let value = parameters[index].first, value > 0 else { return fallback }
      return value
    }
  }

  enum Action: Sendable {
    case print(Unicode.Scalar)
    case control(UInt8)
    case escape(String)
    case sequence(Sequence)
    /// OSC; DCS and the like are read and ignored.
    case command(String)
  }

  private enum State: Sendable {
    case ground
    case utf8(missing: Int)
    case escape
    case sequence
    case string(isCommand: Bool, sawEscape: Bool)
  }

  private static let stringMax = 1 << 20
  private var state = State.ground
  private var buffer: [UInt8] = []

  mutating func take(_ byte: UInt8) -> Action? {
    if byte == 0x18 || byte == 0x1A {
      state = .ground
      return nil
    }
    switch state {
    case .ground: return takeGround(byte)
    case .utf8(let missing): return takeContinuation(byte, missing)
    case .escape: return takeEscape(byte)
    case .sequence: return takeSequence(byte)
    case .string(let isCommand, let sawEscape): return takeString(byte, isCommand, sawEscape)
    }
  }

  private mutating func takeGround(_ byte: UInt8) -> Action? {
    switch byte {
    case 0x1B:
      state = .escape
      buffer = []
    case 0..<0x20, 0x7F: return .control(byte)
    case 0x20..<0x7F: return .print(Unicode.Scalar(byte))
    case 0xC2...0xF4:
      buffer = [byte]
      state = .utf8(missing: byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3)
    default: return .print("\u{FFFD}")
    }
    return nil
  }

  private mutating func takeContinuation(_ byte: UInt8, _ missing: Int) -> Action? {
    buffer.append(byte)
    if missing > 1 {
      state = .utf8(missing: missing - 1)
      return nil
    }
    state = .ground
    return .print(String(decoding: buffer, as: UTF8.self).unicodeScalars.first ?? "\u{FFFD}")
  }

  private mutating func takeEscape(_ byte: UInt8) -> Action? {
    switch byte {
    case 0x1B: buffer = []
    case 0x5B where buffer.isEmpty: state = .sequence
    case 0x5D where buffer.isEmpty: state = .string(isCommand: true, sawEscape: false)
    case 0x50, 0x58, 0x5E, 0x5F: if buffer.isEmpty { state = .string(isCommand: false, sawEscape: false) }
    case 0x20..<0x30: buffer.append(byte)
    default:
      state = .ground
      return .escape(String(decoding: buffer + [byte], as: UTF8.self))
    }
    return nil
  }

  private mutating func takeSequence(_ byte: UInt8) -> Action? {
    switch byte {
    case 0x20..<0x40: buffer.append(byte)
    case 0x40..<0x7F:
      state = .ground
      return .sequence(Self.sequence(buffer, byte))
    case 0x1B:
      state = .escape
      buffer = []
    default: return .control(byte)
    }
    return nil
  }

  private static func sequence(_ bytes: [UInt8], _ final: UInt8) -> Sequence {
    var sequence = Sequence()
    sequence.final = Character(Unicode.Scalar(final))
    sequence.text = String(decoding: bytes + [final], as: UTF8.self)
    var rest = bytes[...]
    if let first = rest.first, (0x3C...0x3F).contains(first) {
      sequence.prefix = Character(Unicode.Scalar(first))
      rest = rest.dropFirst()
    }
    sequence.intermediates = String(decoding: rest.filter { $0 < 0x30 }, as: UTF8.self)
    let digits = rest.filter { $0 >= 0x30 }
    guard !digits.isEmpty else { return sequence }
    sequence.parameters = digits.split(separator: 0x3B, omittingEmptySubsequences: false).map { part in
      part.split(separator: 0x3A, omittingEmptySubsequences: false).map {
        Int(String(decoding: $0, as: UTF8.self)) ?? 0
      }
    }
    return sequence
  }

  private mutating func takeString(_ byte: UInt8, _ isCommand: Bool, _ sawEscape: Bool) -> Action? {
    if byte == 0x07 || (sawEscape && byte == 0x5C) {
      state = .ground
      return isCommand ? .command(String(decoding: buffer, as: UTF8.self)) : nil
    }
    state = .string(isCommand: isCommand, sawEscape: byte == 0x1B)
    if byte != 0x1B, buffer.count < Self.stringMax { buffer.append(byte) }
    return nil
  }
}
