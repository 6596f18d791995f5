import Base
import Foundation
import TestKit
import Testing

/// The journeys over more than one engine: a real node, real repositories, programs and sockets.
@Suite(.timeLimit(.minutes(5))) struct JourneyTests {
  private static let parser =
    "def parse_duration(text):\n    \"\"\"Turn a text such as 5m into seconds.\"\"\"\n    return 5\n"
  private static let retry =
    "def retry_with_backoff(call):\n    \"\"\"Try again with growing pauses.\"\"\"\n    return call()\n"

  private func repository() async throws -> TemporaryGitRepository {
    let repository = try await TemporaryGitRepository()
    try repository.write("src/duration.py", Self.parser)
    try repository.write("src/other.py", "def unrelated():\n    return 'nothing of interest here'\n")
    try await repository.commit("one")
    return repository
  }

  @Test func aBroadcastInvalidatesTheCacheBeforeItIsDeliveredAndTheNextReadIsFresh() async throws {
    let stage = try await JourneyStage.start()
    let (author, viewer) = (try await stage.viewer(), try await stage.viewer())
    for round in 0..<5 {
      #expect(stage.put("plan", "old \(round)", tags: "file:shared:src/a.py") == 200)
      #expect(stage.put("kept", "kept", tags: "file:shared:src/b.py") == 200)
      // A name that no tag can be made of does not keep the others from going.
      let json = #"{"projectId":"shared","paths":["","src/a.py"],"round":\#(round)}"#
      let publication = #"{"room":"project:shared","event":"file-changed","data":\#(json)}"#
      #expect(await author.ask("publish", publication))
      _ = try #require(await viewer.first("file-changed") { $0["round"] as? Int == round })
      // Whoever has heard of it reads nothing old.
      #expect(stage.value("plan") == nil && stage.value("kept") == "kept")
      #expect(stage.put("plan", "new \(round)") == 200)
      #expect(stage.value("plan") == "new \(round)")
    }
    let news = try #require(await viewer.first("cache-invalidated"))
    #expect(news.object["event"] as? String == "file-change" && news.object["keysDeleted"] as? Int == 1)
    #expect(news.object["project"] as? String == "shared" && news.object["paths"] as? [String] == ["src/a.py"])
  }

  @Test func aCommitReembedsOnlyWhatChangedAndSearchFindsTheNewCodeAndNotTheDeleted() async throws {
    let repository = try await repository()
    let stage = try await JourneyStage.start(repository)
    let viewer = try await stage.viewer()
    #expect(try stage.search("parse_duration").first?["path"] as? String == "src/duration.py")
    try repository.write("src/retry.py", Self.retry)
    try await repository.delete("src/duration.py")
    // The same contents under another name are known.
    try await repository.rename("src/other.py", "src/moved.py")
    let commit = try await repository.commit("two")
    let news = try #require(await viewer.first("vectors-updated") { $0["commit"] as? String == commit })
    #expect(news.object["mode"] as? String == "incremental")
    let index = try #require(try stage.status()["index"] as? [String: Any])
    let run = try #require((index["lastRuns"] as? [[String: Any]])?.first?["report"] as? [String: Any])
    #expect(run["embeddingsComputed"] as? Int == 1, "\(run)")
    #expect(try stage.search("try again with growing pauses").first?["path"] as? String == "src/retry.py")
    let paths = try stage.search("parse_duration").map { $0["path"] as? String }
    #expect(!paths.contains("src/duration.py") && !paths.contains("src/other.py"))
  }

  @Test(.enabled(if: SandboxStage.isPossible, SandboxStage.impossible))
  func aSandboxResultIsCachedAndReplayedAndMissedWhenTheCodeChanges() async throws {
    let stage = try await JourneyStage.start()
    let viewer = try await stage.viewer()
    let first = try await stage.run("print(6 * 7)")
    let again = try await stage.run("print(6 * 7)")
    let other = try await stage.run("print(6 * 8)")
    #expect(first["stdout"] as? String == "42\n" && first["cached"] as? Bool == false, "\(first)")
    #expect(again["stdout"] as? String == "42\n" && again["cached"] as? Bool == true, "\(again)")
    #expect(other["stdout"] as? String == "48\n" && other["cached"] as? Bool == false, "\(other)")
    #expect(await eventually { viewer.events("run-finished").count == 3 })
    #expect(viewer.events("run-finished").map { $0.object["cached"] as? Bool } == [false, true, false])
  }

  @Test func aCommitInvalidatesEmbedsFillsTheCacheAndIsBroadcast() async throws {
    let repository = try await repository()
    let stage = try await JourneyStage.start(repository)
    let viewer = try await stage.viewer()
    #expect(stage.put("a", "made of duration.py", tags: "file:\(stage.project):src/duration.py") == 200)
    #expect(stage.put("b", "made of other.py", tags: "file:\(stage.project):src/other.py") == 200)
    try repository.write("src/duration.py", Self.parser + "# changed\n")
    let commit = try await repository.commit("two")
    _ = try #require(await viewer.first("vectors-updated") { $0["commit"] as? String == commit })
    // Told in this order, and not before it is so.
    let names = viewer.events.map(\.name).filter { ["cache-invalidated", "vectors-updated"].contains($0) }
    #expect(names == ["cache-invalidated", "vectors-updated"])
    let news = try #require(viewer.events("cache-invalidated").first).object
    #expect(news["event"] as? String == "git-commit" && news["paths"] as? [String] == ["src/duration.py"], "\(news)")
    #expect(news["keysDeleted"] as? Int == 1)
    #expect(stage.value("a") == nil && stage.value("b") == "made of other.py")
    let kept = try NodeFixture.object(stage.request("/v1/cache/sb-index/\(stage.project)")?.body ?? "{}")
    #expect(kept["commit"] as? String == commit, "\(kept)")
    #expect(try await eventually { try stage.journey()?["commit"] as? String == commit })
    let journey = try #require(try stage.journey())
    let stages = (journey["stages"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
    #expect(stages == ["detect", "invalidate", "reindex", "settle", "cache", "broadcast"])
    #expect(journey["isComplete"] as? Bool == true && journey["trigger"] as? String == "commit")
  }

  @Test func threeAgentsCoordinateThroughTheCache() async throws {
    let redis = try await RedisProcess(.unixSocket)
    let stages = [
      try await JourneyStage.start(nil, ["REDIS_URL": redis.url]),
      try await JourneyStage.start(nil, ["REDIS_URL": redis.url]),
    ]
    for stage in stages { #expect(await eventually { stage.isJoined && stage.peers == 1 }) }
    let viewer = try await stages[1].viewer()
    // One plans, a second on another node reads it and works, a third makes it void.
    #expect(stages[0].put("plan", "three steps", tags: "project:shared,task-1") == 200)
    let updated = try #require(await viewer.first("cache-updated"))
    #expect(updated.object["keys"] as? [String] == ["plan"] && updated.object["namespace"] as? String == "shared")
    #expect(await eventually { stages[1].value("plan") == "three steps" })
    #expect(stages[1].put("result", "two of three", tags: "project:shared,task-1") == 200)
    #expect(await eventually { stages[0].value("result") == "two of three" })
    let answer = stages[0].request("/v1/cache/shared/invalidate", "POST", #"{"tags":["project:shared"]}"#)
    #expect(answer?.status == 200)
    let news = try #require(await viewer.first("cache-invalidated"))
    #expect(news.object["keysDeleted"] as? Int == 2 && news.object["tags"] as? [String] == ["project:shared"])
    for stage in stages {
      for key in ["plan", "result"] { #expect(await eventually { stage.value(key) == nil }) }
    }
  }

  @Test func aFolderAtAWebhooksCallIsAsFreshAsACommit() async throws {
    let repository = try await repository()
    let stage = try await JourneyStage.start(repository, ["SIGNALBOX_WATCH": "off"])
    let viewer = try await stage.viewer()
    #expect(stage.put("a", "old", tags: "file:\(stage.project):src/duration.py") == 200)
    try repository.write("src/duration.py", Self.retry)
    let commit = try await repository.commit("two")
    #expect(stage.request("/v1/index/\(stage.project)/reindex", "POST")?.status == 200)
    _ = try #require(await viewer.first("vectors-updated") { $0["commit"] as? String == commit })
    #expect(stage.value("a") == nil)
    #expect(try stage.journey()?["trigger"] as? String == "webhook")
  }

  @Test func anEditThatNobodyHasCommittedTravelsLikeACommitAndGoesBackTheSameWay() async throws {
    let repository = try await repository()
    let stage = try await JourneyStage.start(repository, ["SIGNALBOX_WATCH": "worktree"])
    let viewer = try await stage.viewer()
    #expect(stage.put("a", "made of duration.py", tags: "file:\(stage.project):src/duration.py") == 200)
    let paths = { (event: [String: Any]) in event["paths"] as? [String] ?? [] }
    try repository.write("src/duration.py", Self.retry)
    let edited = try #require(
      await viewer.first("vectors-updated") { paths($0) == ["src/duration.py"] })
    #expect(edited.object["mode"] as? String == "incremental")
    #expect(stage.value("a") == nil)
    #expect(try stage.search("try again with growing pauses").first?["path"] as? String == "src/duration.py")
    #expect(try await eventually { try stage.journey()?["trigger"] as? String == "worktree" })
    let project = try #require(
      ((try stage.status()["index"] as? [String: Any])?["projects"] as? [[String: Any]])?.first)
    #expect((project["dirty"] as? [String: Any])?["changed"] as? Int == 1, "\(project)")
    let plain = try await stage.fixture.run("status")
    #expect(plain.standardOutput.contains("dirty +1 -0"), "\(plain.standardOutput)")
    // A file that git does not know yet.
    try repository.write("src/fresh.py", "def brew_coffee(beans):\n    return beans\n")
    _ = try #require(await viewer.first("vectors-updated") { paths($0).contains("src/fresh.py") })
    #expect(try stage.search("brew coffee").first?["path"] as? String == "src/fresh.py")
    try await repository.git("stash", "--quiet", "--include-untracked")
    #expect(
      try await eventually {
        try stage.search("parse_duration").first?["path"] as? String == "src/duration.py"
          && !stage.search("brew coffee").contains { $0["path"] as? String == "src/fresh.py" }
      })
  }

  @Test func ofTwoNodesThatWatchOneRepositoryOneTells() async throws {
    let repository = try await repository()
    let redis = try await RedisProcess(.unixSocket)
    let stages = [
      try await JourneyStage.start(repository, ["REDIS_URL": redis.url]),
      try await JourneyStage.start(repository, ["REDIS_URL": redis.url]),
    ]
    for stage in stages {
      #expect(await eventually { stage.isJoined && stage.peers == 1 })
      // The first index was told of, too.
      #expect(try await eventually { try stage.journey()?["isComplete"] as? Bool == true })
    }
    let viewers = [try await stages[0].viewer(), try await stages[1].viewer()]
    for number in 0..<3 {
      try repository.write("src/duration.py", Self.parser + "# changed \(number)\n")
      let commit = try await repository.commit("change \(number)")
      for viewer in viewers {
        _ = try #require(await viewer.first("vectors-updated") { $0["commit"] as? String == commit })
      }
      // Both have been at it: whatever a node tells, it tells before its journey is over.
      for stage in stages { #expect(try await eventually { try stage.journey()?["commit"] as? String == commit }) }
    }
    // There and back again is news as well.
    for target in ["HEAD~1", "ORIG_HEAD"] {
      let before = viewers.map { $0.events("vectors-updated").count }
      try await repository.git("reset", "--quiet", "--hard", target)
      for (viewer, count) in zip(viewers, before) {
        #expect(await eventually { viewer.events("vectors-updated").count > count })
      }
      let head = try await repository.head()
      for stage in stages { #expect(try await eventually { try stage.journey()?["commit"] as? String == head }) }
    }
    // What is published now comes after all of it.
    for stage in stages {
      let route = "/v1/projects/\(stage.project)/events"
      let last = #"{"event":"last","data":{"node":\#(stage.fixture.port)}}"#
      #expect(stage.request(route, "POST", last)?.status == 200)
    }
    for viewer in viewers {
      for stage in stages {
        _ = try #require(await viewer.first("last") { $0["node"] as? Int == stage.fixture.port })
      }
      #expect(viewer.events("vectors-updated").count == 5)
      #expect(viewer.events("cache-invalidated").count == 5)
    }
  }
}
