/// Makes the colour and attribute sequences of a frame as short as they can be.
///
/// Curses turns everything off and on again between two styles: with 256 colours a change of the foreground costs it 28
/// bytes where 11 are enough. The squeezer reads the frame's control sequences (ECMA-48 SGR), keeps two states, the one
/// curses wants and the one the terminal has, and writes the difference only when something is about to be drawn. It
/// also replaces palette colours by true ones: curses can do that only on terminal types that have the `RGB`
/// capability, which few systems install. Jumps of the cursor are shortened on the way, see `CursorTrack`.
struct SgrSqueezer {
  private struct State: Equatable {
    var attributes: UInt16 = 0
    var foreground: [UInt8] = []
    var background: [UInt8] = []
  }

  /// What to send instead of `38;5;N`: 0xRRGGBB by N. Empty to send the palette number itself.
  var trueColors: [Int: UInt32] = [:]
  /// Whether attributes can be ended one by one (22, 24, 27). A terminal without colours knows only SGR 0.
  let endsAttributes: Bool

  /// Cells of a row of the terminal; 0 leaves jumps as they are.
  var width: Int {
    get { cursor.width }
    set { cursor.width = newValue }
  }

  private var cursor = CursorTrack()
  private var wanted = State()
  /// Nil when it is not known: the next difference starts from SGR 0.
  private var actual: State?
  private var output: [UInt8] = []

  init(endsAttributes: Bool) { self.endsAttributes = endsAttributes }

  /// The terminal's state is no longer known: another program may have written to it.
  mutating func forget() {
    actual = nil
    cursor.forget()
  }

  /// The shortened form of one whole frame.
  mutating func squeeze(_ frame: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    output.removeAll(keepingCapacity: true)
    var index = 0
    while index < frame.count {
      let byte = frame[index]
      if byte == 0x1B {
        index = takeEscape(frame, at: index)
      } else if byte < 0x20 {
        output.append(byte)
        cursor.control(byte)
        index += 1
      } else {
        let end = frame[index...].firstIndex { $0 < 0x20 } ?? frame.count
        let isBlank = areBlanksAlike && frame[index..<end].allSatisfy { $0 == 0x20 }
        if !isBlank { flush() }
        output.append(contentsOf: frame[index..<end])
        cursor.print(frame[index..<end])
        index = end
      }
    }
    return output
  }

  // MARK: - Reading

  private mutating func takeEscape(_ frame: UnsafeBufferPointer<UInt8>, at start: Int) -> Int {
    guard start + 1 < frame.count else {
      output.append(0x1B)
      return frame.count
    }
    switch frame[start + 1] {
    case 0x5B: return takeSequence(frame, at: start)
    case 0x28 where start + 2 < frame.count && frame[start + 2] == 0x42:
      // Select ASCII: curses never selects another set here, since all line characters are sent as Unicode.
      return start + 3
    default:
      flush()
      cursor.forget()
      output.append(contentsOf: frame[start...(start + 1)])
      return start + 2
    }
  }

  private mutating func takeSequence(_ frame: UnsafeBufferPointer<UInt8>, at start: Int) -> Int {
    guard let final = frame[(start + 2)...].firstIndex(where: { (0x40...0x7E).contains($0) }) else {
      cursor.forget()
      output.append(contentsOf: frame[start...])
      return frame.count
    }
    let body = frame[(start + 2)..<final]
    let isPrivate = body.first.map { (0x3C...0x3F).contains($0) } ?? false
    if frame[final] == 0x6D, !isPrivate {
      takeRendition(body.split(separator: 0x3B, omittingEmptySubsequences: false))
    } else if isPrivate {
      output.append(contentsOf: frame[start...final])
    } else {
      let isErasing = Self.erasures.contains(frame[final])
      if !Self.moves.contains(frame[final]), !(isErasing && areBlanksAlike) { flush() }
      takeMove(frame[start...final], body)
    }
    return final + 1
  }

  /// Sequences that only move the cursor: A B C D G H d f.
  private static let moves: Set<UInt8> = [0x41, 0x42, 0x43, 0x44, 0x47, 0x48, 0x64, 0x66]

  /// Sequences that leave nothing but blanks: J K X.
  private static let erasures: Set<UInt8> = [0x4A, 0x4B, 0x58]

