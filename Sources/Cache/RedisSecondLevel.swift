internal import Base
internal import RedisLink

/// The second level in Redis, over one connection and for one epoch of the data set. A new connection is a new object.
struct RedisSecondLevel: SecondLevel {
  let connection: RedisConnection
  let keyspace: RedisKeyspace
  let node: String
  /// As Redis holds it: sixteen hexadecimal digits.
  let epoch: String
  let scripts: [RedisScript: String]
  private let epochNumber: UInt64
  private let deadline: Duration

  /// Reads and writes that go out together: bounded, so that one caller does not hold the connection.
  private static let batch = 100
  private static let batchBytes = 1 << 20
  /// Scanning and cascades may take longer than a read.
  private static let longDeadline = Duration.seconds(2)

  init(
    connection: RedisConnection, keyspace: RedisKeyspace, node: String, epoch: String,
    scripts: [RedisScript: String], deadline: Duration
  ) {
    self.scripts = scripts
    self.connection = connection
    self.keyspace = keyspace
    self.node = node
    self.epoch = epoch
    self.deadline = deadline
    epochNumber = UInt64(epoch, radix: 16) ?? 0
  }

  // MARK: Values

  func read(_ keys: [CacheKey]) async throws(RedisError) -> [SecondLevelRead] {
    var reads: [SecondLevelRead] = []
    for start in stride(from: 0, to: keys.count, by: Self.batch) {
      let part = keys[start..<min(start + Self.batch, keys.count)]
      let commands = part.map { RedisCommand("GET", .text(keyspace.data($0))) }
      let replies = try await connection.send(commands, deadline: deadline)
      for (key, reply) in zip(part, replies) {
        if case .error(let error) = reply { throw .server(error) }
        reads.append(read(key, reply.bytes ?? []))
      }
    }
    return reads
  }

  private func read(_ key: CacheKey, _ bytes: [UInt8]) -> SecondLevelRead {
    let mark = bytes.count >= 32 ? Array(bytes[24..<32]) : Array(bytes.dropFirst(24))
    return SecondLevelRead(item: Envelope.decode(bytes, for: key, epoch: epochNumber), mark: mark)
  }

  func write(_ items: [CacheItem]) async throws(RedisError) -> [UInt64] {
    var stamps: [UInt64] = []
    var part: [CacheItem] = []
    var bytes = 0
    for item in items {
      part.append(item)
      bytes += item.value.count
      guard part.count == Self.batch || bytes >= Self.batchBytes else { continue }
      stamps += try await writePart(part, bytes)
      part = []
      bytes = 0
    }
    if !part.isEmpty { stamps += try await writePart(part, bytes) }
    return stamps
  }

  private func writePart(_ items: [CacheItem], _ bytes: Int) async throws(RedisError) -> [UInt64] {
    let reply = try await run(
      .write, keys: [keyspace.sequence, keyspace.epoch] + items.map { keyspace.data($0.key) },
      writeArguments(items, sequence: "", mark: []), deadline: transferDeadline(bytes))
    guard let answer = reply.elements, answer.count == 2, answer[0].integer == 1,
      let stamp = answer[1].integer.flatMap({ UInt64(exactly: $0) })
    else { throw .protocolViolation("the write script gave an unknown answer") }
    return items.map { _ in stamp }
  }

  func fill(_ item: CacheItem, sequence: UInt64, mark: [UInt8]) async throws(RedisError) -> FillOutcome {
    let reply = try await run(
      .write, keys: [keyspace.sequence, keyspace.epoch, keyspace.data(item.key)],
      writeArguments([item], sequence: String(sequence), mark: mark), deadline: transferDeadline(item.value.count))
    guard let answer = reply.elements, answer.count == 2, let outcome = answer[0].integer,
      let current = answer[1].integer.flatMap({ UInt64(exactly: $0) })
    else { throw .protocolViolation("the write script gave an unknown answer") }
    switch outcome {
    case 1: return .stored
    case 0: return .superseded
    default: return .behind(current)
    }
  }

