/// What nodes tell each other over the channel.
enum CacheMessage: Equatable {
  /// `I <number> <id> <rule>`
  case rule(LogEntry)
  /// `W <node> <namespace and key, in pairs>`: these keys have new values. The writer itself is told as well and looks
  /// away, which tracking could not do: NOLOOP does not hold for scripts (Redis 7.0), so every writer would lose what
  /// it had just put into its own first level.
  case written(node: String, keys: [CacheKey])
  /// `E`
  case newEpoch

  init?(_ bytes: [UInt8]) {
    if bytes == [UInt8(ascii: "E")] {
      self = .newEpoch
      return
    }
    let parts = bytes.split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
    switch (parts.first?.first, parts.count) {
    case (UInt8(ascii: "I"), 4):
      guard let sequence = UInt64(String(decoding: parts[1], as: UTF8.self)),
        let rule = InvalidationRule(Array(parts[3]))
      else { return nil }
      self = .rule(LogEntry(sequence: sequence, id: String(decoding: parts[2], as: UTF8.self), rule: rule))
    case (UInt8(ascii: "W"), 3...):
      let start = parts[0].count + parts[1].count + 2
      guard let keys = Self.keys(Array(bytes[start...])) else { return nil }
      self = .written(node: String(decoding: parts[1], as: UTF8.self), keys: keys)
    default: return nil
    }
  }

  private static func keys(_ bytes: [UInt8]) -> [CacheKey]? {
    guard let fields = InvalidationRule.fields(bytes), fields.count % 2 == 0 else { return nil }
    var keys: [CacheKey] = []
    for index in stride(from: 0, to: fields.count, by: 2) {
      do { keys.append(CacheKey(unchecked: fields[index + 1], try CacheNamespace(fields[index]))) } catch { return nil }
    }
    return keys
  }
}
