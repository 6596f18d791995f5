import Base
import Foundation
import Glibc
import TestKit
import Testing

/// The index as its users meet it: a real node, a real repository, the command line and HTTP.
@Suite(.timeLimit(.minutes(5))) struct IndexTests {
  private static let parser = """
    def parse_duration(text):
        \"\"\"Turn a text such as 5m or 2h into seconds.\"\"\"
        number, unit = text[:-1], text[-1]
        return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]
    """
  private static let retry = """
    def retry_with_backoff(call, attempts):
        \"\"\"Try again with growing pauses until it works.\"\"\"
        for attempt in range(attempts):
            try:
                return call()
            except OSError:
                wait(2 ** attempt)
    """

  private func search(_ words: String, on fixture: NodeFixture) throws -> [[String: Any]] {
    let query = try #require(words.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
    let answer = try #require(HTTPProbe.request("/v1/index/search?q=\(query)", port: fixture.port))
    #expect(answer.status == 200, "\(answer.body)")
    let hits = try JSONSerialization.jsonObject(with: Data(answer.body.utf8))
    return try #require(hits as? [[String: Any]])
  }

  private func post(_ path: String, _ body: String, on fixture: NodeFixture) -> HTTPProbe.Response? {
    HTTPProbe.request(
      path, method: "POST", port: fixture.port, headers: ["Content-Type": "application/json"], body: body)
  }

  @Test func aCommitIsFoundAfterAReindexAndWhatItDeletedIsNot() async throws {
    let repository = try await TemporaryGitRepository()
    try repository.write("src/duration.py", Self.parser)
    try repository.write("src/other.py", "def unrelated():\n    return 'nothing of interest here'\n")
    let first = try await repository.commit("one")
    let fixture = try NodeFixture(["SIGNALBOX_WATCH": "off"])
    let node = try await fixture.start(["--no-tui", repository.path])
    defer { node.kill() }
    // A project without an index is indexed without being asked.
    #expect(await eventually { (try? search("seconds from a text like 5m", on: fixture).isEmpty) == false })
    let id = try await fixture.json("status", "--json")["index"] as? [String: Any]
    let project = try #require((id?["projects"] as? [[String: Any]])?.first)
    #expect(project["commit"] as? String == first && project["ref"] as? String == "main")
    let name = try #require(project["id"] as? String)

    try repository.write("src/retry.py", Self.retry)
    try await repository.delete("src/duration.py")
    let second = try await repository.commit("two")
    let report = try await fixture.json("reindex", name, "--json")
    #expect(report["commit"] as? String == second && report["mode"] as? String == "incremental")
    #expect(report["filesIndexed"] as? Int == 1 && report["filesUnchanged"] as? Int == 1)
    let found = try search("try again with growing pauses", on: fixture)
    #expect(found.first?["path"] as? String == "src/retry.py")
    #expect(found.first?["symbol"] as? String == "retry_with_backoff")
    #expect(try search("parse_duration", on: fixture).allSatisfy { $0["path"] as? String != "src/duration.py" })

    let again = try #require(HTTPProbe.request("/v1/index/\(name)/reindex", method: "POST", port: fixture.port))
    #expect(again.status == 200)
    #expect(try NodeFixture.object(again.body)["mode"] as? String == "unchanged")
    let metrics = HTTPProbe.request("/metrics", port: fixture.port)?.body ?? ""
    #expect(metrics.contains("signalbox_index_files 2"))
  }

  @Test func aNodeThatStartsAgainAnswersFromWhatIsStored() async throws {
    let repository = try await TemporaryGitRepository()
    try repository.write("retry.py", Self.retry)
    try await repository.commit("one")
    // A node that looks would find out that they cannot be read.
    let fixture = try NodeFixture(["SIGNALBOX_WATCH": "off"])
    // Without a node the command does it alone, and makes the folder a project.
    let alone = try await fixture.run("reindex", repository.path)
    #expect(alone.status == .exited(0), "\(alone.standardError)")
    #expect(alone.standardOutput.contains("1 files indexed"), "\(alone.standardOutput)")
    let offline = try await fixture.run("search", "growing pauses", "--json")
    #expect(offline.standardOutput.contains("retry_with_backoff"), "\(offline.standardError)")
    // The sources cannot be read any more, the index can.
    let objects = repository.folder.file(".git/objects")
    #expect(rename(objects, objects + ".away") == 0 && mkdir(objects, 0o700) == 0)
    let node = try await fixture.start()
    defer { node.kill() }
    let hits = try search("growing pauses", on: fixture)
    #expect(hits.first?["symbol"] as? String == "retry_with_backoff")
    let list = try await fixture.run("projects", "list")
    #expect(list.standardOutput.contains("ready"), "\(list.standardOutput)")
  }

  @Test func callersOfTheAPIAddFoldersBelowTheRootsOnly() async throws {
    let fixture = try NodeFixture(["SIGNALBOX_ROOTS": "~/open"])
    try fixture.folder.write("open/one/a.py", "def alpha():\n    return 'the first letter of them'\n")
    try fixture.folder.write("closed/b.py", "def beta():\n    return 'the second letter of them'\n")
    let node = try await fixture.start()
    defer { node.kill() }
    #expect(symlink(fixture.folder.file("closed"), fixture.folder.file("open/door")) == 0)
    let inside = post("/v1/index/projects", #"{"path":"\#(fixture.folder.file("open/one"))"}"#, on: fixture)
    #expect(inside?.status == 201, "\(inside?.body ?? "")")
    for path in ["closed", "open/door", "open/../closed", "open/missing"] {
      let outside = post("/v1/index/projects", #"{"path":"\#(fixture.folder.file(path))"}"#, on: fixture)
      #expect(outside?.status == 403 && outside?.body.contains("SIGNALBOX_ROOTS") == true, "\(path)")
    }
    #expect(await eventually { (try? search("alpha", on: fixture).count) == 1 })
    let removed = HTTPProbe.request("/v1/index/projects?id=one", method: "DELETE", port: fixture.port)
    #expect(removed?.status == 200)
    #expect(try search("alpha", on: fixture).isEmpty)
    #expect(!FileManager.default.fileExists(atPath: fixture.state + "/index/projects/one.manifest"))
  }

  @Test func embeddingsComeInBothFormsOfOpenAI() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    let floats = try #require(
      post("/v1/embeddings", #"{"input":["open a file","read"],"model":"text-embedding-3-small"}"#, on: fixture))
    let answer = try NodeFixture.object(floats.body)
    let data = try #require(answer["data"] as? [[String: Any]])
    let vector = try #require(data.first?["embedding"] as? [Double])
    #expect(answer["object"] as? String == "list" && data.count == 2 && vector.count == 256)
    #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-3)
    let coded = try #require(
      post("/v1/embeddings", #"{"input":"open a file","encoding_format":"base64"}"#, on: fixture))
    let list = try NodeFixture.object(coded.body)["data"] as? [[String: Any]]
    let text = try #require(list?.first?["embedding"] as? String)
    let bytes = try #require(Data(base64Encoded: text))
    #expect(bytes.count == 1_024)
    let first = bytes.prefix(4).enumerated().reduce(UInt32(0)) { $0 | UInt32($1.element) << (8 * $1.offset) }
    #expect(abs(Double(Float(bitPattern: first)) - vector[0]) < 1e-6)
  }

  @Test func badInputOfEveryRouteIsOneClearProblem() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    let targets: [(String, String, Int)] = [
      ("GET", "/v1/index/search", 400), ("GET", "/v1/index/search?q=x&limit=0", 400),
      ("GET", "/v1/index/search?q=x&limit=201", 400), ("GET", "/v1/index/search?q=x&language=klingon", 400),
      ("GET", "/v1/index/search?q=x&project=No!", 400), ("GET", "/v1/index/search?q=x&project=none", 404),
      ("GET", "/v1/index/search?q=x&colour=red", 400), ("POST", "/v1/index/none/reindex", 404),
      ("DELETE", "/v1/index/none/reindex", 404), ("DELETE", "/v1/index/projects", 400),
      ("DELETE", "/v1/index/projects?id=none", 404), ("PUT", "/v1/index/search", 405),
    ]
    for (method, target, status) in targets {
      let answer = HTTPProbe.request(target, method: method, port: fixture.port)
      #expect(answer?.status == status, "\(method) \(target): \(answer?.body ?? "")")
    }
    for body in [
      "{}", #"{"input":[]}"#, #"{"input":[1,2]}"#, #"{"input":"x","encoding_format":"hex"}"#,
      #"{"input":"x","dimensions":512}"#, #"{"input":"x","colour":"red"}"#, "nonsense",
    ] {
      #expect(post("/v1/embeddings", body, on: fixture)?.status == 400, "\(body)")
    }
    for body in ["{}", #"{"path":"relative"}"#, #"{"path":"/","id":"No!"}"#] {
      #expect(post("/v1/index/projects", body, on: fixture)?.status == 400, "\(body)")
    }
  }

  private struct Wrong: Sendable {
    var arguments: [String]
    var code: Int32

    init(_ arguments: String..., code: Int32 = 64) {
      self.arguments = arguments
      self.code = code
    }
  }

  private static let wrong = [
    Wrong("search", "x", "--limit", "0"), Wrong("search", "x", "--language", "klingon"),
    Wrong("search", "x", "--project", "None!"), Wrong("search", "x", "--project", "none", code: 1), Wrong("search"),
    Wrong("reindex", "nonsense"), Wrong("reindex"), Wrong("reindex", "--full", "--cancel"),
    Wrong("reindex", "--cancel", "none", code: 69),
  ]

  @Test(arguments: wrong) private func wrongUsageIsOneLineAndItsCode(wrong: Wrong) async throws {
    let fixture = try NodeFixture()
    let outcome = try await ProgramProcess.run(
      fixture.executable, wrong.arguments, .init(environment: fixture.environment, folder: fixture.folder.path))
    #expect(outcome.status == .exited(wrong.code), "\(outcome.standardError)")
    #expect(outcome.standardOutput.isEmpty)
    #expect(outcome.standardError.split(separator: "\n").count == 1, "\(outcome.standardError)")
  }

  @Test func theLicencesOfTheModelAreToldWithoutANode() async throws {
    let outcome = try await NodeFixture().run("version", "--licenses")
    #expect(outcome.status == .exited(0))
    #expect(outcome.standardOutput.contains("# Sources of signalbox-embed.sbe"))
  }
}
