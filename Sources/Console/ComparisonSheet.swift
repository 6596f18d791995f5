internal import Base
internal import ControlPlane

/// `c` in the Bench pane: the last two runs of one suite, row beside row.
struct ComparisonSheet {
  let suite: String
  let before: BenchReport
  let after: BenchReport
  let rows: [BenchComparison.Row]
  private(set) var cursor = ListCursor()

  /// `reports` are oldest first. Nil when the suite has not been run twice alike: a quick run compares with its like.
  init?(suite: String, reports: [BenchReport]) {
    let runs = reports.filter { $0.results.contains { $0.suite == suite } }
    guard let after = runs.last,
      let before = runs.dropLast().last(where: { ($0.isQuick ?? false) == (after.isQuick ?? false) })
    else { return nil }
    self.suite = suite
    self.before = before
    self.after = after
    rows = BenchComparison(before: [before], after: [after]).rows.filter { $0.suite == suite }
  }

  var isUnproven: Bool { rows.contains { $0.verdict == .unproven } }

  mutating func move(by distance: Int, height: Int) { cursor.move(by: distance, count: rows.count, height: height) }
  mutating func select(_ row: Int, height: Int) { cursor.select(row, count: rows.count, height: height) }
}
