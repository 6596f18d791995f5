import Base
import Foundation
import Glibc
import TestKit
import Testing

/// The cache as its users meet it: real nodes over HTTP and the command line, and a real Redis between them.
@Suite(.timeLimit(.minutes(5))) struct CacheHTTPTests {
  /// One node of a test, over HTTP.
  private struct Client {
    let fixture: NodeFixture

    func put(_ path: String, _ body: String, type: String = "text/plain") -> Int? {
      HTTPProbe.request(
        "/v1/cache/\(path)", method: "PUT", port: fixture.port, headers: ["Content-Type": type], body: body)?.status
    }

    func get(_ path: String) -> HTTPProbe.Response? {
      HTTPProbe.request("/v1/cache/\(path)", port: fixture.port)
    }

    func value(_ path: String) -> String? {
      guard let answer = get(path), answer.status == 200 else { return nil }
      return answer.body
    }

    func post(_ path: String, _ body: String) -> HTTPProbe.Response? {
      HTTPProbe.request(
        "/v1/cache/\(path)", method: "POST", port: fixture.port, headers: ["Content-Type": "application/json"],
        body: body)
    }

    func redisState() -> String? {
      guard let body = get("stats")?.body, let object = try? NodeFixture.object(body) else { return nil }
      return (object["redis"] as? [String: Any])?["state"] as? String
    }

    func health() throws -> [String: Any] {
      try NodeFixture.object(HTTPProbe.request("/health", port: fixture.port)?.body ?? "{}")
    }
  }

  private func nodes(_ redis: RedisProcess) async throws -> (Client, Client, [ProgramProcess]) {
    var clients: [Client] = []
    var processes: [ProgramProcess] = []
    for _ in 0..<2 {
      let fixture = try NodeFixture(["REDIS_URL": redis.url, "SIGNALBOX_NAMESPACE": "test"])
      processes.append(try await fixture.start())
      let client = Client(fixture: fixture)
      #expect(await eventually { client.redisState() == "connected" }, "\(processes.last?.standardError ?? "")")
      clients.append(client)
    }
    return (clients[0], clients[1], processes)
  }

  @Test func oneAgentCachesASecondReadsAThirdInvalidatesAndAllSeeIt() async throws {
    let redis = try await RedisProcess(.unixSocket)
    let (first, second, processes) = try await nodes(redis)
    defer { for process in processes { process.kill() } }
    #expect(first.put("plans/task%3A123%3Aplan?tags=task-123&ttl=600", "plan", type: "text/markdown") == 200)
    #expect(first.put("plans/task%3A123%3Asteps?dependsOn=task%3A123%3Aplan", "steps") == 200)
    // A Redis that takes longer than 50 ms on a busy machine counts as away, and this node's first level answers alone.
    let isRead = await eventually { second.get("plans/task%3A123%3Aplan")?.body == "plan" }
    #expect(isRead)
    #expect(second.get("plans/task%3A123%3Aplan")?.headers["content-type"] == "text/markdown")
    let isOtherRead = await eventually { second.value("plans/task%3A123%3Asteps") == "steps" }
    #expect(isOtherRead)

    let isPreviewed = await eventually {
      let preview = second.post("plans/invalidate", #"{"pattern":"task:*","dryRun":true}"#)?.body ?? ""
      return (try? NodeFixture.object(preview))?["keys"] as? [String] == ["task:123:plan", "task:123:steps"]
    }
    #expect(isPreviewed)
    #expect(first.value("plans/task%3A123%3Aplan") == "plan", "a dry run changes nothing")

    let third = try await second.fixture.run(
      "cache", "invalidate", "--namespace", "plans", "--key", "task:123:plan", "--json")
    #expect(third.status == .exited(0), "\(third.standardError)")
    for client in [first, second] {
      for key in ["plan", "steps"] {
        #expect(await eventually { client.get("plans/task%3A123%3A\(key)")?.status == 404 }, "\(key)")
      }
    }
  }

  @Test func aNodeGoesOnWithoutRedisAndCatchesUpBeforeItReadsAgain() async throws {
    let redis = try await RedisProcess(.port)
    let (first, second, processes) = try await nodes(redis)
    defer { for process in processes { process.kill() } }
    #expect(first.put("default/kept", "old") == 200)
    #expect(await eventually { second.value("default/kept") == "old" })
    redis.kill()
    #expect(await eventually { first.redisState() == "away" && second.redisState() == "away" })
    #expect(await eventually { (try? first.health()["status"] as? String) == "degraded" })
    #expect(HTTPProbe.request("/health/ready", port: first.fixture.port)?.status == 200, "degraded is not down")
    #expect(first.get("default/other")?.status == 404)
    #expect(first.put("default/local", "here") == 202)
    #expect(first.value("default/local") == "here")
    let answer = try #require(first.post("default/invalidate", #"{"key":"kept"}"#))
    #expect(answer.status == 200)
    #expect(try NodeFixture.object(answer.body)["durability"] as? String == "journalled")
    #expect(first.get("default/kept")?.status == 404)

    try await redis.start()
    #expect(await eventually { first.redisState() == "connected" && second.redisState() == "connected" })
    #expect(await eventually { (try? first.health()["status"] as? String) == "ok" })
    #expect(second.get("default/kept")?.status == 404)
    #expect(first.put("default/kept", "new") == 200)
    #expect(await eventually { second.value("default/kept") == "new" })
  }

  @Test func withoutRedisValuesSurviveACleanRestart() async throws {
    let fixture = try NodeFixture()
    let client = Client(fixture: fixture)
    let first = try await fixture.start()
    #expect(client.put("default/a%2Fb%20%2A?tags=one", "value", type: "application/x-thing") == 200)
    #expect(client.put("default/gone?tags=two", "value") == 200)
    #expect(client.post("default/invalidate", #"{"tags":["two"]}"#)?.status == 200)
    first.signal(SIGTERM)
    _ = try await first.outcome()
    let offline = try await fixture.run("cache", "get", "a/b *")
    #expect(offline.standardOutput == "value", "the command finds it without a node: \(offline.standardError)")
    let second = try await fixture.start()
    defer { second.kill() }
    let read = try #require(client.get("default/a%2Fb%20%2A"))
    #expect(read.status == 200 && read.body == "value")
    #expect(read.headers["content-type"] == "application/x-thing")
    #expect(client.get("default/gone")?.status == 404)
  }

  @Test func commandsReadAndWriteWithAndWithoutANode() async throws {
    let fixture = try NodeFixture()
    #expect(try await fixture.run("cache", "set", "k", "offline").status == .exited(0))
    let node = try await fixture.start()
    defer { node.kill() }
    #expect(try await fixture.run("cache", "get", "k").standardOutput == "offline")
    let set = try await fixture.run("cache", "set", "k", "with\u{1B}[2J", "--ttl", "5m", "--tags", "x,y", "--json")
    #expect(try NodeFixture.object(set.standardOutput)["reach"] as? String == "stored")
    #expect(try await fixture.run("cache", "get", "k").standardOutput == "with\u{1B}[2J", "a pipe gets the bytes")
    let json = try await fixture.json("cache", "get", "k", "--json")
    #expect(json["valueBase64"] as? String == Data("with\u{1B}[2J".utf8).base64EncodedString())
    let deleted = try await fixture.run("cache", "delete", "k")
    #expect(deleted.standardOutput.hasPrefix("invalidated 1 key"), "\(deleted.standardOutput)")
    let missing = try await fixture.run("cache", "get", "k")
    #expect(missing.status == .exited(1) && missing.standardOutput.isEmpty)
    let stats = try await fixture.json("cache", "stats", "--json")
    #expect(stats["sets"] as? Int == 1)
    let status = try await fixture.json("status", "--json")
    let cache = try #require(status["cache"] as? [String: Any])
    for name in [
      "l1", "hits", "misses", "hitRate", "l1HitRate", "l2HitRate", "sets", "evictions", "expirations",
      "invalidations", "redis", "namespaces",
    ] { #expect(cache[name] != nil, "\(name)") }
  }

  @Test func valuesAreAuditedWithOneLineAndInvalidationsWithTwo() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    let client = Client(fixture: fixture)
    #expect(client.put("default/k", "v") == 200)
    #expect(client.value("default/k") == "v")
    #expect(client.post("default/invalidate", #"{"pattern":"k*"}"#)?.status == 200)
    let audit = try await fixture.run("audit", "--json")
    let document = try JSONSerialization.jsonObject(with: Data(audit.standardOutput.utf8))
    let lines = try #require(document as? [[String: Any]])
    #expect(lines.map { $0["action"] as? String } == ["cache.set", "cache.invalidate", "cache.invalidate"])
    #expect(lines.last?["target"] as? String == "default pattern k*")
    let page = try PrometheusText(try #require(HTTPProbe.request("/metrics", port: fixture.port)).body)
    #expect(page.value("signalbox_cache_hit_ratio", ["level": "all"]) == 1)
  }

  @Test func anEngineThatIsNotRunSaysSo() async throws {
    let fixture = try NodeFixture(["SIGNALBOX_ENGINES": "gateway"])
    let node = try await fixture.start()
    defer { node.kill() }
    let refused = try await fixture.run("cache", "get", "k")
    #expect(refused.status == .exited(69))
    #expect(refused.standardError.contains("does not run the cache"))
    #expect(refused.standardError.split(separator: "\n").count == 1)
  }

  @Test func aRedisThatIsNotThereIsSixtyNineForACommandAlone() async throws {
    let fixture = try NodeFixture(["REDIS_URL": "unix:///nonexistent/redis.sock"])
    let outcome = try await fixture.run("cache", "get", "k")
    #expect(outcome.status == .exited(69), "\(outcome.standardError)")
    #expect(outcome.standardError.contains("Redis"))
  }

  @Test func badInputOfEveryRouteIsOneClearProblem() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    let client = Client(fixture: fixture)
    let long = String(repeating: "k", count: 513)
    for path in [
      "default/", "default/\(long)", "default/a%0D%0Ab", "default/a%00b", "default/a%FFb", "default/%C2%85",
      "Default/k", "-x/k", "default/k?ttl=-1", "default/k?ttl=0", "default/k?ttl=x", "default/k?ttl=99999999999",
      "default/k?tll=1", "default/k?ttl=1&ttl=2", "default/k?tags=a,,b", "default/k?dependsOn=%0A",
    ] { #expect(client.put(path, "v") == 400, "\(path)") }
    #expect(client.put("sb-vectors/k", "v") == 403)
    #expect(client.put("default/k", String(repeating: "x", count: (16 << 20) + 1)) == 413)
    for body in [
      "{}", "[]", "{", #"{"pattern":"*","key":"k"}"#, #"{"pattern":"*","dryrun":true}"#, #"{"pattern":""}"#,
      #"{"pattern":"[a"}"#, #"{"tags":[]}"#, #"{"event":"rain"}"#, #"{"key":"k","project":"p"}"#, #"{"key":1}"#,
      #"{"event":"git-commit","paths":["x"]}"#,
    ] { #expect(client.post("default/invalidate", body)?.status == 400, "\(body)") }
    #expect(client.post("sb-vectors/invalidate", #"{"pattern":"*"}"#)?.status == 403)
    let many = (0...1_000).map { "\"\($0)\"" }.joined(separator: ",")
    #expect(client.post("default/batch/get", "{\"keys\":[\(many)]}")?.status == 413)
    #expect(client.post("default/batch/set", #"{"entries":[{"key":"k","valueBase64":"?"}]}"#)?.status == 400)
    #expect(client.put("default/%2A%5B", "glob") == 200)
    #expect(client.put("default/plain", "kept") == 200)
    #expect(client.post("default/invalidate", #"{"key":"*["}"#)?.status == 200)
    #expect(client.value("default/plain") == "kept", "glob characters in a key mean themselves")
  }

  @Test func batchesCarryTypesAndNameWhatIsMissing() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    let client = Client(fixture: fixture)
    let first = #"{"key":"a","valueBase64":"aGk=","contentType":"text/x","ttlSeconds":9}"#
    let set = client.post("default/batch/set", #"{"entries":[\#(first),{"key":"b","valueBase64":""}]}"#)
    #expect(set?.status == 200)
    let got = try NodeFixture.object(client.post("default/batch/get", #"{"keys":["b","c","a"]}"#)?.body ?? "")
    let entries = try #require(got["entries"] as? [[String: Any]])
    #expect(entries.map { $0["key"] as? String } == ["b", "a"])
    #expect(entries.map { $0["valueBase64"] as? String } == ["", "aGk="])
    #expect(entries.last?["contentType"] as? String == "text/x")
    #expect(got["missing"] as? [String] == ["c"])
  }

  @Test func theScriptOfTheReadmeDoesWhatItSays() async throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    let block = try #require(readme.components(separatedBy: "```sh\n").last?.components(separatedBy: "```").first)
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    let script = "set -e\n" + block.replacingOccurrences(of: ":8000/", with: ":\(fixture.port)/")
    let outcome = try await ProgramProcess.run("/bin/bash", ["-c", script], .init(environment: fixture.environment))
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
    #expect(outcome.standardOutput.contains("# Fix the parser1. a test"))
    #expect(outcome.standardOutput.contains(#""keys":["task:123:plan","task:123:steps"]"#))
    #expect(outcome.standardOutput.hasSuffix("404\n"))
  }
}
