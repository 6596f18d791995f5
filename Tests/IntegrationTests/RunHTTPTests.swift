import Base
import Foundation
import Glibc
import TestKit
import Testing

/// Programs over HTTP: results, streams, files, and clients that leave.
@Suite(.enabled(if: SandboxStage.isPossible, SandboxStage.impossible), .timeLimit(.minutes(5)))
struct RunHTTPTests {
  private static let runs = "/v1/sandbox/runs"

  private static func body(_ code: String, _ more: [String: Any] = [:]) throws -> String {
    let document = ["language": "python", "code": code].merging(more) { _, new in new }
    return String(decoding: try JSONSerialization.data(withJSONObject: document), as: UTF8.self)
  }

  @Test func aProgramRunsAndItsFilesAreFetched() async throws {
    let stage = try SandboxStage()
    let node = try await stage.fixture.start()
    defer { node.kill() }
    let code = """
      import sys
      print(open('given.txt').read(), sys.stdin.read(), sys.argv[1])
      open('made it.txt', 'w').write('content')
      """
    let more: [String: Any] = [
      "files": [["path": "given.txt", "contentBase64": "aGk="]], "stdin": "in", "args": ["arg"],
      "timeoutMilliseconds": 20_000, "memoryBytes": 256 << 20, "profile": "standard", "project": "demo",
    ]
    let answer = try await stage.http(Self.runs, method: "POST", body: try Self.body(code, more))
    #expect(answer.status == 200, "\(answer.body)")
    let result = try NodeFixture.object(answer.body)
    #expect(result["stdout"] as? String == "hi in arg\n", "\(answer.body)")
    #expect(result["exitCode"] as? Int == 0)
    let limits = try #require(result["limits"] as? [String: Any])
    #expect(limits["memoryBytes"] as? Int == 256 << 20 && limits["timeoutMilliseconds"] as? Int == 20_000)
    for layer in ["network", "rootfs", "user", "capabilities", "noNewPrivileges", "seccomp"] {
      let check = (result["verified"] as? [String: Any])?[layer] as? [String: Any]
      #expect(check?["ok"] as? Bool == true, "\(layer)")
    }
    let id = try #require(result["id"] as? String)
    let file = try await stage.http("\(Self.runs)/\(id)/files/made%20it.txt")
    #expect(file.status == 200 && file.body == "content")
    #expect(try await stage.http("\(Self.runs)/\(id)/files/given.txt").status == 404, "it was not changed")
    #expect(try await stage.http("\(Self.runs)/\(id)/files/%2E%2E/run.json").status == 404)
    let detail = try NodeFixture.object(try await stage.http("\(Self.runs)/\(id)").body)
    #expect(detail["code"] as? String == code)
    let list = try await stage.http("\(Self.runs)?q=import&outcome=succeeded&limit=5")
    #expect(list.body.contains(id))
    #expect(try await stage.http("\(Self.runs)?outcome=failed").body == "[]")
  }

  @Test func imagesArePulledWhereThereAreAny() async throws {
    let stage = try SandboxStage()
    let node = try await stage.fixture.start()
    defer { node.kill() }
    let answer = try await stage.http("/v1/sandbox/images", method: "POST", body: "{}")
    #expect(answer.status == 503 && answer.body.contains("needs no images"), "\(answer.body)")
    let verb = try await stage.fixture.run("runs", "pull")
    #expect(verb.status == .exited(1) || verb.status == .exited(69), "\(verb.status)")
    #expect(verb.standardError.contains("SANDBOX_BACKEND=docker"), "\(verb.standardError)")
  }

  @Test func outputIsStreamedAsItComes() async throws {
    let stage = try SandboxStage()
    let node = try await stage.fixture.start()
    defer { node.kill() }
    let code = "import sys, time\nprint('first', flush=True)\ntime.sleep(0.3)\nprint('zweite €', file=sys.stderr)"
    let answer = try await stage.http(
      Self.runs, method: "POST", body: try Self.body(code), headers: ["Accept: text/event-stream"])
    #expect(answer.status == 200)
    let events = answer.body.split(separator: "\n").filter { $0.hasPrefix("event: ") }.map { $0.dropFirst(7) }
    #expect(events.first == "queued" && events.last == "result", "\(answer.body)")
    #expect(events.contains("running") && events.contains("stdout") && events.contains("stderr"))
    #expect(answer.body.contains(#"data: {"text":"zweite €"#), "\(answer.body)")
    let refused = try await stage.http(
      Self.runs, method: "POST", body: #"{"language":"ruby","code":""}"#, headers: ["Accept: text/event-stream"])
    #expect(refused.body.contains("event: error") && refused.body.contains("there is no language"))
    #expect(
      try await stage.http(Self.runs, method: "POST", body: "{", headers: ["Accept: text/event-stream"]).status == 400)
  }

