internal import Base
internal import CNcurses
internal import Glibc

extension Terminal {
  /// Frames of at least so many bytes are wrapped in mode 2026, when the terminal has it; smaller ones arrive whole
  /// anyway, and the wrapping would be most of them.
  static let synchronizedBytesMin = 256

  /// What a picture is painted for.
  public enum Urgency: Sendable, Equatable {
    /// The node's own changes. On any line they wait until the picture before has arrived.
    case data
    /// A person waits for it.
    case answer
    /// A person waits for what changed in these rows: on a slow line they go before the rest.
    case rows(Set<Int>)
  }

  /// Whether the line is so slow that the answer to a key should go alone.
  public var isLineSlow: Bool { line.isSlow(.now) }

  /// Shows `canvas`: only what differs from the picture before is sent, and nothing when nothing does. While the
  /// terminal has not taken the frame before, only the newest canvas is kept; `wait` shows it as soon as it can. On a
  /// slow line it is sent in parts, each when the one before has arrived. A canvas of another size than the terminal's
  /// is not shown: the resize event is on its way.
  public mutating func paint(_ canvas: Canvas, theme: Theme, for urgency: Urgency = .answer) {
    guard canvas.width == width, canvas.height == height else { return }
    let urgency = waiting.map { urgency.joined(with: $0.urgency) } ?? urgency
    waiting = WaitingFrame(frame: Frame(canvas: canvas, theme: theme), urgency: urgency)
    paintWaiting()
  }

  /// Sends of the waiting picture what the line takes now.
  mutating func paintWaiting() {
    guard let next = waiting, outgoing.isEmpty else { return }
    let isSlow = line.isSlow(.now)
    guard let shown, isSlow, !needsRepaint, shown.theme == next.frame.theme else {
      guard isSlow || next.urgency != .data || line.isClear else { return }
      waiting = nil
      return render(next.frame)
    }
    var part = Frame(canvas: shown.canvas, theme: shown.theme)
    if case .rows(let rows) = next.urgency {
      guard line.takesAnswer else { return }
      part.canvas.adopt(rows, of: next.frame.canvas)
    } else {
      guard line.isClear else { return }
      part.canvas.adopt(nextRows(of: next.frame.canvas, shown: shown.canvas), of: next.frame.canvas)
    }
    part.canvas.cursor = next.frame.canvas.cursor
    waiting = part.canvas == next.frame.canvas ? nil : WaitingFrame(frame: next.frame, urgency: .data)
    render(part)
  }

  /// Bytes a changed cell costs, about.
  private static let bytesPerCell = 3

  /// Changed rows for which there is room on a slow line, at least one; from the one that was next, so that a busy top
  /// of the screen does not keep the rest from being shown.
  private mutating func nextRows(of canvas: Canvas, shown: Canvas) -> Set<Int> {
    var cells = [Int](repeating: 0, count: height)
    for run in canvas.changes(from: shown) { cells[run.y] += run.columns.count }
    var room = line.room / Self.bytesPerCell
    var rows: Set<Int> = []
    for step in 0..<height {
      let row = (firstRow + step) % height
      guard cells[row] > 0 else { continue }
      guard rows.isEmpty || cells[row] <= room else {
        firstRow = row
        break
      }
      rows.insert(row)
      room -= cells[row]
    }
    return rows
  }

  private mutating func render(_ frame: Frame) {
    if shown?.theme != frame.theme {
      palette.reset()
      needsRepaint = true
    }
    let before = needsRepaint ? Canvas(width: 0, height: 0) : shown?.canvas ?? Canvas(width: 0, height: 0)
    let runs = frame.canvas.changes(from: before)
    guard needsRepaint || !runs.isEmpty || frame.canvas.cursor != before.cursor else { return }
    for run in runs {
      counters.cells += run.columns.count
      for x in run.columns { put(frame.canvas[x, run.y], x: x, y: run.y, frame.theme) }
    }
    let cursor = frame.canvas.cursor
    sb_curses_cursor(
      Int32(cursor.map { max(0, min($0.y, height - 1)) } ?? -1),
      Int32(cursor.map { max(0, min($0.x, width - 1)) } ?? 0),
      cursor?.isVisible == true ? 1 : 0)
    if needsRepaint { sb_curses_repaint() }
    needsRepaint = false
    shown = frame
    counters.frames += 1
    sendFrame()
  }

