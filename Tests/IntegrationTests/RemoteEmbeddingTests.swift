import Base
import Foundation
import TestKit
import Testing

/// Another server's embeddings: here those of a second node, which speaks the same form.
@Suite(.timeLimit(.minutes(5))) struct RemoteEmbeddingTests {
  private static let source = """
    def retry_with_backoff(call, attempts):
        \"\"\"Try again with growing pauses until it works.\"\"\"
        for attempt in range(attempts):
            try:
                return call()
            except OSError:
                wait(2 ** attempt)
    """

  private func requests(_ fixture: NodeFixture) async throws -> Int {
    let status = try await fixture.json("status", "--json")
    return try #require((status["control"] as? [String: Any])?["httpRequests"] as? Int)
  }

  @Test func aServerThatWasChosenMakesTheVectorsAndAnswers() async throws {
    let server = try NodeFixture()
    let serving = try await server.start()
    defer { serving.kill() }
    let repository = try await TemporaryGitRepository()
    try repository.write("retry.py", Self.source)
    try await repository.commit("one")
    let fixture = try NodeFixture([
      "SIGNALBOX_EMBEDDER": "openai", "OPENAI_BASE_URL": "http://127.0.0.1:\(server.port)/v1",
    ])
    let node = try await fixture.start()
    defer { node.kill() }
    let before = try await requests(server)
    let report = try await fixture.json("reindex", repository.path, "--json")
    #expect(report["filesIndexed"] as? Int == 1 || report["mode"] as? String == "unchanged", "\(report)")
    let found = try await fixture.run("search", "growing pauses", "--json")
    #expect(found.standardOutput.contains("retry_with_backoff"), "\(found.standardError)")
    #expect(try await requests(server) > before)
    let index = try await fixture.json("status", "--json")["index"] as? [String: Any]
    #expect(index?["embedder"] as? String == "text-embedding-3-small")
    serving.kill()
    // The server is gone: the built-in vectors answer, and the command says so.
    let alone = try await fixture.run("search", "growing pauses")
    #expect(alone.standardOutput.contains("retry_with_backoff"), "\(alone.standardError)")
    #expect(alone.standardError.contains("built-in model answers"), "\(alone.standardError)")
    // Health says it with since when, and so does the doctor.
    let reasons = try #require(try await fixture.json("status", "--json")["reasons"] as? [[String: Any]])
    let reason = try #require(reasons.first { $0["component"] as? String == "search" }, "\(reasons)")
    #expect((reason["reason"] as? String)?.contains("built-in model answers") == true)
    #expect((reason["since"] as? Int ?? 0) > 0)
    #expect(try await fixture.run("doctor").standardOutput.contains("running node: search"))
  }

  @Test func aKeyAloneUploadsNothing() async throws {
    let server = try NodeFixture()
    let serving = try await server.start()
    defer { serving.kill() }
    let fixture = try NodeFixture([
      "OPENAI_API_KEY": "sk-not-to-be-seen", "OPENAI_BASE_URL": "http://127.0.0.1:\(server.port)/v1",
    ])
    try fixture.folder.write("work/retry.py", Self.source)
    let node = try await fixture.start()
    defer { node.kill() }
    let before = try await requests(server)
    let outcome = try await fixture.run("reindex", fixture.folder.file("work"))
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
    #expect(outcome.standardOutput.contains("SIGNALBOX_EMBEDDER"), "\(outcome.standardOutput)")
    let found = try await fixture.run("search", "growing pauses", "--json")
    #expect(found.standardOutput.contains("retry_with_backoff"))
    #expect(try await requests(server) == before, "nothing was asked of the server")
    let config = try await fixture.run("config")
    for text in [outcome.standardOutput, outcome.standardError, config.standardOutput, node.standardError] {
      #expect(!text.contains("sk-not-to-be-seen"))
    }
  }

  @Test(arguments: [
    ["SIGNALBOX_EMBEDDER": "openai"], ["PINECONE_API_KEY": "key"], ["PINECONE_INDEX_HOST": "index.example"],
    ["OPENAI_BASE_URL": "ftp://x"], ["OPENAI_BASE_URL": "https://user:secret@x/v1"],
  ])
  func halfASettingIsRefused(changes: [String: String]) async throws {
    let fixture = try NodeFixture(changes)
    let outcome = try await fixture.run("search", "x")
    #expect(outcome.status == .exited(64), "\(outcome.standardError)")
    #expect(outcome.standardError.split(separator: "\n").count == 1)
    #expect(!outcome.standardError.contains("secret"))
  }
}