  private func writeArguments(_ items: [CacheItem], sequence: String, mark: [UInt8]) -> [RedisCommand.Argument] {
    let namespace = items[0].key.namespace.name
    let edges = keyspace.prefix + "g:" + RedisKeyspace.scope(namespace)
    let names = items.flatMap { [$0.key.namespace.name, $0.key.name] }
    let message = Array("W \(node) ".utf8) + InvalidationRule.encode(names)
    var arguments: [RedisCommand.Argument] = [
      .text(epoch), .text(keyspace.channel), .bytes(message), .text(edges), .text(sequence), .bytes(mark),
    ]
    for item in items {
      let parts = Envelope.encode(item, epoch: epochNumber)
      // An entry that is written at the end of its life lives one millisecond: Redis refuses less.
      let life = max(1, item.expires - item.created)
      arguments += [
        .text(item.key.name), .bytes(parts.before), .bytes(parts.after), .integer(life), .integer(item.expires),
        .integer(Int64(item.dependencies.count)),
      ]
      arguments += item.dependencies.map { .text($0) }
    }
    return arguments
  }

  /// A large value gets the time that 10 MB a second need, on top.
  private func transferDeadline(_ bytes: Int) -> Duration { deadline + .microseconds(bytes / 10) }

  // MARK: Order

  func commit(_ rule: InvalidationRule) async throws(RedisError) -> Commit {
    let id = Self.randomHex()
    var arguments: [RedisCommand.Argument] = [
      .text(epoch), .text(keyspace.channel), .text(id), .integer(Int64(CacheLimits.logEntries)),
    ]
    let keys = [keyspace.sequence, keyspace.epoch, keyspace.log]
    guard case .keys(let namespace, let names, let isCascading) = rule else {
      let reply = try await run(.commitRule, keys: keys, arguments + [.bytes(rule.encoded)], deadline: deadline)
      return try commit(reply, id: id) { _, _ in rule }
    }
    let scope = RedisKeyspace.scope(namespace.name)
    arguments += [
      .text(namespace.name), .text(keyspace.prefix + "g:" + scope), .text(keyspace.prefix + "d:" + scope),
      .integer(Int64(CacheLimits.cascadeKeys)), .text(isCascading ? "1" : "0"),
    ]
    let reply = try await run(
      .commitKeys, keys: keys, arguments + names.map { .text($0) },
      deadline: isCascading ? max(deadline, .milliseconds(250)) : deadline)
    return try commit(reply, id: id) { line, found in
      guard !found.isEmpty else { return .pattern(namespace, .everything) }
      let part = found[min(line * 500, found.count)..<min(line * 500 + 500, found.count)]
      return .keys(namespace, Array(part), isCascading: false)
    }
  }

  private func commit(
    _ reply: RedisValue, id: String, rule: (Int, [String]) -> InvalidationRule
  ) throws(RedisError) -> Commit {
    guard let answer = reply.elements, answer.count >= 4, let removed = answer[0].integer,
      let last = answer[1].integer, let lines = answer[2].integer, lines >= 1, last >= lines
    else { throw .protocolViolation("the commit script gave an unknown answer") }
    let found = answer.dropFirst(4).compactMap(\.text)
    let entries = (0..<Int(lines)).map { line in
      LogEntry(sequence: UInt64(last - lines + 1) + UInt64(line), id: id, rule: rule(line, found))
    }
    return Commit(entries: entries, removed: Int(removed))
  }

  func closure(_ namespace: CacheNamespace, _ keys: [String]) async throws(RedisError) -> [String] {
    let edges = keyspace.prefix + "g:" + RedisKeyspace.scope(namespace.name)
    let arguments: [RedisCommand.Argument] = [.text(edges), .integer(Int64(CacheLimits.cascadeKeys))]
    let reply = try await run(
      .closure, keys: [], arguments + keys.map { .text($0) }, deadline: Self.longDeadline)
    return reply.elements?.compactMap(\.text) ?? keys
  }

  // MARK: Survey

