internal import Base

/// A pane whose list the console has whole. What the keys do to a list is written here once, for all of them.
protocol ListPane: Pane {
  associatedtype Row
  var list: RowList<Row> { get set }
  /// Rows of the table that a height of the pane has room for.
  func tableRows(_ height: Int) -> Int
  /// The line of the area where the table's first row is.
  func tableTop(_ height: Int) -> Int
  /// The selection may be another row now.
  mutating func selectionMoved()
}

extension ListPane {
  var filter: String { list.filter }
  var sorting: ListOrder? { list.order }
  var marks: Set<String> { list.marks }

  mutating func selectionMoved() {}

  mutating func settle(height: Int) {
    list.settle(room: tableRows(height))
    selectionMoved()
  }

  mutating func move(_ motion: Motion, height: Int) {
    list.move(motion, room: tableRows(height))
    selectionMoved()
  }

  mutating func moveMatch(by distance: Int, height: Int) {
    list.move(by: distance, room: tableRows(height))
    selectionMoved()
  }

  mutating func select(line: Int, height: Int) {
    let row = line - tableTop(height)
    let room = tableRows(height)
    guard (0..<room).contains(row) else { return }
    list.select(row: list.cursor.top + row, room: room)
    selectionMoved()
  }

  mutating func setFilter(_ text: String, height: Int) throws(Failure) {
    try list.setFilter(text)
    settle(height: height)
  }

  mutating func sort(by column: String?, height: Int) throws(Failure) {
    try list.sort(by: column)
    settle(height: height)
  }

  mutating func reverseSort(height: Int) {
    list.reverse()
    settle(height: height)
  }

  mutating func toggleMark(height: Int) -> Bool {
    guard list.toggleMark() else { return false }
    move(.down, height: height)
    return true
  }

  mutating func markAll() -> Bool { list.markAll() }
  mutating func clearMarks() { list.clearMarks() }
}
