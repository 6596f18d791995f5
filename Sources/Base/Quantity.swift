/// Durations and sizes as people type them (CONTRACT, Commands): `500ms`, `30s`, `5m`; `512M`, `10K`.
public enum Quantity {
  /// Milliseconds of `500ms`, `30s`, `5m`, `2h`, `1d`; a plain number means seconds. Nil when it is none of these or
  /// too large for 64 bits.
  public static func milliseconds(_ text: String) -> Int64? {
    for (suffix, factor) in [("ms", Int64(1)), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)] {
      if let value = scaled(text, suffix, factor) { return value }
    }
    return scaled(text, "", 1_000)
  }

  /// Bytes of `512M`, `10K`, `2G`, `1T` (powers of 1,024; an optional `B` or `iB` follows); a plain number means bytes.
  public static func bytes(_ text: String) -> Int64? {
    guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    let upper = text.uppercased()
    for (unit, shift) in [("K", Int64(10)), ("M", 20), ("G", 30), ("T", 40)] {
      for suffix in [unit, unit + "B", unit + "IB"] {
        if let value = scaled(upper, suffix, 1 << shift) { return value }
      }
    }
    return scaled(upper, "B", 1) ?? scaled(upper, "", 1)
  }

  /// `1.5 GiB`, `412 MiB`, `10 B`: at most four significant characters and a unit, for people.
  public static func describe(bytes: Int64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    var value = Double(bytes)
    var unit = 0
    // 1,023.5 would round to 1,024, which is one of the next unit.
    while abs(value) >= (unit == 0 ? 1_024 : 1_023.5), unit < units.count - 1 {
      value /= 1_024
      unit += 1
    }
    return "\(short(value, whole: unit == 0)) \(units[unit])"
  }

  /// `12 ms`, `3.4 s`, `5m 03s`, `2h 11m`, `4d 02h`.
  public static func describe(milliseconds: Int64) -> String {
    if milliseconds < 1_000 { return "\(milliseconds) ms" }
    let seconds = milliseconds / 1_000
    if milliseconds < 59_950 { return "\(short(Double(milliseconds) / 1_000, whole: false)) s" }
    if seconds < 60 { return "1m 00s" }
    if seconds < 3_600 { return "\(seconds / 60)m \(two(seconds % 60))s" }
    if seconds < 86_400 { return "\(seconds / 3_600)h \(two(seconds / 60 % 60))m" }
    return "\(seconds / 86_400)d \(two(seconds / 3_600 % 24))h"
  }

  /// A number with `digits` decimals and no locale.
  public static func fixed(_ value: Double, digits: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    var factor = 1.0
    for _ in 0..<digits { factor *= 10 }
    guard abs(value) * factor < 9e18 else { return "\(value)" }
    let scaled = Int64((abs(value) * factor).rounded())
    let sign = value < 0 && scaled != 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(scaled)" }
    let fraction = String(scaled % Int64(factor))
    return "\(sign)\(scaled / Int64(factor)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
  }

  private static func short(_ value: Double, whole: Bool) -> String {
    fixed(value, digits: whole || abs(value) >= 99.95 ? 0 : 1)
  }

  private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }

  private static func scaled(_ text: String, _ suffix: String, _ factor: Int64) -> Int64? {
    guard text.hasSuffix(suffix) else { return nil }
    let digits = text.dropLast(suffix.count)
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let value = Int64(digits) else {
      return nil
    }
    let (product, overflow) = value.multipliedReportingOverflow(by: factor)
    return overflow ? nil : product
  }
}
