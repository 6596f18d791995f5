import ControlPlane
import Testing

@testable import Console

struct SnapshotPaceTests {
  /// The calm rest is an hour here: only the event can end it.
  @Test(.timeLimit(.minutes(1))) func anEventEndsACalmRest() async {
    let pace = SnapshotPace(calmMilliseconds: 3_600_000)
    for _ in 1..<SnapshotPace.calmAfter { await pace.rest(isAlike: true, refresh: 1) }
    await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        await pace.rest(isAlike: true, refresh: 1)
        return true
      }
      group.addTask {
        while !pace.isCalm { await Task.yield() }
        pace.disturb()
        return true
      }
      for await isDone in group { #expect(isDone) }
      #expect(!pace.isCalm)
    }
  }

  @Test(.timeLimit(.minutes(1))) func newsKeepThePace() async {
    let pace = SnapshotPace(calmMilliseconds: 3_600_000)
    for turn in 1..<20 { await pace.rest(isAlike: !turn.isMultiple(of: SnapshotPace.calmAfter), refresh: 1) }
  }

  @Test func timeAndTheNodesOwnFiguresAreNoNews() {
    let old = ModelFixture.snapshot()
    var new = old
    new.uptimeSeconds += 5
    new.process.cpuPercent += 3
    #expect(new.hasNoNews(since: old))
    new.phase = .draining
    #expect(!new.hasNoNews(since: old))
  }
}
