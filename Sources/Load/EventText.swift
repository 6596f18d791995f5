/// The Socket.IO texts that a load sends (CONTRACT, Gateway), and what it must know of the answers.
struct EventText {
  private(set) var bytes: [UInt8] = []

  /// `42N["publish",{"room":…,"event":…,"data":{…}}]`, or the typed `agent-thought` and `task-update`. The event's
  /// number is the request's, so that a refusal names its event.
  mutating func fill(_ event: String, room: Int, _ stamp: Stamp, bytes size: Int) {
    bytes.removeAll(keepingCapacity: true)
    bytes += "42".utf8
    Stamp.append(stamp.number, to: &bytes)
    switch event {
    case "agent-thought":
      bytes += "[\"agent-thought\",{\"agentId\":\"load-\(room)\",\"timestamp\":1,\"thought\":\"".utf8
    case "task-update":
      bytes +=
        "[\"task-update\",{\"taskId\":\"load-\(room)\",\"status\":\"in_progress\",\"timestamp\":1,\"message\":\"".utf8
    default:
      bytes += "[\"publish\",{\"room\":\"task:load-\(room)\",\"event\":\"\(event)\",\"data\":{\"load\":\"".utf8
    }
    let start = bytes.count
    stamp.append(to: &bytes)
    bytes += repeatElement(UInt8(ascii: "x"), count: max(0, size - (bytes.count - start) - 11))
    bytes += event == "agent-thought" || event == "task-update" ? "\"}]".utf8 : "\"}}]".utf8
  }

  static func connect(token: String?) -> [UInt8] {
    guard let token else { return Array("40".utf8) }
    // A token has no character that JSON escapes: base64url and dots, or what the operator chose to send here.
    return Array("40{\"token\":\"\(token.filter { $0 != "\"" && $0 != "\\" })\"}".utf8)
  }

  static func subscribe(_ event: String, room: Int) -> [UInt8] {
    Array("420[\"subscribe-\(event == "agent-thought" ? "agent" : "task")\",\"load-\(room)\"]".utf8)
  }

  static func echo(_ stamp: Stamp) -> [UInt8] {
    var bytes = Array("420[\"echo\",\"".utf8)
    stamp.append(to: &bytes)
    return bytes + "\"]".utf8
  }

  /// Whether an acknowledgement is `[{"ok":true…}]`.
  static func isOK(_ answer: UnsafeRawBufferPointer) -> Bool {
    answer.starts(with: Array("[{\"ok\":true".utf8))
  }
}

/// The handshake of RFC 6455 section 4, as much as a load needs.
enum UpgradeAnswer {
  static let bytesMax = 16 << 10

  static func request(port: UInt16) -> [UInt8] {
    let key = "c2lnbmFsYm94IGxvYWQgIQ=="
    return Array(
      """
      GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r
      Host: 127.0.0.1:\(port)\r
      Upgrade: websocket\r
      Connection: Upgrade\r
      Sec-WebSocket-Version: 13\r
      Sec-WebSocket-Key: \(key)\r
      \r\n
      """.utf8)
  }

  /// Behind the empty line, once it is there.
  static func end(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var position = 3
    while position < bytes.count {
      if bytes[position] == 10, bytes[position - 1] == 13, bytes[position - 2] == 10, bytes[position - 3] == 13 {
        return position + 1
      }
      position += 1
    }
    return nil
  }

  static func check(_ bytes: UnsafeRawBufferPointer) throws(LoadError) {
    let line = bytes.prefix { $0 != 13 }.prefix(80)
    guard line.starts(with: Array("HTTP/1.1 101".utf8)) else {
      throw .violation("the upgrade was answered with '\(String(decoding: line, as: UTF8.self))'")
    }
  }
}

/// Masks that differ from frame to frame, as a browser's do; their quality is of no matter here (SplitMix64).
struct MaskSequence {
  private var state: UInt64 = 0x5EED

  mutating func next() -> UInt32 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return UInt32(truncatingIfNeeded: mixed >> 16)
  }
}
