import Base
import Foundation
import Glibc
import TestKit
import Testing

/// A fixture whose node can run programs.
struct SandboxStage {
  /// bubblewrap is installed, and allowed by this kernel to make namespaces.
  static let isPossible = system("/usr/bin/bwrap --unshare-all --ro-bind / / /bin/true >/dev/null 2>&1") == 0
  static let impossible: Comment = "bubblewrap is not installed, or may not make namespaces here"

  let fixture: NodeFixture

  init(_ changes: [String: String?] = [:]) throws {
    // Where no control group can be had the rest is tested all the same.
    let settings: [String: String?] = ["SANDBOX_REQUIRE": "isolation"]
    fixture = try NodeFixture(settings.merging(changes) { _, change in change })
  }

  func file(_ name: String, _ text: String) throws -> String {
    try fixture.folder.write(name, text)
    return fixture.folder.file(name)
  }

  func run(_ code: String, _ options: [String] = []) async throws -> ProgramProcess.Outcome {
    let path = try file("program.py", code)
    return try await ProgramProcess.run(
      fixture.executable, ["run", "program.py"] + options,
      .init(environment: fixture.environment, folder: (path as NSString).deletingLastPathComponent))
  }

  func json(_ code: String, _ options: [String] = []) async throws -> [String: Any] {
    let outcome = try await run(code, ["--json"] + options)
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
    return try NodeFixture.object(outcome.standardOutput)
  }

  func runs() async throws -> [[String: Any]] {
    let text = try await fixture.run("runs", "list", "--json").standardOutput
    return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
  }

  /// A request by curl, which waits as long as a program takes; the body, and the status in the last line.
  func http(
    _ path: String, method: String = "GET", body: String? = nil, headers: [String] = [], seconds: Int = 60
  ) async throws -> (status: Int, body: String) {
    var arguments = ["-sS", "-N", "-m", "\(seconds)", "-X", method, "-w", "\n%{http_code}"]
    for header in headers { arguments += ["-H", header] }
    if let body { arguments += ["-H", "Content-Type: application/json", "--data-binary", body] }
    let outcome = try await ProgramProcess.run(
      "curl", arguments + ["http://127.0.0.1:\(fixture.port)\(path)"], .init(environment: fixture.environment))
    let text = outcome.standardOutput
    let end = text.lastIndex(of: "\n") ?? text.startIndex
    return (Int(text[end...].dropFirst()) ?? 0, String(text[..<end]))
  }
}
