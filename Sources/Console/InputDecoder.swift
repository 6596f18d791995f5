/// Turns the bytes a terminal sends into events: a machine without a file descriptor or a timer.
///
/// Sources: ECMA-48 (control sequences), "XTerm Control Sequences" (mouse 1006, bracketed paste 2004, focus 1004, the
/// modifier parameter), the Linux console's `CSI [ A`. Keys are decoded here and not by `wget_wch`, because only the
/// reader of the bytes can end a half sequence in time, swallow a megabyte of paste in blocks, and take the replies to
/// our own queries out of the stream.
///
/// Every state is left: a byte that does not belong ends the sequence and is read anew; a sequence longer than
/// `sequenceBytesMax` is thrown away; `tick` ends what the terminal does not finish.
struct InputDecoder {
  /// Bytes kept of one paste; the rest is read and thrown away.
  static let pasteBytesMax = 64 * 1024
  static let sequenceBytesMax = 256
  /// After this silence a lone ESC is the Escape key, and a half sequence is what was typed with Alt.
  static let escapeTimeout: Duration = .milliseconds(25)
  /// The same on a terminal of this machine, which writes a sequence whole; a network may cut it in two.
  static let localEscapeTimeout: Duration = .milliseconds(10)
  /// After this silence a paste whose end did not come is over.
  static let pasteTimeout: Duration = .seconds(1)

  private enum State {
    case ground
    case utf8(bytes: [UInt8], missing: Int)
    case escape
    case sequence
    case ss3
    case linuxFunction
    case oldMouse
    /// OSC, DCS, APC, PM, SOS: up to BEL or ESC \. The first byte after ESC tells which.
    case text(introducer: UInt8, sawEscape: Bool)
    case paste(matched: Int)
  }

  private let escapeTimeout: Duration
  private var state = State.ground
  private var isAlt = false
  private var buffer: [UInt8] = []
  private var lastByte: ContinuousClock.Instant?
  private var events: [InputEvent] = []
  private var replies: [TerminalReply] = []
  /// Bytes of pastes that were over the limit, since the start.
  private(set) var pasteBytesDropped = 0

  init(escapeTimeout: Duration = Self.escapeTimeout) { self.escapeTimeout = escapeTimeout }

  /// When `tick` has something to do; nil when nothing is pending.
  var deadline: ContinuousClock.Instant? {
    guard let lastByte else { return nil }
    switch state {
    case .ground: return nil
    case .paste: return lastByte + Self.pasteTimeout
    default: return lastByte + escapeTimeout
    }
  }

  /// Decodes `bytes`, which arrived at `now`.
  mutating func feed(_ bytes: ArraySlice<UInt8>, now: ContinuousClock.Instant) -> [InputEvent] {
    tick(at: now)
    var rest = bytes
    while let byte = rest.first {
      if case .paste = state {
        rest = takePaste(rest)
      } else {
        rest = rest.dropFirst()
        take(byte)
      }
    }
    lastByte = now
    return takeEvents()
  }

  /// Ends what has been silent for too long.
  mutating func tick(now: ContinuousClock.Instant) -> [InputEvent] {
    tick(at: now)
    return takeEvents()
  }

  /// The replies to our queries that arrived since the last call.
  mutating func takeReplies() -> [TerminalReply] {
    defer { replies.removeAll() }
    return replies
  }

  private mutating func takeEvents() -> [InputEvent] {
    defer { events.removeAll(keepingCapacity: true) }
    return events
  }

  private mutating func tick(at now: ContinuousClock.Instant) {
    guard let deadline, now >= deadline else { return }
    switch state {
    case .ground, .utf8: break
    case .escape: emit(.escape)
    case .sequence: if buffer.isEmpty { emit(.character("["), .alt) }
    case .ss3: emit(.character("O"), .alt)
    case .text(let introducer, _): if buffer.isEmpty { emit(.character(Character(Unicode.Scalar(introducer))), .alt) }
    case .linuxFunction, .oldMouse: break
    case .paste: endPaste()
    }
    reset()
  }

  private mutating func reset() {
    state = .ground
    isAlt = false
    buffer.removeAll(keepingCapacity: true)
  }

  private mutating func emit(_ key: Key, _ modifiers: Modifiers = []) {
    events.append(.key(key, isAlt ? modifiers.union(.alt) : modifiers))
    isAlt = false
  }

  // MARK: - One byte

