internal import Base

/// How a list is sorted, for its title and the head of its table.
struct ListOrder: Sendable, Equatable {
  /// As `:sort` takes it.
  let name: String
  /// Of the table's column.
  let title: DisplayText
  let isDescending: Bool
  /// As it is without anybody's doing: no title needs to say so.
  var isUsual = false

  /// `files↓`, or `reversed` of an order that is no column's.
  var text: DisplayText { title.isEmpty ? DisplayText(name) : "\(DisplayText(name))\(isDescending ? "↓" : "↑")" }
}

/// A list that the console has whole: all rows, and those that the filter lets through in the order that is wanted.
/// The selection and the marks are ids, and not lines, so that nothing that comes or goes moves them to another row.
struct RowList<Row> {
  /// Rows that can be marked: an action on marks is an order each, and so many can wait.
  static var marksMax: Int { Console.ordersMax }

  struct Column: Sendable {
    enum Key: Sendable {
      case text(@Sendable (Row) -> String)
      case number(@Sendable (Row) -> Double?)
    }

    /// What the filter calls it, and `:sort`.
    let field: RowField<Row>
    /// The head of the table's column.
    let title: DisplayText
    let key: Key

    init(_ field: RowField<Row>, _ title: DisplayText, _ key: Key) {
      self.field = field
      self.title = title
      self.key = key
    }

    init(_ name: String, _ title: DisplayText, text: @escaping @Sendable (Row) -> String) {
      self.init(RowField(name, text), title, .text(text))
    }

    init(_ name: String, _ title: DisplayText, number: @escaping @Sendable (Row) -> Double?) {
      self.init(RowField(name, number: number), title, .number(number))
    }
  }

  /// What a list consists of.
  struct Shape: Sendable {
    let columns: [Column]
    let language: RowFilter<Row>.Language
    let id: @Sendable (Row) -> String

    /// `more`: fields that only the filter knows. `line`: what a regular expression sees.
    init(
      _ columns: [Column], more: [RowField<Row>] = [], id: @escaping @Sendable (Row) -> String,
      line: @escaping @Sendable (Row) -> String
    ) {
      self.columns = columns
      self.id = id
      language = .init(columns.map(\.field) + more, line: line)
    }
  }

  private let shape: Shape
  private(set) var all: [Row] = []
  private(set) var rows: [Row] = []
  private(set) var marks: Set<String> = []
  private(set) var cursor = ListCursor()
  private var test: RowFilter<Row>?
  /// Nil: the order in which the rows came.
  private var sorted: Int?
  private var isReversed = false

  init(_ shape: Shape) { self.shape = shape }

  var filter: String { test?.source ?? "" }

  var selected: Row? { rows.indices.contains(cursor.selected) ? rows[cursor.selected] : nil }

  var selectedID: String? { selected.map(shape.id) }

  /// Rows that are marked, else the one that is selected.
  var chosen: [Row] {
    marks.isEmpty ? [selected].compactMap(\.self) : all.filter { marks.contains(shape.id($0)) }
  }

  func isMarked(_ row: Row) -> Bool { marks.contains(shape.id(row)) }

  // MARK: - Rows

  /// `staysFirst`: a selection of the first line is one of the line, and not of its row.
  mutating func set(_ all: [Row], staysFirst: Bool = false) {
    self.all = all
    if !marks.isEmpty { marks.formIntersection(all.map(shape.id)) }
    sift(staysFirst: staysFirst)
  }

  private mutating func sift(staysFirst: Bool = false) {
    let id = selectedID
    let kept = test.map { test in all.filter { test.matches($0) } } ?? all
    let usual = isReversed ? kept.reversed() : kept
    rows = sorted.map { Self.rank(kept, shape.columns[$0].key, isReversed, shape.id) } ?? usual
    guard let id, !(staysFirst && cursor.selected == 0) else { return }
    if let row = rows.firstIndex(where: { shape.id($0) == id }) { cursor.aim(at: row) }
  }