  @Test(arguments: [[], ["Accept: text/event-stream"]])
  func aClientThatLeavesEndsItsRun(headers: [String]) async throws {
    let stage = try SandboxStage()
    let node = try await stage.fixture.start()
    defer { node.kill() }
    _ = try await stage.http(
      Self.runs, method: "POST", body: try Self.body("import time\ntime.sleep(100)"), headers: headers, seconds: 2)
    #expect(
      await eventually {
        let runs = try? await stage.runs()
        return runs?.first?["outcome"] as? String == "killed"
      }, "\(node.standardError)")
  }

  /// The whole request never comes: the node reads what there is, and goes on when the client has left.
  @Test(arguments: ["application/json", "application/json\r\nAccept: text/event-stream"])
  func aClientThatLeavesInTheMiddleOfItsRequestHarmsNobody(type: String) async throws {
    let stage = try SandboxStage()
    let node = try await stage.fixture.start()
    defer { node.kill() }
    let head = "POST \(Self.runs) HTTP/1.1\r\nHost: 127.0.0.1:\(stage.fixture.port)\r\nContent-Type: \(type)\r\n"
    for body in [
      "Content-Length: 1000\r\n\r\n{\"code\":", "Content-Length: 10\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    ] {
      _ = HTTPProbe.exchange(head + body, port: stage.fixture.port)
    }
    #expect(node.isRunning, "\(node.standardError)")
    let answer = try await stage.http(Self.runs, method: "POST", body: try Self.body("print(1)"))
    #expect(answer.status == 200)
  }

  @Test func deletingARunKillsIt() async throws {
    let stage = try SandboxStage()
    let node = try await stage.fixture.start()
    defer { node.kill() }
    async let answer = stage.http(Self.runs, method: "POST", body: try Self.body("import time\ntime.sleep(100)"))
    let id = Collected<String>()
    #expect(
      await eventually {
        let runs = try? await stage.runs()
        guard let run = runs?.first, run["state"] as? String == "running" else { return false }
        id.append(run["id"] as? String ?? "")
        return true
      })
    let killed = try await stage.http("\(Self.runs)/\(try #require(id.values.first))", method: "DELETE")
    #expect(try NodeFixture.object(killed.body)["killed"] as? Bool == true)
    #expect(try NodeFixture.object(try await answer.body)["killed"] as? Bool == true)
  }

  @Test func badInputOfEveryRouteIsOneClearProblem() async throws {
    let stage = try SandboxStage()
    let node = try await stage.fixture.start()
    defer { node.kill() }
    for body in [
      "{}", "[]", #"{"language":"python"}"#, #"{"language":"python","code":1}"#,
      #"{"language":"python","code":"","profile":"x"}"#, #"{"language":"python","code":"","timeoutMilliseconds":1}"#,
      #"{"language":"python","code":"","timeoutMilliseconds":300001}"#,
      #"{"language":"python","code":"","memoryBytes":1}"#,
      #"{"language":"python","code":"","files":[{"path":"../x","contentBase64":""}]}"#,
      #"{"language":"python","code":"","files":[{"path":"x","contentBase64":"?"}]}"#,
      #"{"language":"python","code":"","project":"A B"}"#, #"{"language":"python","code":"","bogus":1}"#,
      #"{"language":"ruby","code":""}"#, #"{"language":"python","code":"a\u0000b"}"#,
    ] {
      let answer = try await stage.http(Self.runs, method: "POST", body: body)
      #expect(answer.status == 400, "\(body): \(answer)")
    }
    for path in ["?limit=0", "?limit=1001", "?outcome=x", "?bogus=1", "/..%2F..", "/short"] {
      #expect(try await stage.http(Self.runs + path).status == 400, "\(path)")
    }
    #expect(try await stage.http("\(Self.runs)/0123456789abcdef").status == 404)
    #expect(try await stage.http("\(Self.runs)/0123456789abcdef", method: "DELETE").status == 404)
    #expect(try await stage.http("\(Self.runs)/0123456789abcdef/files/x").status == 404)
  }

  @Test func whatIsCountedIsInStatusAndMetrics() async throws {
    let stage = try SandboxStage()
    let node = try await stage.fixture.start()
    defer { node.kill() }
    for _ in 0..<2 { _ = try await stage.http(Self.runs, method: "POST", body: try Self.body("print(1)")) }
    _ = try await stage.http(Self.runs, method: "POST", body: try Self.body("raise SystemExit(1)"))
    _ = try await stage.http(Self.runs, method: "POST", body: try Self.body("import socket"))
    let status = try await stage.fixture.json("status", "--json")
    let sandbox = try #require(status["sandbox"] as? [String: Any])
    #expect(sandbox["backend"] as? String == "bubblewrap")
    #expect(sandbox["total"] as? Int == 4 && sandbox["succeeded"] as? Int == 2 && sandbox["failed"] as? Int == 1)
    #expect(sandbox["blocked"] as? Int == 1 && sandbox["cached"] as? Int == 1 && sandbox["running"] as? Int == 0)
    #expect(sandbox["successRate"] as? Double == 0.5)
    let page = try PrometheusText(try #require(HTTPProbe.request("/metrics", port: stage.fixture.port)).body)
    #expect(page.value("signalbox_sandbox_runs_total", ["outcome": "succeeded"]) == 2)
    #expect(page.value("signalbox_sandbox_runs_total", ["outcome": "blocked"]) == 1)
    #expect(page.value("signalbox_sandbox_runs_cached_total", [:]) == 1)
    #expect(page.value("signalbox_sandbox_backend", ["backend": "bubblewrap"]) == 1)
  }
}