  private mutating func take(_ byte: UInt8) {
    switch state {
    case .ground: takeGround(byte)
    case .utf8(let bytes, let missing): takeContinuation(byte, bytes, missing)
    case .escape: takeEscape(byte)
    case .sequence: takeSequence(byte)
    case .ss3: takeSS3(byte)
    case .linuxFunction:
      reset()
      if (0x41...0x45).contains(byte) { emit(.function(Int(byte) - 0x40)) } else { take(byte) }
    case .oldMouse: takeOldMouse(byte)
    case .text(let introducer, let sawEscape): takeText(byte, introducer, sawEscape)
    case .paste: break
    }
  }

  private mutating func takeGround(_ byte: UInt8) {
    switch byte {
    case 0x1B: state = .escape
    case 0x0D, 0x0A: emit(.enter)
    case 0x09: emit(.tab)
    case 0x08, 0x7F: emit(.backspace)
    case 0x00: emit(.character(" "), .control)
    case 0x01...0x1A: emit(.character(Character(Unicode.Scalar(byte + 0x60))), .control)
    case 0x1C...0x1F: emit(.character(Character(Unicode.Scalar(byte + 0x40))), .control)
    case 0x20..<0x7F: emit(.character(Character(Unicode.Scalar(byte))))
    case 0xC2...0xDF: state = .utf8(bytes: [byte], missing: 1)
    case 0xE0...0xEF: state = .utf8(bytes: [byte], missing: 2)
    case 0xF0...0xF4: state = .utf8(bytes: [byte], missing: 3)
    default: isAlt = false
    }
  }

  /// Broken UTF-8 is no key: it is dropped.
  private mutating func takeContinuation(_ byte: UInt8, _ bytes: [UInt8], _ missing: Int) {
    state = .ground
    guard byte & 0xC0 == 0x80 else {
      isAlt = false
      return take(byte)
    }
    guard missing == 1 else {
      state = .utf8(bytes: bytes + [byte], missing: missing - 1)
      return
    }
    guard let text = String(validating: bytes + [byte], as: UTF8.self), let character = text.first else {
      isAlt = false
      return
    }
    emit(.character(character))
  }

  private mutating func takeEscape(_ byte: UInt8) {
    switch byte {
    case 0x1B: emit(.escape)
    case 0x5B: state = .sequence
    case 0x4F: state = .ss3
    case 0x5D, 0x50, 0x5F, 0x5E, 0x58: state = .text(introducer: byte, sawEscape: false)
    default:
      state = .ground
      isAlt = true
      takeGround(byte)
    }
  }

  private mutating func takeSS3(_ byte: UInt8) {
    reset()
    if let key = Self.finals[byte] { emit(key) } else if byte == 0x4D { emit(.enter) } else { take(byte) }
  }

  // MARK: - CSI

  private mutating func takeSequence(_ byte: UInt8) {
    switch byte {
    case 0x20...0x3F:
      if buffer.count < Self.sequenceBytesMax { buffer.append(byte) }
    case 0x5B where buffer.isEmpty: state = .linuxFunction
    case 0x4D where buffer.isEmpty: state = .oldMouse
    case 0x40...0x7E: finishSequence(byte)
    default:
      reset()
      take(byte)
    }
  }

  private mutating func finishSequence(_ final: UInt8) {
    let sequence = ControlSequence(parameterBytes: buffer, final: final)
    let isWhole = buffer.count < Self.sequenceBytesMax
    reset()
    guard isWhole else { return }
    if final == 0x7E, sequence.prefix == nil, sequence[0] == 200 {
      state = .paste(matched: 0)
    } else if let reply = sequence.reply {
      replies.append(reply)
    } else if sequence.prefix == 0x3C, let mouse = sequence.mouse {
      append(mouse)
    } else if sequence.prefix == nil {
      takeKey(sequence)
    }
  }

  private mutating func takeKey(_ sequence: ControlSequence) {
    switch sequence.final {
    case 0x49: events.append(.focus(true))
    case 0x4F: events.append(.focus(false))
    case 0x5A: emit(.backtab, sequence.modifiers.subtracting(.shift))
    case 0x7E: if let key = Self.numbered[sequence[0] ?? 0] { emit(key, sequence.modifiers) }
    case 0x75: takeCodePoint(sequence)
    default: if let key = Self.finals[sequence.final] { emit(key, sequence.modifiers) }
    }
  }

  /// `CSI code ; modifiers u`, which some terminals send unasked for keys that have no other form.
  private mutating func takeCodePoint(_ sequence: ControlSequence) {
    guard let code = sequence[0], let scalar = Unicode.Scalar(UInt32(code)) else { return }
    switch code {
    case 13: emit(.enter, sequence.modifiers)
    case 27: emit(.escape, sequence.modifiers)
    case 9: emit(sequence.modifiers.contains(.shift) ? .backtab : .tab, sequence.modifiers.subtracting(.shift))
    case 127: emit(.backspace, sequence.modifiers)
    case 0..<32: break
    default: emit(.character(Character(scalar)), sequence.modifiers.subtracting(.shift))
    }
  }

