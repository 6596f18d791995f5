import Testing

@testable import Gateway

/// Autobahn's groups 12 and 13 on the codec alone.
@Suite struct DeflateCodecTests {
  private func roundTrip(_ message: [UInt8], bytesMax: Int) throws -> [UInt8] {
    var deflater = try Deflater()
    var inflater = try Inflater()
    var small: [UInt8] = []
    var back: [UInt8] = []
    try message.withUnsafeBytes { try deflater.deflate($0, to: &small) }
    try small.withUnsafeBytes { try inflater.inflate($0, bytesMax: bytesMax, to: &back) }
    return back
  }

  @Test(arguments: [0, 1, 16, 64, 256, 1_024, 4_096, 32_768, 131_072])
  func messagesOfEverySizeComeBack(count: Int) throws {
    let repeating = (0..<count).map { UInt8($0 / 7 & 0xFF) }
    var state: UInt32 = 1
    let random = (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(state >> 24)
    }
    #expect(try roundTrip(repeating, bytesMax: count) == repeating)
    #expect(try roundTrip(random, bytesMax: count) == random)
  }

  /// RFC 7692 section 7.2.3: one block, one with a final bit, and two blocks.
  @Test(
    arguments: [
      [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
      [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
      [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
    ] as [[UInt8]])
  func theExamplesOfTheStandardAreInflated(bytes: [UInt8]) throws {
    var inflater = try Inflater()
    var output: [UInt8] = []
    try bytes.withUnsafeBytes { try inflater.inflate($0, bytesMax: 5, to: &output) }
    #expect(output == Array("Hello".utf8))
  }

  @Test func aBombIsRefusedAndLeavesNothing() throws {
    var deflater = try Deflater()
    var inflater = try Inflater()
    var bomb: [UInt8] = []
    var output: [UInt8] = [7]
    try [UInt8](repeating: 0, count: 1_000_000).withUnsafeBytes { try deflater.deflate($0, to: &bomb) }
    var seen: (any Error)?
    do { try bomb.withUnsafeBytes { try inflater.inflate($0, bytesMax: 999_999, to: &output) } } catch { seen = error }
    #expect(seen as? DeflateError == .tooLarge && output == [7] && bomb.count < 10_000)
    try bomb.withUnsafeBytes { try inflater.inflate($0, bytesMax: 1_000_000, to: &output) }
    #expect(output.count == 1_000_001)
  }

  @Test func whatIsNotDeflateIsRefused() throws {
    var inflater = try Inflater()
    var output: [UInt8] = []
    var seen: (any Error)?
    do { try [0xFF, 0xFF, 0xFF].withUnsafeBytes { try inflater.inflate($0, bytesMax: 100, to: &output) } } catch {
      seen = error
    }
    #expect(seen as? DeflateError == .data && output.isEmpty)
  }
}
