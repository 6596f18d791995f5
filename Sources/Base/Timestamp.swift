/// Times of day as text, without Foundation's formatters: those load locale data, and a log line needs one fixed form.
public enum Timestamp {
  /// The first and the last millisecond that have a year of four digits.
  private static let representable: ClosedRange<Int64> = -62_167_219_200_000...253_402_300_799_999

  /// `2026-11-20T23:14:05.221Z` for milliseconds since 1970. What lies before the year 0 or after 9999 shows as the
  /// nearest time that does not: such a number is a mistake of another program, and the form stays fixed.
  public static func iso8601(_ time: Int64) -> String {
    let milliseconds = min(max(time, representable.lowerBound), representable.upperBound)
    let date = civil(milliseconds)
    return "\(pad(date.year, 4))-\(pad(date.month, 2))-\(pad(date.day, 2))T\(clock(milliseconds))Z"
  }

  /// `23:14:05.221` in UTC.
  public static func clock(_ milliseconds: Int64) -> String {
    let ofDay = floorMod(milliseconds, 86_400_000)
    let seconds = ofDay / 1_000
    return "\(pad(seconds / 3_600, 2)):\(pad(seconds / 60 % 60, 2)):\(pad(seconds % 60, 2)).\(pad(ofDay % 1_000, 3))"
  }

  /// Reads `2026-11-20`, `2026-11-20T23:14`, `2026-11-20T23:14:05[.221][Z]`, all UTC. Nil when it is none of them.
  public static func parse(_ text: String) -> Int64? {
    let halves = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
    let date = halves[0].split(separator: "-", omittingEmptySubsequences: false)
    guard date.count == 3, let year = number(date[0], 4), let month = number(date[1], 2),
      let day = number(date[2], 2), (1...12).contains(month), (1...31).contains(day)
    else { return nil }
    let midnight = days(year: year, month: month, day: day) * 86_400_000
    guard civil(midnight).day == day else { return nil }  // 31 April, 29 February of a common year
    guard halves.count == 2 else { return midnight }
    return timeOfDay(halves[1]).map { midnight + $0 }
  }

  private static func timeOfDay(_ text: Substring) -> Int64? {
    var rest = text
    if rest.hasSuffix("Z") { rest.removeLast() }
    let pieces = rest.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let clock = pieces[0].split(separator: ":", omittingEmptySubsequences: false)
    guard clock.count == 2 || clock.count == 3, let hour = number(clock[0], 2), let minute = number(clock[1], 2),
      hour < 24, minute < 60
    else { return nil }
    var second: Int64 = 0
    if clock.count == 3 {
      guard let value = number(clock[2], 2), value < 60 else { return nil }
      second = value
    }
    var fraction: Int64 = 0
    if pieces.count == 2 {
      guard clock.count == 3, let value = number(pieces[1], 3) else { return nil }
      fraction = value
    }
    return ((hour * 60 + minute) * 60 + second) * 1_000 + fraction
  }

  private static func number(_ text: Substring, _ digits: Int) -> Int64? {
    guard text.utf8.count == digits, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return Int64(text)
  }

  /// Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant, "chrono-Compatible Low-Level Date
  /// Algorithms", days_from_civil).
  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// The inverse, civil_from_days of the same source.
  private static func civil(_ milliseconds: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = (milliseconds - floorMod(milliseconds, 86_400_000)) / 86_400_000 + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  private static func floorMod(_ value: Int64, _ divisor: Int64) -> Int64 {
    let rest = value % divisor
    return rest < 0 ? rest + divisor : rest
  }

  private static func pad(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
