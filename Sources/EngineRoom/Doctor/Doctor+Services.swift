internal import Base
internal import Cache
internal import ControlPlane
internal import Glibc
internal import RedisLink

extension Doctor {
  /// The oldest Redis whose commands are relied on (CLIENT TRACKING with NOLOOP, GETEX, streams' MINID).
  static let oldestRedis = [6, 2]

  static func redis(_ facts: DoctorSettings) async -> DoctorFinding {
    var finding = DoctorFinding(
      component: "redis", state: .ok, version: nil,
      usedFor: "what several nodes share: second cache level, fan-out, invalidations",
      without: "one node alone, with the store that is built in", fix: nil)
    guard let address = facts.redis else { return await redisProgram(finding, facts) }
    finding.without = "health is degraded, and every node answers from its own memory until Redis is back"
    let place = address.description
    let probe = ProbeSocket(address: address.probeAddress, deadline: facts.deadline)
    let answer = await probe.ask(redisQuestion(address)) { isRedisComplete(String(decoding: $0, as: UTF8.self)) }
    guard case .answered(let bytes) = answer else {
      if case .failed(let reason) = answer { finding.version = "no server at \(place): \(reason)" }
      finding.state = .missing
      finding.fix = redisFix(address, facts)
      return finding
    }
    let text = String(decoding: bytes, as: UTF8.self)
    if text.contains("-NOAUTH") || text.contains("-WRONGPASS") {
      finding.state = .weak
      finding.version = "\(place) wants another password"
      finding.fix = "put the password into REDIS_URL: redis://:PASSWORD@host:port"
    } else if let version = redisVersion(text), text.contains("+PONG") {
      finding.version = "\(version) at \(place)"
      if !ProgramFinder.isAtLeast(version, oldestRedis) {
        finding.state = .weak
        finding.fix = apt("redis-server") + "  # 6.2 or later is needed"
      } else if let policy = evictionPolicy(text), Cache.warning(aboutPolicy: policy) != nil {
        finding.state = .weak
        finding.version = "\(version) at \(place), whose maxmemory-policy \(policy) may evict what cascades need"
        finding.fix = "redis-cli config set maxmemory-policy volatile-lru"
      }
    } else {
      finding.state = .weak
      finding.version = "what answers at \(place) is no Redis that can be used: \(firstLine(text))"
      finding.fix = "let REDIS_URL name a Redis 6.2 or later"
    }
    return finding
  }

  /// A server of this machine can be started; another's cannot from here.
  private static func redisFix(_ address: RedisURL, _ facts: DoctorSettings) -> String {
    let start: String
    switch address.address {
    case .unix(let path): start = "redis-server --port 0 --unixsocket '\(firstLine(path))' --daemonize yes"
    case .tcp(let host, let port) where host == "localhost" || host == "::1" || host.hasPrefix("127."):
      start = "redis-server --port \(port) --daemonize yes"
    case .tcp(let host, _): return "unset REDIS_URL  # or start the server on \(firstLine(host))"
    }
    let isHere = ProgramFinder.find("redis-server", path: facts.environment["PATH"] ?? "") != nil
    return isHere ? start : "\(apt("redis-server")) && \(start)"
  }

  private static func redisProgram(_ start: DoctorFinding, _ facts: DoctorSettings) async -> DoctorFinding {
    var finding = start
    guard let version = await programVersion("redis-server", ["--version"], facts) else {
      finding.state = .missing
      finding.version = "REDIS_URL is not set, and there is no redis-server"
      finding.fix = apt("redis-server")
      return finding
    }
    finding.version = "\(version) installed, not in use: REDIS_URL is not set"
    return finding
  }

  private static func redisQuestion(_ address: RedisURL) -> [UInt8] {
    var text = ""
    if let password = address.password {
      let words = ["AUTH"] + [address.user].compactMap(\.self) + [password.reveal()]
      text = "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
    }
    text += "*1\r\n$4\r\nPING\r\n"
    // The server's section last: its version is the sign that everything has come.
    for section in ["memory", "server"] { text += "*2\r\n$4\r\nINFO\r\n$6\r\n\(section)\r\n" }
    return Array(text.utf8)
  }

  private static func isRedisComplete(_ text: String) -> Bool {
    redisVersion(text) != nil || text.contains("-NOAUTH") || text.contains("-WRONGPASS") || text.hasPrefix("HTTP/")
  }

  private static func evictionPolicy(_ text: String) -> String? {
    guard let start = text.ranges(of: "maxmemory_policy:").first?.upperBound else { return nil }
    let word = text[start...].prefix { $0.isLowercase || $0 == "-" }
    return word.isEmpty || word.count > 32 ? nil : String(word)
  }

  private static func redisVersion(_ text: String) -> String? {
    guard let start = text.ranges(of: "redis_version:").first?.upperBound else { return nil }
    let rest = text[start...]
    guard let end = rest.firstIndex(where: \.isNewline) else { return nil }
    return ProgramFinder.version(in: String(rest[..<end]))
  }

