/// Where the terminal's cursor is after the bytes sent so far, and the shortest way from there to another cell.
///
/// Curses says the whole position for every jump of more than seven columns, which is most of a frame that changes a
/// few figures in each row. A jump relative to where the cursor is costs half of that, if its place is known for
/// certain. It is not after a character about whose width terminals differ, nor in the last column, where they differ
/// about what comes next; a whole position makes it known again. Source: ECMA-48, CUU CUD CUF CUB CHA VPA CUP REP.
struct CursorTrack {
  /// Cells of a row; nothing is known while it is 0.
  var width = 0
  /// Counted from 1; nil when not known.
  private var row: Int?
  private var column: Int?

  mutating func forget() { (row, column) = (nil, nil) }

  // MARK: - Following

  mutating func print(_ text: some Collection<UInt8>) {
    guard var column else { return }
    var rest = text[...]
    while let byte = rest.popFirst() {
      if byte >= 0x80 {
        guard byte == 0xE2, let second = rest.popFirst(), rest.popFirst() != nil, Self.isOneCell(second) else {
          return forget()
        }
      }
      column += 1
    }
    advance(to: column)
  }

  /// U+2500 to U+25BF, borders and blocks, and U+2800 to U+28FF, graphs: the second of the three bytes.
  private static func isOneCell(_ second: UInt8) -> Bool {
    (0x94...0x96).contains(second) || (0xA0...0xA3).contains(second)
  }

  private mutating func advance(to column: Int) {
    if column <= width { self.column = column } else { forget() }
  }

  mutating func control(_ byte: UInt8) {
    switch byte {
    case 0x0D: column = 1
    case 0x08: column = column.map { max(1, $0 - 1) }
    case 0x07, 0x0E, 0x0F: return
    default: forget()
    }
  }

  /// A control sequence without a private prefix.
  mutating func sequence(_ final: UInt8, _ parameters: [Int]) {
    let count = max(1, parameters.first ?? 1)
    switch final {
    case 0x41: row = row.map { max(1, $0 - count) }
    case 0x42: row = row.map { $0 + count }
    case 0x43: if let column { advance(to: column + count) }
    case 0x44: column = column.map { max(1, $0 - count) }
    case 0x47: advance(to: count)
    case 0x48, 0x66:
      row = count
      advance(to: max(1, parameters.count > 1 ? parameters[1] : 1))
    case 0x64: row = count
    case 0x62: if let column { advance(to: column + count) }
    // Erase, delete and insert characters, and colours, leave the cursor where it is.
    case 0x4A, 0x4B, 0x50, 0x58, 0x40, 0x6D: return
    default: forget()
    }
  }

  // MARK: - Jumping

  /// The bytes that move the cursor where the sequence would; nil when they would be no fewer than `limit`.
  func shortcut(_ final: UInt8, _ parameters: [Int], limit: Int) -> [UInt8]? {
    guard let row, let column, final == 0x48 || final == 0x47 else { return nil }
    let isWhole = final == 0x48
    let first = max(1, parameters.first ?? 1)
    let toColumn = isWhole ? max(1, parameters.count > 1 ? parameters[1] : 1) : first
    guard toColumn <= width else { return nil }
    let bytes = Self.vertical((isWhole ? first : row) - row) + Self.horizontal(from: column, to: toColumn)
    return bytes.count < limit ? bytes : nil
  }

  private static func vertical(_ distance: Int) -> [UInt8] {
    distance == 0 ? [] : step(abs(distance), distance < 0 ? 0x41 : 0x42)
  }

  private static func horizontal(from: Int, to: Int) -> [UInt8] {
    if to == from { return [] }
    if to > from { return step(to - from, 0x43) }
    let back = from - to <= 4 ? [UInt8](repeating: 0x08, count: from - to) : step(from - to, 0x44)
    let home: [UInt8] = [0x0D] + (to == 1 ? [] : step(to - 1, 0x43))
    return home.count < back.count ? home : back
  }

  private static func step(_ count: Int, _ final: UInt8) -> [UInt8] {
    [0x1B, 0x5B] + (count == 1 ? [] : Array("\(count)".utf8)) + [final]
  }
}