  private mutating func takeMove(
    _ sequence: Slice<UnsafeBufferPointer<UInt8>>, _ body: Slice<UnsafeBufferPointer<UInt8>>
  ) {
    guard let final = sequence.last else { return }
    let parameters = body.split(separator: 0x3B, omittingEmptySubsequences: false).map { Self.number($0) }
    if let shorter = cursor.shortcut(final, parameters, limit: sequence.count) {
      output.append(contentsOf: shorter)
    } else {
      output.append(contentsOf: sequence)
    }
    cursor.sequence(final, parameters)
  }

  private mutating func takeRendition(_ parameters: [Slice<UnsafeBufferPointer<UInt8>>]) {
    var rest = parameters[...]
    while let parameter = rest.popFirst() {
      let number = Self.number(parameter)
      switch number {
      case 0: wanted = State()
      case 1...9: wanted.attributes |= 1 << UInt16(number)
      case 22: wanted.attributes &= ~0b110
      case 23...29: wanted.attributes &= ~(1 << UInt16(number - 20))
      case 30...37, 90...97: wanted.foreground = Array(parameter)
      case 39: wanted.foreground = []
      case 40...47, 100...107: wanted.background = Array(parameter)
      case 49: wanted.background = []
      case 38: wanted.foreground = color(parameter, &rest)
      case 48: wanted.background = color(parameter, &rest)
      default: break
      }
    }
  }

  /// The number before a colon or the end; an empty parameter is 0.
  private static func number(_ parameter: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
    var value = 0
    for byte in parameter.prefix(4) {
      guard (0x30...0x39).contains(byte) else { break }
      value = value * 10 + Int(byte - 0x30)
    }
    return value
  }

  /// `38;5;N`, `38;2;R;G;B`, or one parameter with colons.
  private func color(
    _ first: Slice<UnsafeBufferPointer<UInt8>>, _ rest: inout ArraySlice<Slice<UnsafeBufferPointer<UInt8>>>
  ) -> [UInt8] {
    guard !first.contains(0x3A), let kind = rest.popFirst() else { return Array(first) }
    var text = Array(first) + [0x3B] + Array(kind)
    if Self.number(kind) == 5, let index = rest.popFirst() {
      if let rgb = trueColors[Self.number(index)] {
        return Array(first) + Array(";2;\(rgb >> 16 & 255);\(rgb >> 8 & 255);\(rgb & 255)".utf8)
      }
      text += [0x3B] + Array(index)
    } else {
      for _ in 0..<3 { if let channel = rest.popFirst() { text += [0x3B] + Array(channel) } }
    }
    return text
  }

  // MARK: - Writing

  /// Underline, blink, reverse and strike are seen on a blank.
  private static let seenOnBlanks: UInt16 = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 9

  /// Whether a blank looks the same as the terminal is set and as curses wants it: of a blank only the background is
  /// seen, and the space between two words of different colours needs none of its own.
  private var areBlanksAlike: Bool {
    guard let actual, actual.background == wanted.background else { return false }
    return (actual.attributes | wanted.attributes) & Self.seenOnBlanks == 0
  }

  private mutating func flush() {
    guard actual != wanted else { return }
    let whole = Self.difference(from: State(), to: wanted, startingWith: "0")
    var shortest = whole
    if let actual, endsAttributes || actual.attributes & ~wanted.attributes == 0 {
      let step = Self.difference(from: actual, to: wanted, startingWith: nil)
      if step.count < whole.count { shortest = step }
    }
    output += [0x1B, 0x5B]
    // SGR 0 may be written without its number.
    output += shortest == [0x30] ? [] : shortest
    output.append(0x6D)
    actual = wanted
  }

  private static func difference(from old: State, to new: State, startingWith first: String?) -> [UInt8] {
    var parts: [[UInt8]] = first.map { [Array($0.utf8)] } ?? []
    var kept = old.attributes
    let ended = old.attributes & ~new.attributes
    if ended & 0b110 != 0 {
      parts.append(Array("22".utf8))
      kept &= ~0b110
    }
    for bit in 3...9 where ended & 1 << UInt16(bit) != 0 {
      parts.append(Array("\(bit + 20)".utf8))
      kept &= ~(1 << UInt16(bit))
    }
    for bit in 1...9 where new.attributes & ~kept & 1 << UInt16(bit) != 0 { parts.append(Array("\(bit)".utf8)) }
    if old.foreground != new.foreground { parts.append(new.foreground.isEmpty ? Array("39".utf8) : new.foreground) }
    if old.background != new.background { parts.append(new.background.isEmpty ? Array("49".utf8) : new.background) }
    return Array(parts.joined(separator: [0x3B]))
  }
}
