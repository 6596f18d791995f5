internal import Base

/// Numbers as the panes write them: fixed widths, no locale, so that fields never jump.
enum Figures {
  /// `1,284`.
  static func grouped(_ value: Int) -> String {
    var digits = String(value.magnitude)
    var pieces: [String] = []
    while digits.count > 3 {
      pieces.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    pieces.insert(digits, at: 0)
    return (value < 0 ? "-" : "") + pieces.joined(separator: ",")
  }

  /// `1 key`, `1,284 keys`.
  static func counted(_ count: Int, _ noun: String) -> String { "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")" }

  /// At most four characters: `999`, `1.9k`, `412k`, `8.2M`.
  static func short(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    let magnitude = abs(value)
    if magnitude < 10, magnitude.rounded() != magnitude { return Quantity.fixed(value, digits: 2) }
    if magnitude < 100, magnitude.rounded() != magnitude { return Quantity.fixed(value, digits: 1) }
    for (limit, factor, unit) in [(999.5, 1.0, ""), (999.5e3, 1e3, "k"), (999.5e6, 1e6, "M"), (999.5e9, 1e9, "G")]
    where magnitude < limit {
      let scaled = value / factor
      return Quantity.fixed(scaled, digits: unit.isEmpty || abs(scaled) >= 9.95 ? 0 : 1) + unit
    }
    return Quantity.fixed(value / 1e12, digits: 1) + "T"
  }

  /// `12s`, `5m`, `2:11`, `4d 02:11`: changes at most once a minute after the first one.
  static func uptime(seconds: Double) -> String {
    let whole = seconds.isFinite ? Int(max(0, min(seconds, 1e12))) : 0
    if whole < 60 { return "\(whole)s" }
    if whole < 3_600 { return "\(whole / 60)m" }
    let hours = whole / 3_600 % 24
    let clock = "\(hours):\(two(whole / 60 % 60))"
    return whole < 86_400 ? clock : "\(whole / 86_400)d \(two(hours)):\(two(whole / 60 % 60))"
  }

  /// `12 s`, `5 min`, `2 h`: the age of what is shown.
  static func age(milliseconds: Int64) -> String {
    let seconds = max(0, milliseconds) / 1_000
    if seconds < 120 { return "\(seconds) s" }
    return seconds < 7_200 ? "\(seconds / 60) min" : "\(seconds / 3_600) h"
  }

  /// `<1ms`, `12ms`, `2.1s`, `35s`: a round trip in at most five characters.
  static func roundTrip(milliseconds: Double) -> String {
    if milliseconds > 0, milliseconds < 1 { return "<1ms" }
    if milliseconds < 999.5 { return "\(Quantity.fixed(milliseconds, digits: 0))ms" }
    return Quantity.fixed(milliseconds / 1_000, digits: milliseconds < 9_950 ? 1 : 0) + "s"
  }

  /// `0.05 ms`, `4.60 ms`, `1.25 s`, `98 s`: how long something took, in the unit that suits it.
  static func duration(milliseconds: Double) -> String {
    milliseconds < 1_000 ? "\(short(milliseconds)) ms" : "\(short(milliseconds / 1_000)) s"
  }

  /// `412M`, `1.9G`: bytes by powers of 1,024 in at most five characters.
  static func bytes(_ value: Int64) -> String {
    let units = ["B", "K", "M", "G", "T", "P"]
    var amount = Double(max(0, value))
    var unit = 0
    while amount >= 999.5, unit < units.count - 1 {
      amount /= 1_024
      unit += 1
    }
    return Quantity.fixed(amount, digits: unit == 0 || amount >= 9.95 ? 0 : 1) + units[unit]
  }

  static func padded(_ text: String, left width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  static func padded(_ text: String, right width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
