internal import CSockets
internal import Glibc

/// The mark that an event carries through the server: when it was sent, by whom, and which one it is. As text within
/// the payload, `^time.publisher.sequence.number^`, so that it survives whatever wraps or merges the events. The mark
/// is no letter of a recovery offset, which joins its parts by `~`.
struct Stamp: Equatable {
  static let mark = UInt8(ascii: "^")

  /// CLOCK_MONOTONIC, which all processes of a machine share.
  var nanoseconds: Int64
  var publisher: Int
  /// Of this publisher to this room, from 1 without gaps.
  var sequence: Int
  /// Of all events of the run, from 0.
  var number: Int

  func append(to bytes: inout [UInt8]) {
    bytes.append(Self.mark)
    Self.append(Int(nanoseconds), to: &bytes)
    for field in [publisher, sequence, number] {
      bytes.append(UInt8(ascii: "."))
      Self.append(field, to: &bytes)
    }
    bytes.append(Self.mark)
  }

  /// The first stamp at or after `position`, which then points behind it. Nil when there is no more; throws for a mark
  /// that begins no stamp.
  static func next(in bytes: UnsafeRawBufferPointer, _ position: inout Int) throws(LoadError) -> Stamp? {
    guard position < bytes.count, let base = bytes.baseAddress,
      let found = memchr(base + position, Int32(mark), bytes.count - position)
    else { return nil }
    position = UnsafeRawPointer(found) - base + 1
    let time = try field(bytes, &position, end: UInt8(ascii: "."))
    let publisher = try field(bytes, &position, end: UInt8(ascii: "."))
    let sequence = try field(bytes, &position, end: UInt8(ascii: "."))
    let number = try field(bytes, &position, end: mark)
    return Stamp(nanoseconds: Int64(time), publisher: publisher, sequence: sequence, number: number)
  }

  private static func field(
    _ bytes: UnsafeRawBufferPointer, _ position: inout Int, end: UInt8
  ) throws(LoadError) -> Int {
    var value = 0
    let start = position
    while position < bytes.count, position - start < 19 {
      let byte = bytes[position]
      position += 1
      if byte == end, position - start > 1 { return value }
      guard (48...57).contains(byte) else { break }
      let (grown, isTooLarge) = value.multipliedReportingOverflow(by: 10)
      guard !isTooLarge, grown <= Int.max - 9 else { break }
      value = grown + Int(byte - 48)
    }
    throw .violation("a stamp arrived changed")
  }

  static func append(_ value: Int, to bytes: inout [UInt8]) {
    precondition(value >= 0, "stamps count upwards")
    let start = bytes.count
    var rest = value
    repeat {
      bytes.append(UInt8(48 + rest % 10))
      rest /= 10
    } while rest > 0
    bytes[start...].reverse()
  }
}

/// Nanoseconds of CLOCK_MONOTONIC.
func monotonicNanoseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
