import Base
import Foundation
import TestKit
import Testing

/// A node with a project in it, and what the journeys' tests ask of both.
final class JourneyStage: Sendable {
  let repository: TemporaryGitRepository?
  let fixture: NodeFixture
  let node: ProgramProcess
  let gatewayPort: Int
  /// Of the repository's project, or any.
  let project: String

  private init(
    _ repository: TemporaryGitRepository?, _ fixture: NodeFixture, _ node: ProgramProcess, _ port: Int, _ id: String
  ) {
    (self.repository, self.fixture, self.node, gatewayPort, project) = (repository, fixture, node, port, id)
  }

  deinit { node.kill() }

  /// Returns when the project's index answers.
  static func start(
    _ repository: TemporaryGitRepository? = nil, _ changes: [String: String?] = [:]
  ) async throws -> JourneyStage {
    let port = try FreePort.next()
    let settings: [String: String?] = [
      "WEBSOCKET_PORT": "\(port)", "SANDBOX_REQUIRE": "isolation", "SIGNALBOX_PUBLISH_RATE": "100000",
      "SIGNALBOX_PUBLISH_BURST": "100000",
    ]
    let fixture = try NodeFixture(settings.merging(changes) { _, change in change })
    let node = try await fixture.start(["--no-tui"] + (repository.map { [$0.path] } ?? []))
    var id: String? = repository == nil ? "shared" : nil
    let isReady = await eventually {
      if id == "shared" { return true }
      let projects = try? list("/v1/index/projects", port: fixture.port)
      id = projects?.first?["id"] as? String
      return projects?.first?["state"] as? String == "ready"
    }
    guard let id, isReady else {
      node.kill()
      throw Failure(.timeout, "the project was not indexed: \(node.standardError)")
    }
    return JourneyStage(repository, fixture, node, Int(port), id)
  }

  // MARK: HTTP

  func request(_ path: String, _ method: String = "GET", _ body: String = "") -> HTTPProbe.Response? {
    HTTPProbe.request(
      path, method: method, port: fixture.port, headers: body.isEmpty ? [:] : ["Content-Type": "application/json"],
      body: body)
  }

  private static func list(_ path: String, port: Int) throws -> [[String: Any]] {
    // An answer that takes longer than the probe waits for is none.
    guard let answer = HTTPProbe.request(path, port: port) else { return [] }
    let any = try JSONSerialization.jsonObject(with: Data(answer.body.utf8))
    return any as? [[String: Any]] ?? []
  }

  func put(_ key: String, _ value: String, tags: String = "") -> Int? {
    let query = tags.isEmpty ? "" : "?tags=\(tags)"
    return HTTPProbe.request(
      "/v1/cache/shared/\(key)\(query)", method: "PUT", port: fixture.port, headers: ["Content-Type": "text/plain"],
      body: value)?.status
  }

  /// Nil when there is none.
  func value(_ key: String) -> String? {
    guard let answer = request("/v1/cache/shared/\(key)"), answer.status == 200 else { return nil }
    return answer.body
  }

  func search(_ words: String) throws -> [[String: Any]] {
    let query = try #require(words.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
    return try Self.list("/v1/index/search?q=\(query)", port: fixture.port)
  }

  func status() throws -> [String: Any] { try NodeFixture.object(request("/v1/status")?.body ?? "{}") }

  /// The newest journey.
  func journey() throws -> [String: Any]? {
    let index = try status()["index"] as? [String: Any]
    return (index?["journeys"] as? [[String: Any]])?.first
  }

  func component(_ name: String) throws -> String? {
    let health = try NodeFixture.object(request("/health")?.body ?? "{}")
    let all = health["components"] as? [[String: Any]]
    return all?.first { $0["name"] as? String == name }?["state"] as? String
  }

  /// Whether cache and sockets both have Redis.
  var isJoined: Bool {
    guard let stats = try? NodeFixture.object(request("/v1/cache/stats")?.body ?? "") else { return false }
    guard (stats["redis"] as? [String: Any])?["state"] as? String == "connected" else { return false }
    return (try? component("gateway")) == "ok"
  }

  /// How many other nodes it knows.
  var peers: Int { ((try? status())?["peers"] as? [Any])?.count ?? 0 }

  func run(_ code: String) async throws -> [String: Any] {
    let document: [String: Any] = ["language": "python", "code": code, "project": project]
    let body = String(decoding: try JSONSerialization.data(withJSONObject: document), as: UTF8.self)
    let outcome = try await ProgramProcess.run(
      "curl",
      [
        "-sS", "-m", "60", "-X", "POST", "-H", "Content-Type: application/json", "--data-binary", body,
        "http://127.0.0.1:\(fixture.port)/v1/sandbox/runs",
      ], .init(environment: fixture.environment))
    return try NodeFixture.object(outcome.standardOutput)
  }

  func viewer() async throws -> RawSocket { try await RawSocket.subscribed(to: project, port: gatewayPort) }

  // MARK: Many at a time

  /// One request of many.
  struct Wish: Sendable {
    var path: String
    var method = "GET"
    var body = ""
  }

  /// Sends all of them at the same time, from programs of their own; how often each status came.
  static func all(_ wishes: [Wish], port: Int) async throws -> [Int: Int] {
    let folder = try TemporaryFolder()
    // The most that one curl does at a time is 300.
    let parts = stride(from: 0, to: wishes.count, by: 250).map { Array(wishes[$0..<min($0 + 250, wishes.count)]) }
    return try await withThrowingTaskGroup(of: [Int].self) { group in
      for (number, part) in parts.enumerated() {
        try folder.write("\(number)", part.map { config($0, port) }.joined(separator: "next\n"))
        let path = folder.file("\(number)")
        group.addTask {
          let outcome = try await ProgramProcess.run(
            "curl", ["-Z", "--parallel-immediate", "--parallel-max", "250", "-sS", "-m", "60", "-K", path],
            .init(environment: Environment.clean([:])), within: .seconds(90))
          return outcome.standardOutput.split(separator: "\n").compactMap { line in
            line.hasPrefix("status ") ? Int(line.dropFirst(7)) : nil
          }
        }
      }
      return try await group.reduce(into: [:]) { counts, statuses in
        for status in statuses { counts[status, default: 0] += 1 }
      }
    }
  }

  private static func config(_ wish: Wish, _ port: Int) -> String {
    var lines = [
      "url = \"http://127.0.0.1:\(port)\(wish.path)\"", "request = \(wish.method)", "output = /dev/null",
      "write-out = \"status %{http_code}\\n\"",
    ]
    if !wish.body.isEmpty {
      let body = wish.body.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      lines += ["data-binary = \"\(body)\"", "header = \"Content-Type: application/json\""]
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