  private mutating func put(_ cell: Cell, x: Int, y: Int, _ theme: Theme) {
    guard cell.width > 0 else { return }
    let entry = palette.entry(of: cell.style, theme)
    if cell.cluster.utf8.count == 1 {
      return put(UInt32(cell.cluster.utf8.first ?? 0x20), x: x, y: y, entry)
    }
    if glyphs == .ascii {
      for (offset, scalar) in AsciiForm.of(cell.displayCell).unicodeScalars.enumerated() {
        put(scalar.value, x: x + offset, y: y, entry)
      }
      return
    }
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 1 + DisplayText.marksMax) { scalars in
      var count = 0
      for scalar in cell.cluster.unicodeScalars.prefix(scalars.count) {
        scalars[count] = scalar.value
        count += 1
      }
      guard count > 0, let start = scalars.baseAddress else { return }
      sb_curses_put(
        Int32(y), Int32(x), start, Int32(count), Int32(cell.width), entry.attributes, entry.pair)
    }
  }

  private func put(_ scalar: UInt32, x: Int, y: Int, _ entry: CursesPalette.Entry) {
    withUnsafePointer(to: scalar) { sb_curses_put(Int32(y), Int32(x), $0, 1, 1, entry.attributes, entry.pair) }
  }

  private mutating func sendFrame() {
    var bytes: UnsafePointer<UInt8>?
    let count = sb_curses_frame(&bytes)
    guard count > 0, let bytes else { return }
    squeezer.trueColors = palette.trueColors
    squeezer.width = width
    let frame = squeezer.squeeze(UnsafeBufferPointer(start: bytes, count: count))
    let isWrapped = isSynchronized && frame.count >= Self.synchronizedBytesMin
    if isWrapped { outgoing += TerminalType.beginFrame.utf8 }
    outgoing += frame
    if isWrapped { outgoing += TerminalType.endFrame.utf8 }
    if line.sent(frame.count, now: .now) { outgoing += TerminalType.askStatus.utf8 }
    flush()
  }

  /// Writes `text` after what is on its way.
  mutating func send(_ text: String) {
    outgoing += text.utf8
    flush()
  }

  /// Writes what the terminal takes now and no more. Errors are found by `wait`, which sees the terminal gone. Nothing
  /// follows the farewell, which another thread's `exit` may have sent.
  mutating func flush() {
    // Said before the first byte: a signal on another thread may come between a short write and the next line, and its
    // farewell must not continue half a sequence or half a character.
    if !outgoing.isEmpty { sb_tty_set_partial(1) }
    while !outgoing.isEmpty {
      guard sb_tty_is_raw() == 1 else {
        outgoing = []
        return
      }
      let count = outgoing.withUnsafeBytes { write(outputDescriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      counters.bytes += count
      outgoing = outgoing.dropFirst(count)
    }
    sb_tty_set_partial(outgoing.isEmpty ? 0 : 1)
    if outgoing.isEmpty { outgoing = [] }
  }
}

extension Terminal.Urgency {
  /// Of two pictures of which only the newer one is shown.
  func joined(with older: Self) -> Self {
    switch (self, older) {
    case (.rows(let new), .rows(let old)): .rows(new.union(old))
    case (.rows, .data), (_, .data): self
    case (.data, _): older
    case (.answer, _), (_, .answer): .answer
    }
  }
}

/// The bytes of `text` as the farewell; shorter than the routine's 512 for every terminal type.
func sb_tty_set_farewell(_ text: String) {
  text.withCString { sb_tty_set_farewell($0, text.utf8.count) }
}
