internal import Base
internal import RedisLink

/// The names of everything the cache keeps in Redis. The `1` is the version of the layout: another layout has another
/// number and never meets this one.
///
///     <prefix>:1:d:<length>:<namespace>:<key>   a value in its envelope
///     <prefix>:1:g:<length>:<namespace>:<key>   sorted set: who depends on the key, by when that entry expires
///     <prefix>:1:t:<project>                    list: states of a project that were told of, the newest first
///     <prefix>:1:seq  :log  :epoch  :lease      the order, its log, the data set's random id, who sweeps
///     <prefix>:1:inv                            channel of rules (I), writes (W) and new epochs (E)
///
/// Namespaces are preceded by their length, so no namespace can reach into another whatever its keys contain.
struct RedisKeyspace: Sendable {
  let prefix: String
  let sequence: String
  let log: String
  let epoch: String
  let lease: String
  let channel: String

  init(_ name: String) {
    prefix = name + ":1:"
    sequence = prefix + "seq"
    log = prefix + "log"
    epoch = prefix + "epoch"
    lease = prefix + "lease"
    channel = prefix + "inv"
  }

  func data(_ key: CacheKey) -> String { prefix + "d:" + Self.scope(key.namespace.name) + key.name }

  func told(_ project: String) -> String { prefix + "t:" + project }

  static func scope(_ namespace: String) -> String { "\(namespace.utf8.count):\(namespace):" }

  /// A SCAN pattern for the values of a namespace, or of all.
  func dataPattern(_ namespace: CacheNamespace?) -> String {
    Self.escape(prefix + "d:" + (namespace.map { Self.scope($0.name) } ?? "")) + "*"
  }

  var edgesPattern: String { Self.escape(prefix + "g:") + "*" }

  private static func escape(_ text: String) -> String {
    var escaped = ""
    for character in text {
      if "*?[]\\^-".contains(character) { escaped.append("\\") }
      escaped.append(character)
    }
    return escaped
  }
}