  /// By keys that are made once; the id decides between equals, so that no row moves without a reason.
  private static func rank(
    _ rows: [Row], _ key: Column.Key, _ isReversed: Bool, _ id: (Row) -> String
  ) -> [Row] {
    func ranked<Key: Comparable>(_ keys: [Key]) -> [Row] {
      let ids = rows.map(id)
      return rows.indices.sorted { left, right in
        let (one, other) = isReversed ? (right, left) : (left, right)
        return keys[one] == keys[other] ? ids[one] < ids[other] : keys[one] < keys[other]
      }.map { rows[$0] }
    }
    return switch key {
    case .text(let text): ranked(rows.map { text($0).lowercased() })
    // What has no figure comes before the smallest.
    case .number(let number): ranked(rows.map { number($0) ?? -.infinity })
    }
  }

  // MARK: - Filter and order

  /// Throws `invalid` or `limit` for what is no filter; the one before stays then.
  mutating func setFilter(_ text: String) throws(Failure) {
    test = try RowFilter.parse(text, shape.language)
    sift()
  }

  var order: ListOrder? {
    guard let sorted else {
      return isReversed ? ListOrder(name: "reversed", title: "", isDescending: true) : nil
    }
    let column = shape.columns[sorted]
    return ListOrder(name: column.field.name, title: column.title, isDescending: isReversed)
  }

  /// The column of that name, `-NAME` for the greatest first, `<` or `>` for the one beside it; nil: the next one, and
  /// after the last the order that the rows have by themselves. Throws `invalid`.
  mutating func sort(by name: String?) throws(Failure) {
    guard let name else {
      let next = (sorted ?? -1) + 1
      return take(next < shape.columns.count ? next : nil)
    }
    // As in top: from the column it is sorted by to its neighbour, and none beyond the last.
    let edge = shape.columns.count - 1
    if name == ">" { return take(min(edge, sorted.map { $0 + 1 } ?? 0)) }
    if name == "<" { return take(max(0, sorted.map { $0 - 1 } ?? edge)) }
    let isTurned = name.hasPrefix("-")
    let wanted = isTurned ? String(name.dropFirst()) : name
    guard let column = shape.columns.firstIndex(where: { $0.field.name == wanted.lowercased() }) else {
      let known = shape.columns.map(\.field.name).joined(separator: ", ")
      throw Failure(
        .invalid, "sort: no column is called '\(DisplayText(wanted).truncated(to: 40))'", hint: "columns: \(known)")
    }
    take(column)
    if isTurned != isReversed {
      isReversed = isTurned
      sift()
    }
  }

  private mutating func take(_ column: Int?) {
    sorted = column
    // What is large needs an eye first; names begin at their beginning.
    isReversed = column.map { if case .number = shape.columns[$0].key { true } else { false } } ?? false
    showTop()
  }

  mutating func reverse() {
    isReversed.toggle()
    showTop()
  }

  mutating func selectFirst() { cursor = ListCursor() }

  /// Who changes the order wants to see what comes first in it.
  private mutating func showTop() {
    cursor = ListCursor()
    sift(staysFirst: true)
  }

  // MARK: - Selection

  /// `room`: rows that are on the screen at once.
  mutating func settle(room: Int) { cursor.settle(count: rows.count, height: room) }
  mutating func move(_ motion: Motion, room: Int) { cursor.move(motion, count: rows.count, height: room) }
  mutating func move(by distance: Int, room: Int) { cursor.move(by: distance, count: rows.count, height: room) }

  mutating func select(row: Int, room: Int) {
    if rows.indices.contains(row) { cursor.select(row, count: rows.count, height: room) }
  }

  // MARK: - Marks

  /// False when there are too many.
  mutating func toggleMark() -> Bool {
    guard let id = selectedID else { return true }
    if marks.remove(id) != nil { return true }
    guard marks.count < Self.marksMax else { return false }
    marks.insert(id)
    return true
  }

  /// All that the filter shows; when all of them are marked, none. False when there are too many.
  mutating func markAll() -> Bool {
    let ids = Set(rows.map(shape.id))
    if ids.isSubset(of: marks) {
      marks.subtract(ids)
      return true
    }
    for row in rows where marks.count < Self.marksMax { marks.insert(shape.id(row)) }
    return ids.isSubset(of: marks)
  }

  mutating func unmark(_ id: String) { marks.remove(id) }
  mutating func clearMarks() { marks = [] }
}
