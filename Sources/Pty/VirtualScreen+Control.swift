/// What the sequences do.
extension VirtualScreen {
  mutating func control(_ byte: UInt8) {
    switch byte {
    case 0x08:
      if cursorX > 0 { cursorX -= 1 }
      wrapsNext = false
    case 0x09:
      cursorX = min(width - 1, (cursorX / 8 + 1) * 8)
      wrapsNext = false
    case 0x0A, 0x0B, 0x0C: lineFeed()
    case 0x0D:
      cursorX = 0
      wrapsNext = false
    case 0x0E: usesLineDrawing = true
    case 0x0F: usesLineDrawing = false
    default: return
    }
  }

  mutating func escape(_ text: String) {
    switch text {
    case "7": saved = (cursorX, cursorY, look)
    case "8": restore()
    case "M": if cursorY == top { scroll(-1) } else { cursorY = max(0, cursorY - 1) }
    case "D": lineFeed()
    case "E":
      cursorX = 0
      lineFeed()
    case "(0": usesLineDrawing = true
    case "(B": usesLineDrawing = false
    case ")0", ")B", "=", ">", "\\": return
    case "c": self = VirtualScreen(width: width, height: height, personality: personality)
    default: unknown.append("ESC " + text)
    }
  }

  private mutating func restore() {
    (cursorX, cursorY, look) = saved
    cursorX = min(cursorX, width - 1)
    cursorY = min(cursorY, height - 1)
    wrapsNext = false
  }

  mutating func dispatch(_ sequence: VirtualParser.Sequence) {
    switch (sequence.prefix, sequence.intermediates, sequence.final) {
    case ("?", "", "h"), ("?", "", "l"):
      for parameter in sequence.parameters { setMode(parameter.first ?? 0, sequence.final == "h") }
    case ("?", "$", "p"): answerMode(sequence.number(0, 0))
    case (">", "", "c"), (nil, "", "c"): answerAttributes(isSecondary: sequence.prefix == ">")
    case (nil, "", "n"): answerStatus(sequence.number(0, 0))
    case (nil, "", "m"): rendition(sequence.parameters)
    case (nil, "", _): if !move(sequence), !edit(sequence) { unknown.append("CSI " + sequence.text) }
    case (nil, "!", "p"), ("?", "", "c"): return
    default: unknown.append("CSI " + sequence.text)
    }
  }

  private mutating func move(_ sequence: VirtualParser.Sequence) -> Bool {
    let count = sequence.number(0)
    var (x, y) = (cursorX, cursorY)
    switch sequence.final {
    case "A": y -= count
    case "B": y += count
    case "C": x += count
    case "D": x -= count
    case "E": (x, y) = (0, y + count)
    case "F": (x, y) = (0, y - count)
    case "G", "`": x = count - 1
    case "d": y = count - 1
    case "H", "f": (x, y) = (sequence.number(1) - 1, count - 1)
    default: return false
    }
    cursorX = max(0, min(width - 1, x))
    cursorY = max(0, min(height - 1, y))
    wrapsNext = false
    return true
  }

  private mutating func edit(_ sequence: VirtualParser.Sequence) -> Bool {
    let count = sequence.number(0)
    switch sequence.final {
    case "J": eraseScreen(sequence.number(0, 0))
    case "K": eraseLine(sequence.number(0, 0))
    case "X": erase(cursorX..<min(width, cursorX + count), y: cursorY)
    case "P": shift(left: min(count, width - cursorX))
    case "@": shift(right: min(count, width - cursorX))
    case "L": inRegion { $0.scroll(-count) }
    case "M": inRegion { $0.scroll(count) }
    case "S": scroll(count)
    case "T": scroll(-count)
    case "b": for _ in 0..<min(count, width * height) { print(lastPrinted) }
    case "r":
      top = min(height - 1, count - 1)
      bottom = max(top, min(height, sequence.number(1, height)) - 1)
      (cursorX, cursorY, wrapsNext) = (0, 0, false)
    case "s": saved = (cursorX, cursorY, look)
    case "u": restore()
    case "h", "l", "t", "g", "q": return true
    default: return false
    }
    return true
  }

  private mutating func inRegion(_ change: (inout VirtualScreen) -> Void) {
    guard cursorY >= top, cursorY <= bottom else { return }
    let old = top
    top = cursorY
    change(&self)
    top = old
    cursorX = 0
  }

  private mutating func erase(_ columns: Range<Int>, y: Int) {
    for x in columns { cells[y][x] = blank }
    wrapsNext = false
  }

  private mutating func eraseLine(_ part: Int) {
    switch part {
    case 0: erase(cursorX..<width, y: cursorY)
    case 1: erase(0..<(cursorX + 1), y: cursorY)
    default: erase(0..<width, y: cursorY)
    }
  }

