internal import Base

/// The first words on a new connection: AUTH, SELECT, a name, and who the server is.
struct Handshake {
  let url: RedisURL
  let options: RedisOptions

  /// The oldest Redis whose commands we use: 6.2 (XADD options, tracking fixes).
  static let oldestVersion = (6, 2)

  func perform<Value>(
    on mailbox: ConnectionMailbox, make: (Int64, String) -> Value
  ) async throws(RedisError) -> Value {
    for command in credentials() {
      guard case .error(let error) = try await ask(command, mailbox) else { continue }
      throw .unsuitable(refusal(error))
    }
    let info = try await ask(RedisCommand("INFO", "server"), mailbox)
    if case .error(let error) = info { throw .unsuitable(refusal(error)) }
    let fields = Self.fields(info.text ?? "")
    try check(fields)
    // PING is refused while the data set is loading; INFO is not.
    if case .error(let error) = try await ask(RedisCommand("PING"), mailbox) { throw .unsuitable(refusal(error)) }
    _ = try await ask(RedisCommand("CLIENT", "SETNAME", .text(options.clientName)), mailbox)
    let identity = try await ask(RedisCommand("CLIENT", "ID"), mailbox)
    guard case .integer(let clientID) = identity else {
      throw .unsuitable("Redis at \(url) does not say the id of the connection")
    }
    return make(clientID, fields["run_id"] ?? "")
  }

  private func credentials() -> [RedisCommand] {
    var commands: [RedisCommand] = []
    if let password = url.password {
      let name: [RedisCommand.Argument] = url.user.map { [.text($0)] } ?? []
      commands.append(RedisCommand("AUTH", arguments: name + [.text(password.reveal())]))
    }
    if url.database != 0 { commands.append(RedisCommand("SELECT", .integer(Int64(url.database)))) }
    return commands
  }

  private func ask(_ command: RedisCommand, _ mailbox: ConnectionMailbox) async throws(RedisError) -> RedisValue {
    let replies = try await RedisConnection.exchange([command], on: mailbox, options.connectDeadline)
    return replies.first ?? .null
  }

  private func check(_ fields: [String: String]) throws(RedisError) {
    guard let version = fields["redis_version"] else {
      throw .unsuitable("the server at \(url) does not say that it is Redis")
    }
    let numbers = version.split(separator: ".").map { Int($0) ?? 0 } + [0, 0]
    guard (numbers[0], numbers[1]) >= Self.oldestVersion else {
      let digits = "\(numbers[0]).\(numbers[1])"
      throw .unsuitable("Redis at \(url) is version \(digits); 6.2 or newer is needed")
    }
    guard fields["redis_mode"] != "cluster" else {
      throw .unsuitable("Redis at \(url) is part of a cluster, which is not supported")
    }
  }

  private func refusal(_ error: RedisServerError) -> String {
    switch error.code {
    case "WRONGPASS", "NOAUTH": "Redis at \(url) refuses the credentials"
    case "NOPERM": "Redis at \(url) does not allow this user the commands signalbox needs"
    case "LOADING": "Redis at \(url) is still loading its data"
    default: "Redis at \(url) refuses the connection (\(error.code))"
    }
  }

  static func fields(_ info: String) -> [String: String] {
    var fields: [String: String] = [:]
    for line in info.split(whereSeparator: \.isNewline) {
      let halves = line.split(separator: ":", maxSplits: 1)
      if halves.count == 2 { fields[String(halves[0])] = String(halves[1]) }
    }
    return fields
  }
}
