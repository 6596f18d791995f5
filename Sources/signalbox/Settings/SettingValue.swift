internal import Base
internal import EngineRoom
internal import Glibc
internal import RedisLink

/// A value that follows its row's rule.
enum SettingValue: Sendable, Equatable {
  case text(String)
  case integer(Int)
  case list([String])
  case redis(RedisURL)
  case secret(Secret)

  /// As `signalbox config` shows it.
  var shown: String {
    switch self {
    case .text(let text): text
    case .integer(let number): String(number)
    case .list(let items): items.joined(separator: ",")
    case .redis(let url): Self.shown(url)
    case .secret: "set"
    }
  }

  /// Reads `text` by the rule of `row`. `origin` says where it was found; `folder` is what relative paths belong to.
  static func parse(
    _ text: String, row: Setting, origin: String, folder: String, home: String
  ) throws(Failure) -> SettingValue {
    func refusal(_ reason: String? = nil) -> Failure {
      let shown = row.isSecret ? "" : " '\(shownInRefusal(text, row: row))'"
      let why = reason ?? "is not accepted"
      return Failure(.invalid, "\(origin):\(shown) \(why); \(row.name) must be \(row.allowed)")
    }
    if text.isEmpty { throw Failure(.invalid, "\(origin) is empty; unset it, or \(row.name) must be \(row.allowed)") }
    switch row.kind {
    case .redis:
      guard text.utf8.count <= 2_048, isPlain(text) else { throw refusal() }
      do { return .redis(try RedisURL(text)) } catch {
        throw refusal("is not accepted: \(error.message)")
      }
    case .integer(let range):
      guard let number = wholeNumber(text), range.contains(number) else { throw refusal() }
      return .integer(number)
    case .path, .socketPath:
      guard let path = absolute(text, folder: folder, home: home) else { throw refusal() }
      if row.kind == .socketPath, path.utf8.count > 107 { throw refusal("is \(path.utf8.count) bytes long") }
      return .text(path)
    case .web:
      guard let address = webAddress(text) else { throw refusal() }
      return .text(address)
    case .folders: return .list(try folders(text, folder: folder, home: home, refusal))
    case .origins, .networks:
      let items = text.split(separator: ",", omittingEmptySubsequences: false).map(Self.trimmed)
      let isRight = row.kind == .origins ? (items == ["*"] || items.allSatisfy(isOrigin)) : items.allSatisfy(isNetwork)
      guard isRight, items.count <= 256 else { throw refusal() }
      return .list(items)
    case .secret(let minBytes):
      guard text.utf8.count >= minBytes else { throw refusal("has \(text.utf8.count) bytes") }
      return .secret(Secret(text))
    case .text(let max):
      guard text.utf8.count <= max, isPlain(text) else { throw refusal() }
      return .text(text)
    case .choice(let names):
      guard names.contains(text) else { throw refusal() }
      return .text(text)
    case .host:
      guard isHost(text) else { throw refusal() }
      return .text(text)
    case .bytes(let range):
      guard let bytes = Quantity.bytes(text), range.contains(Int(clamping: bytes)) else { throw refusal() }
      return .integer(Int(bytes))
    case .prefix:
      guard isPrefix(text) else { throw refusal() }
      return .text(text)
    case .engines: return .list(try engines(text, refusal).map(\.rawValue))
    case .docker:
      guard isDockerHost(text) else { throw refusal() }
      return .text(text)
    case .theme:
      guard text.utf8.count <= 4_096, isPlain(text) else { throw refusal() }
      return .text(text)
    }
  }

  private static func folders(
    _ text: String, folder: String, home: String, _ refusal: (String?) -> Failure
  ) throws(Failure) -> [String] {
    let items = text.split(separator: ",", omittingEmptySubsequences: false).map(trimmed)
    let paths = items.compactMap { $0.isEmpty ? nil : absolute($0, folder: folder, home: home) }
    guard paths.count == items.count, paths.count <= 256 else { throw refusal(nil) }
    return paths
  }

  /// `all`, or names; one that this build has not is refused by name, and silently no part of `all`.
  private static func engines(_ text: String, _ refusal: (String?) -> Failure) throws(Failure) -> [Engine] {
    if trimmed(text[...]) == "all" { return Engine.allCases.filter(Engine.built.contains) }
    var engines: [Engine] = []
    for name in text.split(separator: ",", omittingEmptySubsequences: false).map(trimmed) {
      guard let engine = Engine(rawValue: name) else { throw refusal(nil) }
      guard Engine.built.contains(engine) else { throw refusal("names the engine \(name), which this build has not") }
      if !engines.contains(engine) { engines.append(engine) }
    }
    return engines
  }

