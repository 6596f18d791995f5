import Base
import Foundation
import TestKit
import Testing

/// The engines together under load: outages, batches, writers that meet, and many operations at a time.
@Suite(.timeLimit(.minutes(5))) struct JourneyLoadTests {
  private static let source = "def open_the_gate(name):\n    \"\"\"Let somebody in.\"\"\"\n    return 'gate ' + name\n"

  private func repository() async throws -> TemporaryGitRepository {
    let repository = try await TemporaryGitRepository()
    try repository.write("gate.py", Self.source)
    try await repository.commit("one")
    return repository
  }

  private func nodes(_ redis: RedisProcess) async throws -> [JourneyStage] {
    let stages = [
      try await JourneyStage.start(nil, ["REDIS_URL": redis.url]),
      try await JourneyStage.start(nil, ["REDIS_URL": redis.url]),
    ]
    for stage in stages { #expect(await eventually { stage.isJoined }, "\(stage.node.standardError)") }
    return stages
  }

  @Test(.enabled(if: SandboxStage.isPossible, SandboxStage.impossible))
  func redisDiesAndComesBackUnderLoadWhileTheOthersGoOn() async throws {
    let redis = try await RedisProcess()
    let repository = try await repository()
    let stage = try await JourneyStage.start(repository, ["REDIS_URL": redis.url])
    #expect(await eventually { stage.isJoined }, "\(stage.node.standardError)")
    let viewer = try await stage.viewer()
    #expect(stage.put("a", "old", tags: "file:\(stage.project):gate.py") == 200)
    try await withThrowingTaskGroup(of: [Int: Int].self) { group in
      group.addTask { try await Self.load(stage.fixture.port, rounds: 40) }
      redis.kill()
      #expect(try await eventually { try stage.component("redis") == "degraded" })
      try repository.write("gate.py", Self.source + "def shut_the_gate():\n    return 'it is shut now'\n")
      let commit = try await repository.commit("two")
      _ = try #require(await viewer.first("vectors-updated") { $0["commit"] as? String == commit })
      #expect(stage.value("a") == nil, "an invalidation holds at once")
      let isFound = try await eventually {
        try stage.search("shut the gate").contains { ($0["snippet"] as? String)?.contains("shut_the_gate") == true }
      }
      #expect(isFound)
      let run = try await stage.run("print('still here')")
      #expect(run["stdout"] as? String == "still here\n", "\(run)")
      #expect(await viewer.ask("publish", #"{"room":"project:\#(stage.project)","event":"e","data":1}"#))
      #expect(await eventually { viewer.events("e").count == 1 })
      try await redis.start()
      #expect(await eventually { stage.isJoined }, "\(stage.node.standardError)")
      for try await statuses in group {
        // 202: written here only; 404: nobody has it now.
        #expect(statuses.keys.allSatisfy { [200, 202, 404].contains($0) }, "\(statuses)")
      }
    }
    #expect(stage.node.exitStatus == nil, "the node ended: \(stage.node.standardError)")
    #expect(stage.value("a") == nil, "nothing old comes back with Redis")
    #expect(stage.put("b", "new") == 200 && stage.value("b") == "new")
  }

  /// Reads, writes, searches and events, a hundred at a time.
  private static func load(_ port: Int, rounds: Int) async throws -> [Int: Int] {
    var counts: [Int: Int] = [:]
    for round in 0..<rounds {
      for (status, count) in try await JourneyStage.all(wishes(100, "r\(round)"), port: port) {
        counts[status, default: 0] += count
      }
    }
    return counts
  }

  private static func wishes(_ count: Int, _ mark: String, project: String = "shared") -> [JourneyStage.Wish] {
    (0..<count).map { number in
      switch number % 4 {
      case 0: .init(path: "/v1/cache/load/\(mark)-\(number / 4)", method: "PUT", body: "\"\(number)\"")
      case 1: .init(path: "/v1/cache/load/\(mark)-\(number / 4)")
      case 2: .init(path: "/v1/index/search?q=open%20the%20gate")
      default:
        .init(path: "/v1/projects/\(project)/events", method: "POST", body: #"{"event":"tick","data":\#(number)}"#)
      }
    }
  }

  @Test func aBatchCostsFewerRoundTripsThanSingleOperations() async throws {
    let redis = try await RedisProcess()
    let stages = try await nodes(redis)
    let names = (0..<100).map { "k\($0)" }
    func turns() async throws -> Int { try await Self.redisReads(redis) }
    let began = try await turns()
    // A machine under load may lose the link for a moment: 202, and once more.
    for name in names { #expect(await eventually { stages[0].put("s\(name)", "1") == 200 }) }
    let written = try await turns()
    let entries = names.map { #"{"key":"\#($0)","valueBase64":"MQ=="}"# }.joined(separator: ",")
    #expect(
      stages[0].request("/v1/cache/shared/batch/set", "POST", #"{"entries":[\#(entries)]}"#)?.status == 200)
    let writtenAtOnce = try await turns()
    // The other node has none of them in its first level.
    for name in names { #expect(await eventually { stages[1].value("s\(name)") == "1" }) }
    let read = try await turns()
    let keys = names.map { "\"\($0)\"" }.joined(separator: ",")
    let answer = stages[1].request("/v1/cache/shared/batch/get", "POST", #"{"keys":[\#(keys)]}"#)
    #expect(try (NodeFixture.object(answer?.body ?? "{}")["entries"] as? [Any])?.count == 100)
    let readAtOnce = try await turns()
    let (singles, batches) = ((written - began, read - writtenAtOnce), (writtenAtOnce - written, readAtOnce - read))
    #expect(singles.0 >= 100 && batches.0 * 4 < singles.0, "writes: \(batches.0) for \(singles.0)")
    #expect(singles.1 >= 100 && batches.1 * 4 < singles.1, "reads: \(batches.1) for \(singles.1)")
  }

  /// How often Redis has read from a socket, by its own count.
  private static func redisReads(_ redis: RedisProcess) async throws -> Int {
    let outcome = try await ProgramProcess.run("redis-cli", ["-p", "\(redis.port)", "info", "stats"])
    let line = outcome.standardOutput.split(whereSeparator: \.isNewline).first {
      $0.hasPrefix("total_reads_processed:")
    }
    return try #require(line.flatMap { Int($0.split(separator: ":")[1]) })
  }

  @Test func writersOfOneKeyNeverTearAValueOrLoseTheLastWrite() async throws {
    let redis = try await RedisProcess()
    let stages = try await nodes(redis)
    let letters = Array("abcdefghijklmnopqrst")
    let sizes = 20_000
    for round in 0..<3 {
      let writes = letters.map { letter in
        JourneyStage.Wish(
          path: "/v1/cache/shared/contended", method: "PUT", body: String(repeating: letter, count: sizes))
      }
      try await withThrowingTaskGroup(of: [Int: Int].self) { group in
        for stage in stages {
          let port = stage.fixture.port
          group.addTask { try await JourneyStage.all(writes, port: port) }
        }
        // Whatever is read meanwhile is one of the values, whole.
        for _ in 0..<40 {
          for stage in stages {
            guard let value = stage.value("contended") else { continue }
            let isWhole = value.utf8.count == sizes && Set(value.utf8).count == 1
            #expect(isWhole || value.hasPrefix("last "), "a torn value of \(value.utf8.count) bytes")
          }
        }
        for try await statuses in group {
          #expect(
            statuses.values.reduce(0, +) == letters.count && statuses.keys.allSatisfy { [200, 202].contains($0) })
        }
      }
      #expect(await eventually { stages[round % 2].put("contended", "last \(round)") == 200 })
      for stage in stages { #expect(await eventually { stage.value("contended") == "last \(round)" }) }
    }
  }

  @Test(arguments: [100, 1_000]) func manyMixedOperationsAtATimeAllSucceed(count: Int) async throws {
    let repository = try await repository()
    let stage = try await JourneyStage.start(repository)
    let viewer = try await stage.viewer()
    // What is read is there.
    let written = Self.wishes(count, "m").filter { $0.method == "PUT" }
    #expect(try await JourneyStage.all(written, port: stage.fixture.port) == [200: count / 4])
    let statuses = try await JourneyStage.all(
      Self.wishes(count, "m", project: stage.project), port: stage.fixture.port)
    #expect(
      statuses.values.reduce(0, +) == count && statuses.keys.allSatisfy { [200, 202].contains($0) }, "\(statuses)")
    #expect(await eventually { viewer.events("tick").count == count / 4 })
    #expect(Set(viewer.events("tick").compactMap { $0.data as? Int }).count == count / 4)
  }
}