  private static let finals: [UInt8: Key] = [
    0x41: .up, 0x42: .down, 0x43: .right, 0x44: .left, 0x48: .home, 0x46: .end,
    0x50: .function(1), 0x51: .function(2), 0x52: .function(3), 0x53: .function(4),
  ]

  private static let numbered: [Int: Key] = [
    1: .home, 2: .insert, 3: .delete, 4: .end, 5: .pageUp, 6: .pageDown, 7: .home, 8: .end,
    11: .function(1), 12: .function(2), 13: .function(3), 14: .function(4), 15: .function(5),
    17: .function(6), 18: .function(7), 19: .function(8), 20: .function(9), 21: .function(10),
    23: .function(11), 24: .function(12),
  ]

  // MARK: - Mouse

  /// A flood of drags is one drag: only the last place counts.
  private mutating func append(_ mouse: MouseEvent) {
    if case .drag = mouse.kind, case .mouse(let last)? = events.last, last.kind == mouse.kind { events.removeLast() }
    events.append(.mouse(mouse))
  }

  /// `CSI M` and three bytes: button and place, each plus 32. Terminals without mode 1006 send it.
  private mutating func takeOldMouse(_ byte: UInt8) {
    guard byte >= 0x20 else {
      reset()
      return take(byte)
    }
    buffer.append(byte)
    guard buffer.count == 3 else { return }
    let values = buffer.map { Int($0) - 32 }
    reset()
    if let mouse = ControlSequence.mouse(code: values[0], x: values[1], y: values[2], isRelease: values[0] & 3 == 3) {
      append(mouse)
    }
  }

  // MARK: - Strings

  private mutating func takeText(_ byte: UInt8, _ introducer: UInt8, _ sawEscape: Bool) {
    if sawEscape {
      let body = buffer
      reset()
      if byte == 0x5C { return finishText(introducer, body) }
      state = .escape
      return take(byte)
    }
    switch byte {
    case 0x07:
      let body = buffer
      reset()
      finishText(introducer, body)
    case 0x1B: state = .text(introducer: introducer, sawEscape: true)
    case 0x18, 0x1A: reset()
    default: if buffer.count < Self.sequenceBytesMax { buffer.append(byte) }
    }
  }

  private mutating func finishText(_ introducer: UInt8, _ body: [UInt8]) {
    guard introducer == 0x5D, let reply = TerminalReply(operatingSystemCommand: body) else { return }
    replies.append(reply)
  }

  // MARK: - Paste

  private static let pasteEnd: [UInt8] = Array("\u{1B}[201~".utf8)

  /// Takes a paste up to its end, a block at a time; returns what follows.
  private mutating func takePaste(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    guard case .paste(var matched) = state else { return bytes }
    var index = bytes.startIndex
    while index < bytes.endIndex {
      if matched == 0 {
        let stop = bytes[index...].firstIndex(of: 0x1B) ?? bytes.endIndex
        keep(bytes[index..<stop])
        index = stop
        guard index < bytes.endIndex else { break }
      }
      if bytes[index] == Self.pasteEnd[matched] {
        matched += 1
        index += 1
      } else {
        keep(Self.pasteEnd[..<matched])
        matched = 0
        if bytes[index] != 0x1B {
          keep(bytes[index...index])
          index += 1
        }
      }
      if matched == Self.pasteEnd.count {
        endPaste()
        reset()
        return bytes[index...]
      }
    }
    state = .paste(matched: matched)
    return []
  }

  private mutating func keep(_ bytes: ArraySlice<UInt8>) {
    let room = Self.pasteBytesMax - buffer.count
    if bytes.count > room { pasteBytesDropped += bytes.count - room }
    buffer.append(contentsOf: bytes.prefix(room))
  }

  /// A terminal may put its reply between the blocks of a long paste.
  private mutating func takeStatusOutOfPaste() {
    let status = Array("\u{1B}[0n".utf8)
    while let range = buffer.firstRange(of: status) {
      buffer.removeSubrange(range)
      replies.append(.status)
    }
  }

  private mutating func endPaste() {
    takeStatusOutOfPaste()
    var text = ""
    var wasReturn = false
    for scalar in String(decoding: buffer, as: UTF8.self).unicodeScalars {
      if !(wasReturn && scalar == "\n") { text.unicodeScalars.append(scalar == "\r" ? "\n" : scalar) }
      wasReturn = scalar == "\r"
    }
    events.append(.paste(text))
  }
}
