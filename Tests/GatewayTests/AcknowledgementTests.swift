import Base
import SocketProtocol
import TestKit
import Testing

@testable import Gateway

/// The server asks its clients.
@Suite struct GatewayAcknowledgementTests {
  private func member(_ port: Int) throws -> SocketClient {
    let (client, _) = try #require(SocketClient.socket(port: port))
    client.send("421[\"subscribe-task\",\"t\"]")
    #expect(client.text() == "431[{\"ok\":true}]")
    return client
  }

  /// The id of a question `42ID["q",…]`.
  private func id(_ question: String?) throws -> Substring {
    let text = try #require(question)
    #expect(text.hasPrefix("42"))
    return try #require(text.dropFirst(2).split(separator: "[").first)
  }

  @Test func everyMemberOfARoomIsAskedUnderOneIdAndAnswersForItself() async throws {
    try await TestGateway.withServer { server, port in
      let clients = [try member(port), try member(port), try member(port)]
      async let asked = server.ask(rooms: ["task:t"], event: "q", json: "{\"n\":1}", within: .seconds(20))
      for (number, client) in clients.enumerated() {
        let question = client.text()
        #expect(question?.hasSuffix("[\"q\",{\"n\":1}]") == true)
        client.send("43\(try id(question))[{\"who\":\(number)},2]")
        // Twice is once, and nobody asked for the other.
        client.send("43\(try id(question))[0]")
        client.send("43999[0]")
      }
      let answers = await asked
      #expect(answers.asked == 3 && answers.isComplete)
      #expect(
        answers.answers.map { String(decoding: $0, as: UTF8.self) }.sorted()
          == (0..<3).map { "{\"who\":\($0)}" })
      clients[0].send("425[\"echo\",7]")
      #expect(clients[0].text() == "435[7]", "the connection outlives answers nobody wanted")
    }
  }

  @Test func aSilentClientEndsWithTheDeadlineAndALeavingOneAtOnce() async throws {
    try await TestGateway.withServer { server, port in
      let (silent, leaving) = (try member(port), try member(port))
      let late = await server.ask(rooms: ["task:t"], event: "q", json: nil, within: .milliseconds(200))
      #expect(late.asked == 2 && late.answers.isEmpty && !late.isComplete)
      let lateID = try id(silent.text())
      silent.send("43\(lateID)[1]")
      _ = leaving.text()
      async let asked = server.ask(rooms: ["task:t"], event: "q", json: nil, within: .seconds(20))
      silent.send("43\(try id(silent.text()))[]")
      _ = leaving.text()
      leaving.send(frame: 8, [0x03, 0xE9])
      let answers = await asked
      #expect(answers.asked == 2 && !answers.isComplete)
      #expect(answers.answers == [Array("null".utf8)], "an answer without arguments is null; a late one is nobody's")
      #expect(await server.ask { $0.questions.count }.reduce(0, +) == 0)
    }
  }

  @Test func oneSocketIsAskedByItsIdAndAnswersWithBinaries() async throws {
    try await TestGateway.withServer { server, port in
      let (client, greeting) = try #require(SocketClient.socket(port: port))
      let sid = String(greeting.split(separator: "\"")[3])
      async let asked = server.ask(rooms: [sid], event: "q", json: "1", within: .seconds(20))
      let id = try id(client.text())
      client.send("461-\(id)[{\"_placeholder\":true,\"num\":0}]")
      client.send(frame: 2, [1, 2, 3])
      let answers = await asked
      #expect(answers.asked == 1 && answers.isComplete && answers.answers.count == 1)
      let nobody = await server.ask(rooms: ["task:nobody"], event: "q", json: nil, within: .seconds(20))
      #expect(nobody.asked == 0 && nobody.isComplete)
    }
  }

  /// A question keeps its place among the events that were published before and after it.
  @Test func questionsKeepTheirPlace() async throws {
    try await TestGateway.withServer { server, port in
      let client = try member(port)
      for number in 0..<20 { server.publish(room: "task:t", event: "n", json: "\(number)") }
      async let asked = server.ask(rooms: ["task:t"], event: "q", json: nil, within: .seconds(20))
      for number in 0..<20 { #expect(client.text()?.hasPrefix("42[\"n\",\(number)") == true) }
      client.send("43\(try id(client.text()))[]")
      #expect(await asked.isComplete)
    }
  }

  @Test func rawSocketsHearTheEventAndAreNotAsked() async throws {
    try await TestGateway.withServer { server, port in
      let raw = try #require(SocketClient(port: port))
      #expect(raw.upgrade("/ws")?.status == 101)
      raw.send("{\"event\":\"subscribe-task\",\"data\":\"t\",\"id\":1}")
      _ = raw.text()
      let answers = await server.ask(rooms: ["task:t"], event: "q", json: "5", within: .seconds(20))
      #expect(answers.asked == 0 && answers.isComplete)
      #expect(raw.text() == "{\"event\":\"q\",\"data\":5}")
    }
  }
}
