import Base
import ControlPlane
import Foundation
import Testing

@Suite struct FrameTests {
  @Test func framesSurviveAnyCutting() throws {
    let payloads = [[], [1], Array(repeating: UInt8(7), count: 300)] as [[UInt8]]
    var stream = ControlPreamble().bytes
    for payload in payloads { stream += try Frame.encode(payload, bytesMax: 300) }
    for size in 1...stream.count {
      var reader = FrameReader(bytesMax: 300)
      var preamble: ControlPreamble?
      var seen: [[UInt8]] = []
      var rest = stream[...]
      while !rest.isEmpty {
        reader.append(rest.prefix(size))
        rest = rest.dropFirst(size)
        if preamble == nil { preamble = try reader.preamble() }
        guard preamble != nil else { continue }
        while let payload = try reader.next() { seen.append(payload) }
      }
      #expect(preamble == ControlPreamble())
      #expect(seen == payloads)
      #expect(reader.pendingBytes == 0)
    }
  }

  @Test func aLengthBeyondTheLimitIsRefusedBeforeItsBytesCome() throws {
    var reader = FrameReader(bytesMax: 300)
    reader.append([0, 0, 1, 45])
    #expect(throws: Failure.self) { _ = try reader.next() }
    var other = FrameReader(bytesMax: 300)
    other.append([0, 0, 1, 44])
    #expect(try other.next() == nil)
    #expect(throws: Failure.self) { _ = try Frame.encode(Array(repeating: 0, count: 301), bytesMax: 300) }
  }

  @Test(arguments: [1, 2, 0x1234, .max] as [UInt16])
  func preamblesOfAnyVersionAreReadable(version: UInt16) throws {
    let bytes = ControlPreamble(version: version).bytes
    #expect(bytes.count == ControlPreamble.byteCount)
    #expect(try ControlPreamble(bytes: bytes).version == version)
    #expect(try ControlPreamble(bytes: bytes.dropLast(2) + [9, 9]).version == version)
  }

  @Test(arguments: ["S", "SB", "SBX", "SBXC"])
  func anUnfinishedPreambleWaitsAndAWrongOneIsSeenAtOnce(start: String) throws {
    var reader = FrameReader(bytesMax: 1)
    reader.append(Array(start.utf8))
    #expect(try reader.preamble() == nil)
    var wrong = FrameReader(bytesMax: 1)
    wrong.append(Array(start.utf8.dropLast()) + [0])
    #expect(throws: Failure.self) { _ = try wrong.preamble() }
  }

  @Test func messagesSurviveTheWire() throws {
    let client: [ClientMessage] = [
      .hello(ControlHello(version: "1", operatorLabel: "ä", origin: .console, isReadOnly: true)),
      .request(id: .max, ask: .ask(.logs(LogQuery(sinceMilliseconds: 5)))),
      .request(id: 2, ask: .perform(.runBench(BenchOptions(suites: ["control"])))),
      .request(id: 3, ask: .cancel(id: 2)), .request(id: 4, ask: .subscribe), .request(id: 5, ask: .ping),
    ]
    let decoded = try JSONDecoder().decode([ClientMessage].self, from: JSONEncoder().encode(client))
    #expect(decoded == client)
    let server: [ServerMessage] = [
      .welcome(ControlWelcome(node: "n", version: "1", phase: .draining)),
      .refused(Failure(.denied, "no", hint: "ask")),
      .response(id: 1, result: .failure(Failure(.timeout, "late"))),
      .response(id: 2, result: .answer(.projects([]))), .response(id: 3, result: .subscribed),
      .event(id: 3, event: Event(timeMilliseconds: 1, body: .dropped(count: 4))),
    ]
    let answered = try JSONDecoder().decode([ServerMessage].self, from: JSONEncoder().encode(server))
    #expect(answered == server)
  }
}