  private mutating func eraseScreen(_ part: Int) {
    switch part {
    case 0:
      if cursorX == 0, cursorY == 0 { clears += 1 }
      erase(cursorX..<width, y: cursorY)
      for y in (cursorY + 1)..<max(height, cursorY + 1) { erase(0..<width, y: y) }
    case 1:
      erase(0..<(cursorX + 1), y: cursorY)
      for y in 0..<cursorY { erase(0..<width, y: y) }
    default:
      clears += 1
      for y in 0..<height { erase(0..<width, y: y) }
    }
  }

  private mutating func shift(left count: Int) {
    cells[cursorY].removeSubrange(cursorX..<(cursorX + count))
    cells[cursorY] += Array(repeating: blank, count: count)
  }

  private mutating func shift(right count: Int) {
    cells[cursorY].insert(contentsOf: Array(repeating: blank, count: count), at: cursorX)
    cells[cursorY].removeLast(count)
  }

  // MARK: - Modes

  private mutating func setMode(_ mode: Int, _ isOn: Bool) {
    if isOn { modes.insert(mode) } else { modes.remove(mode) }
    guard mode == 1049 || mode == 1047 || mode == 47 else { return }
    if isOn, main == nil {
      main = (cells, cursorX, cursorY)
      cells = Array(repeating: Array(repeating: Cell(), count: width), count: height)
    } else if !isOn, let old = main {
      (cells, cursorX, cursorY) = old
      main = nil
    }
    (top, bottom, wrapsNext) = (0, height - 1, false)
  }

  // MARK: - Colours

  private mutating func rendition(_ parameters: [[Int]]) {
    var rest = parameters.isEmpty ? [[0]][...] : parameters[...]
    while let parameter = rest.popFirst() {
      switch parameter.first ?? 0 {
      case 0: look = Look()
      case 1: look.isBold = true
      case 2: look.isDim = true
      case 4: look.isUnderlined = true
      case 7: look.isReversed = true
      case 22: (look.isBold, look.isDim) = (false, false)
      case 24: look.isUnderlined = false
      case 27: look.isReversed = false
      case let code where (30...49).contains(code) || (90...107).contains(code): color(code, parameter, &rest)
      default: continue
      }
    }
  }

  private mutating func color(_ code: Int, _ parameter: [Int], _ rest: inout ArraySlice<[Int]>) {
    let isForeground = code < 40 || (90...97).contains(code)
    let color: Color
    switch code {
    case 39, 49: color = .standard
    case 38, 48: color = extended(Array(parameter.dropFirst()), &rest)
    case 30...37, 40...47: color = .indexed(code % 10)
    default: color = .indexed(code % 10 + 8)
    }
    if color != .standard { hasSeenColor = true }
    if isForeground { look.foreground = color } else { look.background = color }
  }

  private func extended(_ parts: [Int], _ rest: inout ArraySlice<[Int]>) -> Color {
    var numbers = parts
    if numbers.isEmpty {
      let kind = rest.popFirst()?.first ?? 0
      numbers = [kind] + (0..<(kind == 2 ? 3 : 1)).map { _ in rest.popFirst()?.first ?? 0 }
    } else if numbers.count == 5 {
      // `38:2::r:g:b` names a colour space, which nobody uses.
      numbers.remove(at: 1)
    }
    if numbers.count == 4, numbers[0] == 2 { return .rgb(numbers[1], numbers[2], numbers[3]) }
    return .indexed(numbers.last ?? 0)
  }

  // MARK: - Answers

  private mutating func answerMode(_ mode: Int) {
    let isKnown =
      mode == 2026 ? personality.knowsSynchronizedOutput : [1, 7, 25, 1000, 1006, 1049, 2004].contains(mode)
    let value = !isKnown ? 0 : modes.contains(mode) ? 1 : 2
    replies += Array("\u{1B}[?\(mode);\(value)$y".utf8)
  }

  private mutating func answerAttributes(isSecondary: Bool) {
    guard personality.answersAttributes else { return }
    replies += Array((isSecondary ? "\u{1B}[>0;276;0c" : "\u{1B}[?62;22c").utf8)
  }

  private mutating func answerStatus(_ query: Int) {
    guard personality.answersStatus else { return }
    if query == 5 { replies += Array("\u{1B}[0n".utf8) }
    if query == 6 { replies += Array("\u{1B}[\(cursorY + 1);\(cursorX + 1)R".utf8) }
  }

  mutating func command(_ text: String) {
    if text == "11;?" {
      if let background = personality.background { replies += Array("\u{1B}]11;\(background)\u{1B}\\".utf8) }
    } else if text.hasPrefix("52;") {
      clipboard.append(String(text.split(separator: ";", omittingEmptySubsequences: false).last ?? ""))
    } else if text.hasPrefix("0;") || text.hasPrefix("2;") {
      title = String(text.dropFirst(2))
    } else {
      unknown.append("OSC " + text)
    }
  }
}
