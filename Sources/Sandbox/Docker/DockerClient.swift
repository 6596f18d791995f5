internal import Base
internal import FoundationEssentials

/// The Docker Engine's HTTP API, call by call. Every call has a deadline; every answer has a bound.
struct DockerClient: Sendable {
  let address: DockerAddress
  let transport: any HTTPExchange
  /// The version of the API that both sides speak, such as `1.41`.
  var api = DockerClient.oldest

  /// Engine 20.10. What is asked for here has not changed since.
  static let oldest = "1.41"
  private static let answerBytesMax = 8 << 20

  /// Asks the Engine who it is, and settles on a version of the API.
  static func connect(
    _ address: DockerAddress, _ transport: any HTTPExchange
  ) async throws(SandboxError) -> (DockerClient, DockerAnswer.Version) {
    var client = DockerClient(address: address, transport: transport)
    let answer = try await client.send(.get, "/version", isVersioned: false)
    guard let version = DockerJSON.decode(DockerAnswer.Version.self, answer.body) else {
      throw .unavailable("what answers at \(address.text) is no Docker Engine", fix: "let DOCKER_HOST name its socket")
    }
    guard !isOlder(version.apiVersion, oldest) else {
      throw .unavailable(
        "the Docker Engine \(version.version) speaks API \(version.apiVersion); 1.41 is needed",
        fix: "install Docker Engine 20.10 or later")
    }
    if let least = version.minAPIVersion, isOlder(oldest, least) { client.api = least }
    return (client, version)
  }

  static func isOlder(_ left: String, _ right: String) -> Bool {
    func parts(_ text: String) -> [Int] { text.split(separator: ".").map { Int($0) ?? 0 } }
    return parts(left).lexicographicallyPrecedes(parts(right))
  }

  // MARK: Containers

  func create(_ container: DockerContainer) async throws(SandboxError) -> String {
    let answer = try await send(.post, "/containers/create", body: DockerJSON.encode(container))
    if answer.status == 404 { throw Self.missing(container.image) }
    let created = try Self.read(DockerAnswer.Created.self, answer, "create a container")
    // The Engine says so when it leaves a limit out, and goes on.
    if let warning = created.warnings?.first {
      await remove(created.id)
      throw .unavailable(
        "the Docker Engine will not hold a limit: \(Self.plain(warning))", fix: "see its kernel's options")
    }
    return created.id
  }

  func start(_ id: String) async throws(SandboxError) {
    try Self.expect(try await send(.post, "/containers/\(id)/start"), "start the container")
  }

  func inspect(_ id: String) async throws(SandboxError) -> DockerAnswer.Inspection {
    try Self.read(
      DockerAnswer.Inspection.self, try await send(.get, "/containers/\(id)/json"), "describe the container")
  }

  /// Kills what runs in it and removes it with its volumes. True when it is gone.
  @discardableResult
  func remove(_ id: String) async -> Bool {
    for _ in 0..<3 {
      let answer = try? await send(.delete, "/containers/\(id)?force=1&v=1")
      if let answer, answer.head.isSuccess || answer.status == 404 { return true }
    }
    return false
  }

  /// Ids and labels of all containers with a label, also of those that have ended.
  func containers(label: String) async throws(SandboxError) -> [DockerAnswer.Listed] {
    let filter = Self.escape("{\"label\":[\"\(label)\"]}")
    return try Self.read(
      [DockerAnswer.Listed].self, try await send(.get, "/containers/json?all=1&filters=\(filter)"), "list containers")
  }

  func putArchive(_ id: String, folder: String, _ tar: [UInt8]) async throws(SandboxError) {
    let path = "/containers/\(id)/archive?path=\(Self.escape(folder))"
    try Self.expect(try await send(.put, path, body: tar, type: "application/x-tar"), "take a file")
  }

  /// The size of a file in a container; nil when there is none.
  func fileSize(_ id: String, _ path: String) async throws(SandboxError) -> Int? {
    let answer = try await send(.head, "/containers/\(id)/archive?path=\(Self.escape(path))")
    guard answer.head.isSuccess, let text = answer.headers["X-Docker-Container-Path-Stat"],
      let data = Data(base64Encoded: text)
    else { return nil }
    struct Stat: Decodable { var size: Int }
    return DockerJSON.decode(Stat.self, Array(data))?.size
  }

  // MARK: Images

  func image(_ name: String) async throws(SandboxError) -> DockerAnswer.Image? {
    let answer = try await send(.get, "/images/\(Self.escape(name))/json")
    return answer.status == 404 ? nil : try Self.read(DockerAnswer.Image.self, answer, "describe the image")
  }