  func page(_ namespace: CacheNamespace?, cursor: String) async throws(RedisError) -> SurveyPage {
    let scan = RedisCommand(
      "SCAN", .text(cursor), "MATCH", .text(keyspace.dataPattern(namespace)), "COUNT", "1000")
    guard let answer = try await connection.send(scan, deadline: Self.longDeadline).elements, answer.count == 2,
      let next = answer[0].text, let keys = answer[1].elements?.compactMap(\.text)
    else { throw .protocolViolation("SCAN gave an unknown answer") }
    let heads = try await heads(of: keys, bytes: 1_023)
    var entries: [SurveyEntry] = []
    for (key, head) in zip(keys, heads) where !head.isEmpty {
      entries.append(try await entry(key, head))
    }
    return SurveyPage(entries: entries, scanned: keys.count, cursor: next)
  }

  private func heads(of keys: [String], bytes: Int) async throws(RedisError) -> [[UInt8]] {
    let commands = keys.map { RedisCommand("GETRANGE", .text($0), "0", .integer(Int64(bytes))) }
    return try await connection.send(commands, deadline: Self.longDeadline).map { $0.bytes ?? [] }
  }

  /// What is no envelope of ours has epoch 0 and so goes with the next sweep.
  private func entry(_ key: String, _ start: [UInt8]) async throws(RedisError) -> SurveyEntry {
    var head = start
    if let length = EnvelopeHeader.length(head), length > head.count {
      head = try await heads(of: [key], bytes: length - 1).first ?? head
    }
    let header = EnvelopeHeader(head)
    return SurveyEntry(
      redisKey: key, mark: head.count >= 32 ? Array(head[24..<32]) : Array(head.dropFirst(24)),
      epoch: header?.epoch ?? 0, stamp: header?.stamp ?? 0, expires: header?.expires ?? 0,
      namespace: header?.namespace ?? "", key: header?.key ?? "", tags: header?.tags ?? [],
      bytes: header.map { $0.length + $0.payloadLength + 8 } ?? head.count)
  }

  func sizes(of keys: [CacheKey]) async throws(RedisError) -> [Int] {
    let commands = keys.map { RedisCommand("STRLEN", .text(keyspace.data($0))) }
    let isShort = keys.count <= Self.batch
    return try await connection.send(commands, deadline: isShort ? deadline : Self.longDeadline)
      .map { Int($0.integer ?? 0) }
  }

  func discard(_ keys: [CacheKey]) async throws(RedisError) {
    let names = keys.flatMap { [$0.namespace.name, $0.name] }
    let message = Array("W \(node) ".utf8) + InvalidationRule.encode(names)
    let replies = try await connection.send([
      RedisCommand("UNLINK", arguments: keys.map { .text(keyspace.data($0)) }),
      RedisCommand("PUBLISH", .text(keyspace.channel), .bytes(message)),
    ])
    for case .error(let error) in replies { throw .server(error) }
  }

  func remove(_ entries: [SurveyEntry]) async throws(RedisError) -> Int {
    var removed = 0
    for start in stride(from: 0, to: entries.count, by: 500) {
      let part = entries[start..<min(start + 500, entries.count)]
      let reply = try await run(
        .removeMarked, keys: part.map(\.redisKey), part.map { .bytes($0.mark) }, deadline: Self.longDeadline)
      removed += Int(reply.integer ?? 0)
    }
    return removed
  }

  /// Whether an entry of the survey belongs to another data set than the one this node has joined.
  func isForeign(_ entry: SurveyEntry) -> Bool { entry.epoch != epochNumber }

  // MARK: Plumbing

  func run(
    _ script: RedisScript, keys: [String], _ arguments: [RedisCommand.Argument], deadline: Duration
  ) async throws(RedisError) -> RedisValue {
    let rest = [.integer(Int64(keys.count))] + keys.map { RedisCommand.Argument.text($0) } + arguments
    do throws(RedisError) {
      let name = RedisCommand.Argument.text(scripts[script] ?? "")
      return try await connection.send(RedisCommand("EVALSHA", arguments: [name] + rest), deadline: deadline)
    } catch {
      // SCRIPT FLUSH makes Redis forget them; sending the text teaches it again.
      guard case .server(let refusal) = error, refusal.code == "NOSCRIPT" else { throw error }
    }
    return try await connection.send(RedisCommand("EVAL", arguments: [.text(script.text)] + rest), deadline: deadline)
  }

  static func randomHex() -> String { hex(UInt64.random(in: 1...UInt64.max)) }

  /// Sixteen digits, so that text compares as numbers do.
  static func hex(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
