import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct RoundRobinProxyTests {
  /// A web server whose `/who` says its number.
  private func server(_ number: Int) async throws -> (process: ProgramProcess, port: UInt16, folder: TemporaryFolder) {
    let folder = try TemporaryFolder()
    try folder.write("who", "\(number)")
    let port = try FreePort.next()
    let program = """
      import http.server as h, os
      os.chdir("\(folder.path)")
      h.SimpleHTTPRequestHandler.protocol_version = "HTTP/1.1"
      h.ThreadingHTTPServer(("127.0.0.1", \(port)), h.SimpleHTTPRequestHandler).serve_forever()
      """
    let process = try ProgramProcess("python3", ["-c", program])
    try #require(await eventually { HTTPProbe.request("/who", port: Int(port)) != nil })
    return (process, port, folder)
  }

  @Test func connectionsGoInTurnAndACookieStays() async throws {
    let servers = [try await server(0), try await server(1)]
    let proxy = try RoundRobinProxy(to: servers.map(\.port))
    defer { proxy.close() }
    func ask(_ headers: [String: String] = [:]) throws -> HTTPProbe.Response {
      try #require(HTTPProbe.request("/who", port: Int(proxy.port), headers: headers))
    }
    for turn in 0..<4 {
      let answer = try ask()
      #expect(answer.body == "\(turn % 2)" && answer.headers["set-cookie"] == "node=\(turn % 2); Path=/")
    }
    for _ in 0..<3 {
      let answer = try ask(["Cookie": "a=b; node=1"])
      #expect(answer.body == "1" && answer.headers["set-cookie"] == nil)
    }
    #expect(try ask(["Cookie": "node=7"]).headers["set-cookie"] != nil, "a cookie that names nobody")
    #expect(proxy.taken == [3, 5])
  }

  @Test func aTargetThatIsAwayEndsTheConnection() throws {
    let proxy = try RoundRobinProxy(to: [try FreePort.next()])
    defer { proxy.close() }
    #expect(HTTPProbe.request("/who", port: Int(proxy.port)) == nil)
  }
}