  /// Fetches an image. `onProgress` hears the Engine's lines, made harmless for a terminal.
  func pull(_ name: String, onProgress: @escaping @Sendable (String) -> Void) async throws(SandboxError) {
    let reader = PullReader(onProgress)
    do throws(HTTP.Problem) {
      try await transport.stream(
        request(.post, "/images/create?fromImage=\(Self.escape(Self.withTag(name)))"),
        limits: HTTP.Limits(bodyMax: 64 << 20, deadline: .seconds(1_800))
      ) { part in
        await reader.receive(part)
        return .more
      }
    } catch {
      throw unreachable(error)
    }
    if let trouble = await reader.trouble {
      throw .unavailable("the image \(name) cannot be pulled: \(Self.plain(trouble))", fix: "docker pull \(name)")
    }
  }

  /// Without a tag the Engine would fetch every version there is.
  static func withTag(_ name: String) -> String {
    let last = name.split(separator: "/").last ?? ""
    return last.contains(":") || last.contains("@") ? name : name + ":latest"
  }

  static func missing(_ image: String) -> SandboxError {
    .unavailable("the Docker Engine has no image \(image)", fix: "docker pull \(image)")
  }

  // MARK: Requests

  private func request(
    _ method: HTTP.Request.Method, _ path: String, body: [UInt8] = [], type: String = "application/json",
    isVersioned: Bool = true
  ) -> HTTP.Request {
    let path = (isVersioned ? "/v\(api)" : "") + path
    let url =
      switch address {
      case .unix(let socket): HTTP.Request.unixURL(socket: socket, path: path)
      case .tcp(let host, let port): "http://\(host):\(port)\(path)"
      }
    var headers: HTTP.Headers = ["Host": "docker"]
    if !body.isEmpty { headers["Content-Type"] = type }
    return HTTP.Request(method, url, headers: headers, body: body)
  }

  private func send(
    _ method: HTTP.Request.Method, _ path: String, body: [UInt8] = [], type: String = "application/json",
    isVersioned: Bool = true
  ) async throws(SandboxError) -> HTTP.Response {
    let limits = HTTP.Limits(
      bodyMax: Self.answerBytesMax, deadline: .milliseconds(LaunchPlan.startMilliseconds))
    do throws(HTTP.Problem) {
      return try await transport.exchange(
        request(method, path, body: body, type: type, isVersioned: isVersioned), limits: limits)
    } catch {
      throw unreachable(error)
    }
  }

  private func unreachable(_ problem: HTTP.Problem) -> SandboxError {
    switch problem {
    case .cancelled: .cancelled
    default:
      .unavailable(
        "the Docker Engine at \(address.text): \(problem.failure.message)", fix: "start it, or set DOCKER_HOST")
    }
  }

  private static func expect(_ answer: HTTP.Response, _ what: String) throws(SandboxError) {
    guard !answer.isSuccess, answer.status != 304 else { return }
    let text = DockerJSON.decode(DockerAnswer.Trouble.self, answer.body)?.message ?? "status \(answer.status)"
    throw .broken("the Docker Engine did not \(what): \(plain(text))")
  }

  private static func read<Value: Decodable>(
    _ type: Value.Type, _ answer: HTTP.Response, _ what: String
  ) throws(SandboxError) -> Value {
    try expect(answer, what)
    guard let value = DockerJSON.decode(type, answer.body) else {
      throw .broken("the Docker Engine did not \(what) in words that are known")
    }
    return value
  }

  static func plain(_ text: String) -> String { DisplayText(String(text.prefix(500))).text }

  static func escape(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF")
    var out = ""
    for byte in text.utf8 {
      let letter = Character(UnicodeScalar(byte))
      if letter.isASCII && (letter.isLetter || letter.isNumber || "-._~/".contains(letter)) {
        out.append(letter)
      } else {
        out += ["%", digits[Int(byte >> 4)], digits[Int(byte & 15)]] as [Character]
      }
    }
    return out
  }
}

/// Lines of JSON that come while an image is fetched.
private actor PullReader {
  private var line: [UInt8] = []
  private let onProgress: @Sendable (String) -> Void
  private(set) var trouble: String?

  init(_ onProgress: @escaping @Sendable (String) -> Void) { self.onProgress = onProgress }

  func receive(_ part: HTTP.Part) {
    switch part {
    case .head(let head): if !head.isSuccess { trouble = "status \(head.status)" }
    case .chunk(let bytes):
      for byte in bytes {
        if byte == UInt8(ascii: "\n") { finishLine() } else if line.count < 65_536 { line.append(byte) }
      }
      // An error that is the whole answer has no line's end.
      if trouble != nil { finishLine() }
    }
  }

  private func finishLine() {
    defer { line = [] }
    if let answer = DockerJSON.decode(DockerAnswer.Trouble.self, line) { trouble = answer.message }
    guard let progress = DockerJSON.decode(DockerAnswer.Progress.self, line) else { return }
    if let error = progress.error { trouble = error }
    if let status = progress.status {
      onProgress(DockerClient.plain([progress.id, status].compactMap(\.self).joined(separator: ": ")))
    }
  }
}
