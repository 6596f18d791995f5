internal import Base
internal import ControlPlane

extension BenchPane {
  static let actions = [
    Action(
      id: "bench.run", title: "Run the benches of this node", keys: [.character("b")],
      hint: .init(group: .act, label: "bench", rank: 7, home: .bench), verb: "bench", argument: "[SUITE …]",
      changesNode: true,
      refusal: { $0.isBenchRunning ? "a bench is running" : nil },
      run: { model, input in model.askForBench(input) }),
    Action(
      id: "bench.cancel", title: "Cancel the bench that is running", keys: [.character("K")], scope: .panes([.bench]),
      hint: .init(group: .act, label: "cancel", rank: 11, home: .bench), verb: "bench cancel", changesNode: true,
      refusal: { $0.isBenchRunning ? nil : "no bench is running" },
      run: { model, _ in model.askToCancelBench() }),
    Action(
      id: "bench.compare", title: "Compare the last two runs of the selected row's suite", keys: [.character("c")],
      scope: .panes([.bench]), hint: .init(group: .act, label: "compare", rank: 9, home: .bench), verb: "compare",
      refusal: { model in
        (model.panes[.bench] as? BenchPane)?.comparison == nil ? "the suite has not been run twice" : nil
      },
      run: { model, _ in model.compareBenches() }),
  ]
}

extension ConsoleModel {
  mutating func askToCancelBench() -> [Effect] {
    let run = (panes[.bench] as? BenchPane)?.run
    let ended = run.map { Figures.counted($0.rows.count, "row") } ?? "no row"
    return open(
      .confirm(
        ConfirmDialog(
          title: "Cancel bench",
          body: ["The bench stops, whoever began it, and makes no report.", "Lost: \(ended) so far."],
          cancel: "Let it run", confirm: "Cancel the bench", now: now, onConfirm: [.perform(.cancelBench)])))
  }
}
