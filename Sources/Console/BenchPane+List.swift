internal import Base
internal import ControlPlane

/// What the figures of a bench are filtered and sorted by.
extension BenchPane {
  var filterHint: DisplayText { "verdict=missed share>90 !not re:REGEX Enter Esc" }

  static let shape = RowList<Row>.Shape(
    [
      .init("name", "NAME", text: { "\($0.suite) \($0.name)" }), .init("value", "VALUE", number: { $0.result?.value }),
      .init("target", "TARGET", number: { $0.result?.target }), .init("share", "OF TARGET", number: { $0.share }),
      .init("p50", "P50", number: { $0.result?.p50 }), .init("p99", "P99", number: { $0.result?.p99 }),
      .init("verdict", "VERDICT", text: { $0.verdict }),
    ], more: [RowField("suite") { $0.suite }, RowField("unit") { $0.result?.unit }],
    id: { "\($0.suite) \($0.name)" }, line: { "\($0.suite) \($0.name) \($0.verdict)" })
}

extension BenchPane.Row {
  fileprivate var result: BenchReport.Result? { if case .result(let result) = self { result } else { nil } }

  fileprivate var verdict: String {
    guard let result else { return "failed" }
    return result.met.map { $0 ? "met" : "missed" } ?? "none"
  }

  /// How much of its bound a figure uses up, in percent: more than 100 is missed.
  fileprivate var share: Double? {
    guard let result, let target = result.target else { return nil }
    let (part, whole) = result.isLowerBetter ? (result.value, target) : (target, result.value)
    return whole > 0 ? part / whole * 100 : nil
  }
}
