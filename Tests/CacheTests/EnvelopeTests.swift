import Base
import TestKit
import Testing

@testable import Cache

@Suite struct EnvelopeTests {
  /// The reference values of the specification.
  @Test(
    arguments: [
      ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
      ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
    ] as [(String, UInt64)])
  func checksumsAreXXH64(_ text: String, _ expected: UInt64) {
    #expect(Checksum64.hash(text) == expected)
  }

  private func item() throws -> CacheItem {
    CacheItem(
      key: try key("k", "ns"), value: Array(0...255), contentType: "a/b", tags: ["t", "ü"], dependencies: ["d"],
      created: 1, freshUntil: 2, expires: 3, stamp: 9, writeID: 77)
  }

  @Test func anEnvelopeCarriesEverything() throws {
    let item = try item()
    let bytes = Envelope.bytes(item, epoch: 5)
    let found = try #require(Envelope.decode(bytes, for: item.key, epoch: 5))
    #expect(found.value == item.value)
    #expect(found.contentType == "a/b")
    #expect(found.tags == ["t", "ü"])
    #expect(found.dependencies == ["d"])
    #expect([found.created, found.freshUntil, found.expires] == [1, 2, 3])
    #expect(found.stamp == 9)
    #expect(Array(bytes[24..<32]) == [77, 0, 0, 0, 0, 0, 0, 0])
    #expect(Envelope.decode(bytes, for: item.key, epoch: 6) == nil)
    #expect(Envelope.decode(bytes, for: try key("l", "ns"), epoch: 5) == nil)
    #expect(Envelope.decode(bytes, for: try key("k", "nt"), epoch: 5) == nil)
  }

  @Test func noMangledByteIsEverServed() throws {
    let item = try item()
    let bytes = Envelope.bytes(item, epoch: 5)
    for index in bytes.indices {
      var mangled = bytes
      mangled[index] ^= 0x41
      #expect(Envelope.decode(mangled, for: item.key, epoch: 5) == nil, "byte \(index)")
    }
    for count in 0..<bytes.count { #expect(Envelope.decode(Array(bytes[..<count]), for: item.key, epoch: 5) == nil) }
    #expect(Envelope.decode(bytes + [0], for: item.key, epoch: 5) == nil)
  }
}