  private static func isPrefix(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (97...122).contains($0) || (65...90).contains($0) || (48...57).contains($0) || "._-".utf8.contains($0)
      }
  }

  /// Without what may be a credential.
  private static func shown(_ url: RedisURL) -> String {
    switch url.address {
    case .unix: "unix://\(url)"
    case .tcp:
      "redis://\(url.password == nil ? "" : "***@")\(url)" + (url.database == 0 ? "" : "/\(url.database)")
    }
  }

  /// What stands between `://` and the last `@` may be a password.
  private static func shownInRefusal(_ text: String, row: Setting) -> String {
    var text = text
    if row.kind == .redis || row.kind == .web, let at = text.lastIndex(of: "@") {
      let scheme = text.range(of: "://").map { text[..<$0.upperBound] } ?? ""
      text = scheme + "***" + text[at...]
    }
    return DisplayText(text).truncated(to: 120).text
  }

  private static func wholeNumber(_ text: String) -> Int? {
    text.utf8.allSatisfy { (48...57).contains($0) } ? Int(text) : nil
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }

  /// Without characters that do something instead of being seen.
  private static func isPlain(_ text: String) -> Bool {
    !text.unicodeScalars.contains { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: true
      default: false
      }
    }
  }

  private static func absolute(_ text: String, folder: String, home: String) -> String? {
    guard isPlain(text), text.utf8.count <= 4_095 else { return nil }
    if text.hasPrefix("/") { return text }
    if text == "~" { return home }
    if text.hasPrefix("~/") { return join(home, String(text.dropFirst(2))) }
    let bare = text.hasPrefix("./") ? String(text.dropFirst(2)) : text
    return bare.isEmpty || bare == "." ? folder : join(folder, bare)
  }

  /// `folder/name`, with one slash.
  static func join(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }

  private static func isHost(_ text: String) -> Bool {
    if isAddress(text) { return true }
    let bytes = Array(text.utf8)
    guard (1...253).contains(bytes.count), bytes.first != 45, bytes.first != 46 else { return false }
    let isName = bytes.allSatisfy { byte in
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45 || byte == 46
    }
    // Only digits and dots would be an address, and a wrong one, as in 127.0.0.
    return isName && !bytes.allSatisfy { (48...57).contains($0) || $0 == 46 }
  }

  private static func isAddress(_ text: String) -> Bool { addressBits(text) != nil }

  /// 32 or 128 for an address of IPv4 or IPv6.
  private static func addressBits(_ text: String) -> Int? {
    var four = in_addr()
    var six = in6_addr()
    if inet_pton(AF_INET, text, &four) == 1 { return 32 }
    return inet_pton(AF_INET6, text, &six) == 1 ? 128 : nil
  }

  private static func isNetwork(_ text: String) -> Bool {
    let pieces = text.split(separator: "/", omittingEmptySubsequences: false)
    guard pieces.count <= 2, let bits = addressBits(String(pieces[0])) else { return false }
    guard pieces.count == 2 else { return true }
    guard let prefix = wholeNumber(String(pieces[1])) else { return false }
    return !pieces[1].isEmpty && (0...bits).contains(prefix)
  }

  /// `scheme://host[:port]`, as browsers send it: no path, no trailing slash.
  private static func isOrigin(_ text: String) -> Bool {
    guard let separator = text.range(of: "://") else { return false }
    let scheme = text[..<separator.lowerBound]
    let authority = String(text[separator.upperBound...])
    guard let first = scheme.utf8.first, (97...122).contains(first | 32),
      scheme.utf8.allSatisfy({ (97...122).contains($0 | 32) || (48...57).contains($0) || [43, 45, 46].contains($0) })
    else { return false }
    return isAuthority(authority)
  }

  /// `host[:port]`, IPv6 in brackets.
  private static func isAuthority(_ text: String) -> Bool {
    var host = text
    if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
      guard let port = wholeNumber(String(text[text.index(after: colon)...])), (1...65_535).contains(port) else {
        return false
      }
      host = String(text[..<colon])
    }
    if host.hasPrefix("["), host.hasSuffix("]") { return addressBits(String(host.dropFirst().dropLast())) == 128 }
    return isHost(host) && !host.contains(":")
  }

  private static func webAddress(_ text: String) -> String? {
    guard text.utf8.count <= 1_024, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
    let full = text.contains("://") ? text : "https://\(text)"
    guard full.hasPrefix("https://") || full.hasPrefix("http://"), let slashes = full.range(of: "://") else {
      return nil
    }
    let rest = full[slashes.upperBound...]
    guard !rest.contains("@"), !rest.contains("?"), !rest.contains("#") else { return nil }
    return isAuthority(String(rest.prefix { $0 != "/" })) ? full : nil
  }

  private static func isDockerHost(_ text: String) -> Bool {
    if text.hasPrefix("unix://") {
      let path = text.dropFirst("unix://".count)
      return path.hasPrefix("/") && (2...107).contains(path.utf8.count) && isPlain(text)
    }
    guard text.hasPrefix("tcp://") || text.hasPrefix("http://"), let slashes = text.range(of: "://") else {
      return false
    }
    return isAuthority(String(text[slashes.upperBound...]))
  }
}

extension String {
  /// Where `needle` first stands, without Foundation.
  fileprivate func range(of needle: String) -> Range<String.Index>? { ranges(of: needle).first }
}
