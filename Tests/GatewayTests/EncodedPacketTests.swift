import Testing

@testable import Gateway

@Suite struct EncodedPacketTests {
  private func packet(_ emission: Emission, offset: String = "") -> EncodedPacket {
    EncodedPacket(
      broadcast: Broadcast(
        emission: emission, origin: BroadcastOrigin(id: "n", sequence: 1), sequence: 1, sequencedAt: 0,
        offset: Array(offset.utf8)))
  }

  @Test func theOffsetIsTheLastArgument() {
    let emission = Emission(rooms: ["a"], event: "e", arguments: Array("[\"e\",1]".utf8))
    #expect(String(decoding: packet(emission, offset: "n.1").text, as: UTF8.self) == "42[\"e\",1,\"n.1\"]")
    #expect(String(decoding: packet(emission).text, as: UTF8.self) == "42[\"e\",1]")
  }

  @Test func whatTheHistoryForgotIsEncodedAgainTheSame() {
    let broadcast = Broadcast(
      emission: Emission(rooms: ["a"], event: "e", arguments: Array("[\"e\",1]".utf8)),
      origin: BroadcastOrigin(id: "n", sequence: 1), sequence: 1, sequencedAt: 0, offset: Array("n.1".utf8))
    let (frames, raw) = (broadcast.socketIO.frames, broadcast.rawFrame)
    broadcast.forgetForms()
    #expect(broadcast.socketIO.frames == frames && broadcast.rawFrame == raw)
  }

  @Test func attachmentsAndNamespaceAreNamed() {
    let emission = Emission(
      namespace: "/custom", rooms: [], event: "e", arguments: Array("[\"e\"]".utf8), attachments: [[1, 2]])
    let encoded = packet(emission)
    #expect(String(decoding: encoded.text, as: UTF8.self) == "451-/custom,[\"e\"]")
    #expect(encoded.frames.suffix(4) == [0x82, 2, 1, 2])
    #expect(encoded.frameCount == 2)
  }
}
