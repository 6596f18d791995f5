import SocketProtocol

/// Drives a parser as an event loop does: pieces of input, what stays unread moved to the front of the next.
struct FrameReader {
  enum Seen: Equatable {
    case message(WebSocketOpcode, [UInt8], isCompressed: Bool)
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16?, [UInt8])
    case violation(WebSocketViolation)
  }

  var parser: WebSocketFrameParser
  var seen: [Seen] = []
  private var unread: [UInt8] = []
  private var message: [UInt8] = []

  init(_ role: WebSocketFrameParser.Role = .server, messageBytesMax: Int = 1 << 20, mayCompress: Bool = false) {
    parser = WebSocketFrameParser(role: role, messageBytesMax: messageBytesMax, mayCompress: mayCompress)
  }

  mutating func feed(_ bytes: some Collection<UInt8>) {
    var input = unread + bytes
    var position = 0
    input.withUnsafeMutableBytes { buffer in
      while true {
        let event = parser.next(in: buffer, at: &position)
        if event == .needMoreInput { return }
        note(event, UnsafeRawBufferPointer(buffer))
      }
    }
    unread = Array(input[position...])
  }

  private mutating func note(_ event: WebSocketFrameParser.Event, _ buffer: UnsafeRawBufferPointer) {
    switch event {
    case .needMoreInput: break
    case .data(let segment):
      if segment.isFirst { message = [] }
      message += buffer[segment.range]
      if segment.isLast { seen.append(.message(segment.opcode, message, isCompressed: segment.isCompressed)) }
    case .ping(let range): seen.append(.ping(Array(buffer[range])))
    case .pong(let range): seen.append(.pong(Array(buffer[range])))
    case .close(let code, let reason): seen.append(.close(code?.rawValue, Array(buffer[reason])))
    case .violation(let violation): seen.append(.violation(violation))
    }
  }

  static func read(_ bytes: [UInt8], split: Int? = nil, mayCompress: Bool = false) -> [Seen] {
    var reader = FrameReader(mayCompress: mayCompress)
    reader.feed(bytes[..<(split ?? bytes.count)])
    if let split { reader.feed(bytes[split...]) }
    return reader.seen
  }

  /// A masked frame, first byte as given.
  static func frame(_ first: UInt8, _ payload: [UInt8], key: UInt32 = 0x3D21_FA37) -> [UInt8] {
    var output: [UInt8] = []
    WebSocketFrameHeader(.text, payloadBytes: payload.count, maskingKey: key).append(to: &output)
    output[0] = first
    var body = payload
    body.withUnsafeMutableBytes { _ = WebSocketMask.apply(key, to: $0) }
    return output + body
  }
}
