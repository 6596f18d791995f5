extension StringProtocol {
  /// Without blanks and tabs at both ends (RFC 9110, optional white space).
  func trimmingBlanks() -> String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    var rest = self[...]
    while let first = rest.first, isBlank(first) { rest = rest.dropFirst() }
    while let last = rest.last, isBlank(last) { rest = rest.dropLast() }
    return String(rest)
  }

  /// At most 64 visible ASCII characters; everything else shows as `?`: outside bytes in a message stay harmless.
  var forMessages: String {
    let shown = String(decoding: utf8.prefix(64).map { (0x20...0x7e).contains($0) ? $0 : 63 }, as: UTF8.self)
    return utf8.count > 64 ? shown + "..." : shown
  }
}
