/// A finished control sequence `CSI prefix? parameters intermediates final`, as a terminal sends it.
struct ControlSequence {
  /// `<`, `=`, `>` or `?` before the parameters.
  let prefix: UInt8?
  let intermediates: [UInt8]
  let final: UInt8
  private let parameters: [Int?]

  /// Larger numbers are no key, no place and no code point.
  private static let parameterMax = 0x10FFFF

  init(parameterBytes: [UInt8], final: UInt8) {
    self.final = final
    var rest = parameterBytes[...]
    if let first = rest.first, (0x3C...0x3F).contains(first) {
      prefix = first
      rest = rest.dropFirst()
    } else {
      prefix = nil
    }
    intermediates = rest.filter { $0 < 0x30 }
    parameters = rest.filter { $0 >= 0x30 }.split(separator: 0x3B, omittingEmptySubsequences: false).map {
      let digits = String(decoding: $0.prefix { $0 != 0x3A }, as: UTF8.self)
      return Int(digits).flatMap { (0...Self.parameterMax).contains($0) ? $0 : nil }
    }
  }

  /// The parameter at `index`; nil when it is absent or no number.
  subscript(index: Int) -> Int? { index < parameters.count ? parameters[index] : nil }

  /// The second parameter of a key: one more than the sum of shift 1, alt 2, control 4.
  var modifiers: Modifiers {
    let bits = (self[1] ?? 1) - 1
    guard bits > 0 else { return [] }
    var result: Modifiers = []
    if bits & 1 != 0 { result.insert(.shift) }
    if bits & 2 != 0 { result.insert(.alt) }
    if bits & 4 != 0 { result.insert(.control) }
    return result
  }

  /// The event of `CSI < code ; x ; y M` or `m` (mode 1006).
  var mouse: MouseEvent? {
    guard final == 0x4D || final == 0x6D, let code = self[0], let x = self[1], let y = self[2] else { return nil }
    return Self.mouse(code: code, x: x, y: y, isRelease: final == 0x6D)
  }

  /// `x` and `y` count from 1, as terminals send them.
  static func mouse(code: Int, x: Int, y: Int, isRelease: Bool) -> MouseEvent? {
    guard x >= 1, y >= 1 else { return nil }
    var modifiers: Modifiers = []
    if code & 4 != 0 { modifiers.insert(.shift) }
    if code & 8 != 0 { modifiers.insert(.alt) }
    if code & 16 != 0 { modifiers.insert(.control) }
    let kind: MouseEvent.Kind
    switch code & ~28 {
    case 64: kind = .wheelUp
    case 65: kind = .wheelDown
    case 0...3 where isRelease: kind = .release
    case 0...2: kind = .press(button: code & 3 + 1)
    case 32...34: kind = isRelease ? .release : .drag(button: code & 3 + 1)
    default: return nil
    }
    return MouseEvent(kind, x: x - 1, y: y - 1, modifiers: modifiers)
  }

  /// What the terminal answers to our queries: DECRPM `CSI ? mode ; value $ y`, DA `CSI ? ... c`, DSR `CSI 0 n`.
  var reply: TerminalReply? {
    if final == 0x6E, prefix == nil { return .status }
    guard prefix == 0x3F || prefix == 0x3E else { return nil }
    if final == 0x79, intermediates == [0x24], let mode = self[0], let value = self[1] {
      return .mode(mode, isKnown: value == 1 || value == 2)
    }
    return final == 0x63 ? .deviceAttributes : nil
  }
}

/// What a terminal answered to a query of ours. Never an event: replies that come late are swallowed.
enum TerminalReply: Equatable {
  /// OSC 11: the background colour, 8 bits a channel.
  case background(red: UInt8, green: UInt8, blue: UInt8)
  /// DECRPM: whether the terminal implements a private mode that can be switched.
  case mode(Int, isKnown: Bool)
  case deviceAttributes
  /// DSR: all that was sent before the question has arrived.
  case status

  /// Reads `11;rgb:RRRR/GGGG/BBBB`, one to four hexadecimal digits a channel.
  init?(operatingSystemCommand body: [UInt8]) {
    let text = String(decoding: body, as: UTF8.self)
    guard text.hasPrefix("11;rgb:") else { return nil }
    let channels = text.dropFirst(7).split(separator: "/", omittingEmptySubsequences: false).map { digits -> UInt8? in
      guard (1...4).contains(digits.utf8.count), let value = UInt32(digits, radix: 16) else { return nil }
      let max = (UInt32(1) << (4 * UInt32(digits.utf8.count))) - 1
      return UInt8((value * 255 + max / 2) / max)
    }
    guard channels.count == 3, let red = channels[0], let green = channels[1], let blue = channels[2] else {
      return nil
    }
    self = .background(red: red, green: green, blue: blue)
  }
}
