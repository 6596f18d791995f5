import SocketProtocol
import Testing
@Test func parserIsSmall() { #expect(MemoryLayout<WebSocketFrameParser>.size <= 32) }
