import Base
import CodeIndex
import ControlPlane
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import EngineRoom

/// Journeys over a scripted index: how many there are, what is tried again, and what is told.
@Suite(.timeLimit(.minutes(2))) struct PipelineTests {
  private static let project = ProjectID(folderName: "sample")

  private struct Script {
    var paths = ["a.py"]
    var runs = 0
    /// Of the next runs, in order; then all goes well.
    var failures: [Failure] = []
    /// Runs wait until it is open.
    var isGateOpen = true
    var late: [String] = []
    var told: [ProjectEvent] = []
    var journeys: [PipelineJourney] = []
  }

  private final class Stage: Sendable {
    let script = Mutex(Script())
    let pipeline: Pipeline
    let wishes: AsyncStream<ProjectID>.Continuation

    init(_ pauses: Pipeline.Pauses = Pipeline.Pauses()) throws {
      let (newcomers, wishes) = AsyncStream.makeStream(of: ProjectID.self)
      self.wishes = wishes
      let box = Box()
      let index = Pipeline.IndexDeeds(
        newcomers: newcomers, mayIndex: { _ in true },
        pendingChanges: { (_) async throws(Failure) in
          PendingChanges(commit: "c", paths: box.stage?.script.withLock { $0.paths } ?? [])
        },
        pathsTakenUp: { (_, _) async throws(Failure) in box.stage?.script.withLock { $0.late } ?? [] },
        reindex: { (request) async throws(Failure) in try await box.run(request) }, mark: { _ in nil })
      pipeline = try Pipeline(
        Pipeline.Links(
          index: index, cache: nil,
          publish: { body in
            if case .journey(let journey) = body { box.stage?.script.withLock { $0.journeys.append(journey) } }
          }, tell: { event in box.stage?.script.withLock { $0.told.append(event) } }),
        watches: false, pauses: pauses, clock: ManualClock(startMilliseconds: 1_000_000),
        logger: LogSink(output: .none).logger("pipeline"))
      box.set(self)
    }

    func wish(_ count: Int = 1) { for _ in 0..<count { wishes.yield(PipelineTests.project) } }

    func running(_ body: () async throws -> Void) async throws {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await self.pipeline.run() }
        defer { group.cancelAll() }
        try await body()
      }
    }

    var runs: Int { script.withLock { $0.runs } }
    var told: [String] { script.withLock { $0.told.map(\.event) } }
    var journeys: [PipelineJourney] { script.withLock { $0.journeys } }
  }

  /// What the closures reach the stage by, which is made after them.
  private final class Box: Sendable {
    private let held = Mutex<Held>(Held())

    private struct Held { weak var stage: Stage? }

    var stage: Stage? { held.withLock { $0.stage } }
    func set(_ stage: Stage) { held.withLock { $0.stage = stage } }

    func run(_ request: ReindexRequest) async throws(Failure) -> ReindexReport {
      let failure = stage?.script.withLock { script -> Failure? in
        script.runs += 1
        return script.failures.isEmpty ? nil : script.failures.removeFirst()
      }
      if let failure { throw failure }
      _ = await eventually { self.stage?.script.withLock { $0.isGateOpen } ?? true }
      return ReindexReport(
        project: request.project, commit: "c", mode: .incremental, filesIndexed: 1, filesUnchanged: 0, filesSkipped: [],
        filesSkippedCount: 0, filesFailed: [], chunks: 1, embeddingsComputed: 1, embeddingsFromCache: 0,
        durationSeconds: 0.1, filesPerSecond: 10)
    }
  }

  @Test func aBurstOfWishesIsTwoJourneysAtMost() async throws {
    let stage = try Stage()
    stage.script.withLock { $0.isGateOpen = false }
    try await stage.running {
      stage.wish()
      #expect(await eventually { stage.runs == 1 })
      stage.wish(500)
      // Wishes are taken in order: when another project's run has begun, all 500 have been heard.
      stage.wishes.yield(ProjectID(folderName: "other"))
      #expect(await eventually { stage.runs == 2 })
      stage.script.withLock { $0.isGateOpen = true }
      #expect(await eventually { stage.journeys.count == 3 })
    }
    #expect(stage.journeys.count { $0.project == Self.project } == 2)
    #expect(stage.runs == 3)
  }

  @Test func aStageThatFailsIsTriedAgainAndSaysHowOften() async throws {
    let stage = try Stage()
    stage.script.withLock { $0.failures = Array(repeating: Failure(.unavailable, "no disk"), count: 2) }
    try await stage.running {
      stage.wish()
      #expect(await eventually { stage.told == ["vectors-updated"] })
    }
    let journey = try #require(stage.journeys.first)
    #expect(journey.isComplete && journey.stages.first { $0.name == "reindex" }?.retries == 2)
  }

  @Test func whileAStageFailsNothingIsTold() async throws {
    let stage = try Stage()
    stage.script.withLock { $0.failures = Array(repeating: Failure(.unavailable, "no disk"), count: 4) }
    try await stage.running {
      stage.wish()
      #expect(await eventually { stage.journeys.count == 1 })
      let failed = try #require(stage.journeys.first)
      #expect(!failed.isComplete && failed.stages.last?.error == "no disk" && failed.stages.last?.retries == 3)
      #expect(failed.stages.map(\.name) == ["detect", "invalidate", "reindex"])
      #expect(stage.told.isEmpty)
      // The journey is tried again by itself.
      #expect(await eventually { stage.told == ["vectors-updated"] })
      #expect(stage.journeys.count == 2 && stage.journeys.last?.isComplete == true)
    }
  }

  @Test func aChangeDuringThePauseAfterAFailureBeginsTheNextTry() async throws {
    let stage = try Stage(Pipeline.Pauses(first: .seconds(3_600), most: .seconds(3_600), least: .milliseconds(1)))
    stage.script.withLock { $0.failures = Array(repeating: Failure(.unavailable, "no disk"), count: 8) }
    try await stage.running {
      stage.wish()
      #expect(await eventually { stage.journeys.count == 1 })
      stage.wish()
      #expect(await eventually { stage.journeys.count == 2 })
      // As often as there is news.
      stage.wish(50)
      #expect(await eventually { stage.told.first == "vectors-updated" })
    }
    #expect(stage.journeys.prefix(3).map(\.isComplete) == [false, false, true])
  }

  @Test func aProjectRemovedDuringThePauseIsLetGo() async throws {
    let stage = try Stage(Pipeline.Pauses(first: .seconds(3_600), most: .seconds(3_600), least: .milliseconds(1)))
    stage.script.withLock { $0.failures = Array(repeating: Failure(.unavailable, "no disk"), count: 4) }
    try await stage.running {
      stage.wish()
      #expect(await eventually { stage.journeys.count == 1 })
      stage.script.withLock { $0.failures = [Failure(.notFound, "there is no such project")] }
      for _ in 0..<200 where stage.journeys.count == 1 {
        // The pause may not have begun when the journey is published.
        stage.pipeline.remove(Self.project)
        _ = await eventually(within: .milliseconds(50)) { stage.journeys.count == 2 }
      }
      #expect(stage.journeys.count == 2)
    }
  }

  @Test func aCancelledRunIsNotTriedAgain() async throws {
    let stage = try Stage()
    stage.script.withLock { $0.failures = [ReindexQueue.cancelled] }
    try await stage.running {
      stage.wish()
      #expect(await eventually { stage.journeys.count == 1 })
      stage.wishes.yield(ProjectID(folderName: "other"))
      #expect(await eventually { stage.journeys.count == 2 })
    }
    #expect(stage.runs == 2 && stage.told == ["vectors-updated"])
    #expect(stage.journeys.first?.isComplete == false)
  }

  @Test func whatTheRunTookUpBeyondTheLookIsToldToo() async throws {
    let stage = try Stage()
    stage.script.withLock { $0.late = ["b.py"] }
    try await stage.running {
      stage.wish()
      #expect(await eventually { stage.told == ["vectors-updated"] })
    }
    #expect(stage.journeys.first?.filesChanged == 2)
    let data = stage.script.withLock { $0.told.first?.data?.text } ?? ""
    #expect(data.contains(#""paths":["a.py","b.py"]"#), "\(data)")
  }

  @Test func aFileChangeConcernsTheProjectOfItsRoomOnly() async {
    let hook = FileChangeHook()
    let heard = Mutex<[String]>([])
    hook.set { project, paths in heard.withLock { $0.append("\(project) \(paths)") } }
    await hook.call("project:a", #"{"projectId":"a","paths":["x"]}"#)
    await hook.call("project:a", #"{"paths":["y"]}"#)
    await hook.call("project:a", #"{"projectId":"b","paths":["z"]}"#)
    await hook.call("agent:a", #"{"projectId":"a","paths":["z"]}"#)
    await hook.call("project:a", "7")
    #expect(heard.withLock { $0 } == [#"a ["x"]"#, #"a ["y"]"#])
  }
}
