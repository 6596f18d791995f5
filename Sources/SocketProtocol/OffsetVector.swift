/// What a client has seen, as its recovery offset says it: of every origin the last sequence number,
/// `origin.sequence~origin.sequence`, the numbers in base 36.
///
/// Two nodes interleave the broadcasts of several origins differently, but each keeps every origin's own order (a
/// vector clock in the sense of Mattern, "Virtual Time and Global States of Distributed Systems", 1989). So the
/// vector says on any node what is missing: of each origin all that comes after its number.
///
/// A client hands it back, so it is read as outside bytes: bounded, and refused whole when one piece is wrong.
public struct OffsetVector: Sendable, Equatable {
  public static let originsMax = 64
  public static let originBytesMax = 32

  /// Origins in the order in which they were last heard of, the latest last.
  public private(set) var entries: [(origin: String, sequence: UInt64)] = []

  public init() {}

  public subscript(origin: String) -> UInt64? { entries.first { $0.origin == origin }?.sequence }

  /// Raises an origin's number. Past `originsMax` the origin that was silent longest is forgotten: clients that come
  /// back with such an offset are not recovered if anything of it matters.
  public mutating func advance(_ origin: String, to sequence: UInt64) {
    guard Self.isOrigin(origin) else { return }
    if let last = entries.last, last.origin == origin {
      entries[entries.count - 1].sequence = max(last.sequence, sequence)
      return
    }
    var reached = sequence
    if let place = entries.firstIndex(where: { $0.origin == origin }) {
      reached = max(reached, entries.remove(at: place).sequence)
    } else if entries.count == Self.originsMax {
      entries.removeFirst()
    }
    entries.append((origin, reached))
  }

  public mutating func forget(_ origin: String) { entries.removeAll { $0.origin == origin } }

  public var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(entries.count * 16)
    for entry in entries {
      if !bytes.isEmpty { bytes.append(UInt8(ascii: "~")) }
      bytes += entry.origin.utf8
      bytes.append(UInt8(ascii: "."))
      bytes += String(entry.sequence, radix: 36).utf8
    }
    return bytes
  }

  /// Nil for anything that `encoded` does not write.
  public init?(_ text: String) {
    let lengthMax = Self.originsMax * (Self.originBytesMax + 15)
    guard text.utf8.count <= lengthMax else { return nil }
    if text.isEmpty { return }
    for piece in text.utf8.split(separator: UInt8(ascii: "~"), omittingEmptySubsequences: false) {
      let halves = piece.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      guard halves.count == 2, entries.count < Self.originsMax, Self.isOrigin(halves[0]),
        let digits = String(halves[1]), Self.isBase36(halves[1]), let sequence = UInt64(digits, radix: 36),
        let origin = String(halves[0]), self[origin] == nil
      else { return nil }
      entries.append((origin, sequence))
    }
  }

  /// Letters, digits and dashes; others are not numbered in any vector.
  public static func isOrigin(_ name: String) -> Bool { isOrigin(name.utf8) }

  private static func isOrigin(_ bytes: some Collection<UInt8>) -> Bool {
    (1...originBytesMax).contains(bytes.count)
      && bytes.allSatisfy { (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 }
  }

  private static func isBase36(_ bytes: some Collection<UInt8>) -> Bool {
    (1...13).contains(bytes.count) && bytes.allSatisfy { (48...57).contains($0) || (97...122).contains($0) }
  }

  public static func == (left: OffsetVector, right: OffsetVector) -> Bool {
    left.entries.elementsEqual(right.entries) { $0 == $1 }
  }
}