  static func docker(_ facts: DoctorSettings) async -> DoctorFinding {
    var finding = DoctorFinding(
      component: "docker", state: .ok, version: nil, usedFor: "the Docker back end of the sandbox",
      without: "runs in bubblewrap, which needs no daemon", fix: nil)
    let place = firstLine(facts.dockerHost)
    guard let address = dockerAddress(facts.dockerHost) else {
      finding.state = .missing
      finding.version = "\(place) is no address"
      finding.fix = "export DOCKER_HOST=unix:///var/run/docker.sock"
      return finding
    }
    let question = Array("GET /version HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n".utf8)
    let answer = await ProbeSocket(address: address, deadline: facts.deadline).ask(question) {
      String(decoding: $0, as: UTF8.self).contains("\"ApiVersion\"")
    }
    switch answer {
    case .answered(let bytes):
      let text = String(decoding: bytes, as: UTF8.self)
      if let version = jsonText("Version", in: text), let api = jsonText("ApiVersion", in: text) {
        finding.version = "Engine \(version), API \(api)"
        await addImages(facts, address, to: &finding)
      } else {
        finding.state = .weak
        finding.version = "what answers at \(place) is no Docker Engine: \(firstLine(text))"
        finding.fix = "let DOCKER_HOST name the Engine's socket"
      }
    case .failed(let reason):
      finding.state = .missing
      let client = await programVersion("docker", ["--version"], facts)
      let clientText = client.map { "; the docker client \($0) alone runs nothing" } ?? ""
      finding.version = "no Engine at \(place): \(reason)\(clientText)"
      finding.fix = dockerFix(address, reason)
    }
    return finding
  }

  /// Which of the sandbox's images the Engine has, and how to get the others.
  private static func addImages(
    _ facts: DoctorSettings, _ address: ProbeSocket.Address, to finding: inout DoctorFinding
  ) async {
    var present: [String] = []
    var missing: [String] = []
    for name in Set(facts.dockerImages).sorted() where isImageName(name) {
      let question = Array("GET /images/\(name)/json HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n".utf8)
      let answer = await ProbeSocket(address: address, deadline: facts.deadline).ask(question) { $0.count >= 12 }
      guard case .answered(let bytes) = answer else { continue }
      let status = String(decoding: bytes.prefix(12), as: UTF8.self).suffix(3)
      if status == "200" { present.append(name) }
      if status == "404" { missing.append(name) }
    }
    if !present.isEmpty { finding.version? += "; images \(present.joined(separator: ", "))" }
    guard !missing.isEmpty else { return }
    finding.state = .weak
    finding.version? += "; without \(missing.joined(separator: ", "))"
    finding.fix = missing.map { "docker pull \($0)" }.joined(separator: " && ")
  }

  /// What can stand in a request's first line and in a shell's command as it is.
  private static func isImageName(_ name: String) -> Bool {
    !name.isEmpty
      && name.utf8.allSatisfy { byte in
        let letter = Character(UnicodeScalar(byte))
        return letter.isASCII && (letter.isLetter || letter.isNumber || "-._/:@".contains(letter))
      }
  }

  private static func dockerFix(_ address: ProbeSocket.Address, _ reason: String) -> String {
    if case .tcp(let host, _) = address { return "unset DOCKER_HOST  # or start the Engine on \(firstLine(host))" }
    if reason == String(cString: strerror(EACCES)) {
      return "sudo usermod -aG docker \"$USER\"  # then log in again"
    }
    let isEngineHere = ProgramFinder.find("dockerd", path: "/usr/bin:/usr/sbin:/usr/local/bin") != nil
    return (isEngineHere ? "" : apt("docker.io") + " && ") + "\(sudo)service docker start"
  }

  static func dockerAddress(_ text: String) -> ProbeSocket.Address? {
    if text.hasPrefix("unix://") { return .unix(path: String(text.dropFirst("unix://".count))) }
    guard let slashes = text.ranges(of: "://").first else { return nil }
    // The rule of redis://host:port is the same, but for the port that goes without saying.
    guard let address = try? RedisURL("redis://" + text[slashes.upperBound...]),
      case .tcp(let host, let port) = address.address
    else { return nil }
    return .tcp(host: host, port: text.hasSuffix(":\(port)") ? Int(port) : 2_375)
  }

  /// The first value of a text member, as far as a version needs it.
  private static func jsonText(_ name: String, in text: String) -> String? {
    guard let start = text.ranges(of: "\"\(name)\":\"").first?.upperBound else { return nil }
    return ProgramFinder.version(in: String(text[start...].prefix { $0 != "\"" }))
  }
}

extension RedisURL {
  fileprivate var probeAddress: ProbeSocket.Address {
    switch address {
    case .tcp(let host, let port): .tcp(host: host, port: Int(port))
    case .unix(let path): .unix(path: path)
    }
  }
}
