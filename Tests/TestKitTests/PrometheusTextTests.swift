import TestKit
import Testing

@Suite struct PrometheusTextTests {
  static let good = """
    # HELP a_total All.
    # TYPE a_total counter
    a_total{path="/x\\"\\\\\\n",zone="b"} 3
    a_total 1e+20
    # HELP b_seconds Time.
    # TYPE b_seconds histogram
    b_seconds_bucket{le="0.1"} 1
    b_seconds_bucket{le="+Inf"} 2
    b_seconds_sum 0.5
    b_seconds_count 2

    """

  @Test func aCorrectPageIsRead() throws {
    let page = try PrometheusText(Self.good)
    #expect(page.families.map(\.name) == ["a_total", "b_seconds"])
    #expect(page.value("a_total", ["path": "/x\"\\\n", "zone": "b"]) == 3)
    #expect(page.value("b_seconds_bucket", ["le": "+Inf"]) == 2)
    #expect(try PrometheusText("").families.isEmpty)
  }

  /// Each row changes one thing of the good page; the reader must refuse it.
  @Test(arguments: [
    ("# HELP a_total All.\n", ""),
    ("# TYPE a_total counter\n", ""),
    ("# TYPE a_total counter", "# TYPE a_total number"),
    ("# TYPE a_total counter", "# TYPE c_total counter"),
    ("a_total 1e+20", "a_total -1"),
    ("a_total 1e+20", "a_total  1"),
    ("a_total 1e+20", "a_total 1 "),
    ("a_total 1e+20", "a_total one"),
    ("a_total 1e+20", "a_total 0x10"),
    ("a_total 1e+20", "a_total"),
    ("a_total 1e+20", "other 1"),
    ("a_total 1e+20", "a_total 1\n"),
    ("a_total 1e+20", "a_total 1\na_total 2"),
    ("a_total 1e+20", "# a remark"),
    ("zone=\"b\"", "zone=\"\\q\""),
    ("zone=\"b\"", "zone=b"),
    ("zone=\"b\"", "zone=\"b\","),
    ("zone=\"b\"", "zone=\"b"),
    ("zone=\"b\"", "2one=\"b\""),
    ("zone=\"b\"", "__zone=\"b\""),
    ("zone=\"b\"", "path=\"b\""),
    ("zone=\"b\"", "a=\"b\""),
    ("a_total", "a-total"),
    ("a_total", "a_sum"),
    ("le=\"0.1\"", "le=\"+Inf\""),
    ("le=\"0.1\"", "le=\"x\""),
    ("le=\"0.1\"} 1", "le=\"0.1\"} 3"),
    ("le=\"0.1\"} 1", "le=\"0.1\"} 0.5"),
    ("b_seconds_bucket{le=\"+Inf\"} 2\n", ""),
    ("b_seconds_count 2", "b_seconds_count 3"),
    ("b_seconds_count 2\n", ""),
    ("b_seconds_sum 0.5\n", ""),
    ("b_seconds_sum 0.5", "b_seconds_sum{le=\"1\"} 0.5"),
    ("b_seconds_count 2\n", "b_seconds_count 2"),
    ("b_seconds_count 2\n", "b_seconds_count 2\n# HELP c Last.\n"),
    ("b_seconds_count 2\n", "b_seconds_count 2\n# HELP c Last.\n# TYPE c gauge\n"),
    ("b_seconds_count 2\n", "b_seconds_count 2\n# HELP a_total All.\n# TYPE a_total counter\na_total{z=\"1\"} 1\n"),
  ])
  func aPageWithOneMistakeIsRefused(_ old: String, _ new: String) throws {
    let bad = Self.good.replacing(old, with: new)
    try #require(bad != Self.good)
    #expect(throws: PrometheusText.Problem.self) { try PrometheusText(bad) }
  }
}
