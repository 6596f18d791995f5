import Foundation
import TestKit
import Testing

@testable import Load

@Suite struct WireTests {
  private func head(_ bytes: [UInt8], payloadMax: Int = 1 << 20) throws -> ClientFrame.Head? {
    try bytes.withUnsafeBytes { bytes in try ClientFrame.head(bytes, payloadMax: payloadMax) }
  }

  @Test func headsOfAllThreeLengthsAreRead() throws {
    #expect(try head([0x81, 5]) == .init(opcode: 1, headBytes: 2, payloadBytes: 5))
    #expect(try head([0x82, 126, 1, 0]) == .init(opcode: 2, headBytes: 4, payloadBytes: 256))
    #expect(try head([0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]) == .init(opcode: 1, headBytes: 10, payloadBytes: 65_536))
    for partial in [[0x81], [0x81, 126, 1], [0x81, 127, 0, 0, 0, 0, 0, 1, 0]] as [[UInt8]] {
      #expect(try head(partial) == nil)
    }
  }

  @Test(
    arguments: [
      [0xC1, 1], [0x01, 1], [0x81, 0x81], [0x83, 0], [0x89, 126, 0, 200], [0x81, 126, 0, 5],
      [0x81, 127, 0, 0, 0, 0, 0, 0, 1, 0], [0x81, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
      [0x81, 127, 0, 0, 0, 0, 0, 0x20, 0, 0],
    ] as [[UInt8]])
  func framesThatNoServerMaySendAreRefused(bytes: [UInt8]) {
    #expect(throws: LoadError.self) { try head(bytes) }
  }

  @Test(arguments: [0, 1, 125, 126, 65_535, 65_536])
  func whatIsWrittenUnmasksToThePayload(count: Int) throws {
    let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    var bytes: [UInt8] = []
    ClientFrame.append(payload, mask: 0xA1B2_C3D4, to: &bytes)
    #expect(bytes[1] & 0x80 != 0)
    bytes[1] &= 0x7F
    let read = try #require(try head(bytes))
    #expect(read.payloadBytes == count && bytes.count == read.headBytes + 4 + count)
    let mask = Array(bytes[read.headBytes..<(read.headBytes + 4)])
    #expect(mask == [0xA1, 0xB2, 0xC3, 0xD4])
    let clear = bytes[(read.headBytes + 4)...].enumerated().map { $1 ^ mask[$0 % 4] }
    #expect(clear == payload)
  }

  @Test func stampsSurviveBeingWrappedAndMerged() throws {
    let stamps = (0..<3).map {
      Stamp(nanoseconds: Int64.max / 10 - Int64($0), publisher: $0, sequence: 7, number: 900 + $0)
    }
    var bytes = Array("42[\"bench\",[".utf8)
    for stamp in stamps {
      bytes += "{\"load\":\"".utf8
      stamp.append(to: &bytes)
      bytes += "xxxx\"},".utf8
    }
    var found: [Stamp] = []
    try bytes.withUnsafeBytes { bytes in
      var position = 0
      while let stamp = try Stamp.next(in: bytes, &position) { found.append(stamp) }
    }
    #expect(found == stamps)
  }

  @Test(arguments: ["^", "^1", "^1.2.3^", "^1.2.3.x^", "^.1.2.3^", "^99999999999999999999.1.1.1^"])
  func aChangedStampIsAnError(text: String) {
    #expect(throws: LoadError.self) {
      try Array(text.utf8).withUnsafeBytes { bytes in
        var position = 0
        _ = try Stamp.next(in: bytes, &position)
      }
    }
  }

  @Test(arguments: ["bench", "agent-thought", "task-update"])
  func eventsAreJSONOfTheAskedSize(event: String) throws {
    var text = EventText()
    text.fill(event, room: 3, .init(nanoseconds: 5, publisher: 1, sequence: 2, number: 77), bytes: 150)
    let packet = String(decoding: text.bytes, as: UTF8.self)
    #expect(packet.hasPrefix("4277["))
    let array = try #require(
      try JSONSerialization.jsonObject(with: Data(packet.dropFirst(4).utf8)) as? [Any])
    let argument = try #require(array.last as? [String: Any])
    if event == "bench" {
      #expect(array.first as? String == "publish" && argument["room"] as? String == "task:load-3")
      let data = try JSONSerialization.data(withJSONObject: try #require(argument["data"]))
      #expect(data.count == 150)
    } else {
      #expect(array.first as? String == event)
    }
  }

  @Test func randomBytesNeverTrapTheReaders() {
    SeededRandom.run { Self.feedReaders(&$0) }
  }

  private static func feedReaders(_ generator: inout SeededRandom) {
    for _ in 0..<20_000 {
      var bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      if Bool.random(using: &generator) { bytes.insert(contentsOf: Array("43~12.".utf8), at: 0) }
      bytes.withUnsafeBytes { bytes in
        if let head = try? ClientFrame.head(bytes, payloadMax: 1_000) { #expect(head.payloadBytes <= 1_000) }
        var position = 0
        while let stamp = try? Stamp.next(in: bytes, &position) { #expect(stamp.number >= 0) }
        if case .acknowledgement(let number, let rest) = ServerMessage(bytes) {
          #expect(number >= 0 && rest.upperBound == bytes.count)
        }
        if let end = UpgradeAnswer.end(bytes) { #expect(end <= bytes.count) }
      }
    }
  }
}
