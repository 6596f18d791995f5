import Base
import ControlPlane

/// A gateway's sockets that look like real ones.
enum ProbeSockets {
  private static let agents = [
    "claude/refactor", "codex/tests", "aider/docs", "claude/review", "cursor/main", "ci/runner-3", "gemini/lint",
  ]

  static func record(_ index: Int, now: Int64) -> SocketRecord {
    let isSlow = index % 400 == 3
    // As long as real ones, which differ at their end.
    let number = String(0x81f2 + index, radix: 16)
    return SocketRecord(
      id: "AAAB3kPq_0uXw-v7T2Zy\(number)", user: index % 7 == 0 ? "kris" : agents[index % agents.count],
      isVerified: index % 7 == 0, agent: index % 7 == 0 ? nil : agents[index % agents.count],
      rooms: Array(["agent:\(index)", "project:api", "task:\(index % 40)"].prefix(1 + index % 3)),
      transport: index % 20 == 9 ? .polling : .websocket, state: isSlow ? .slow : index % 9 == 5 ? .idle : .live,
      rttMilliseconds: isSlow ? 412 : Double(9 + index % 40), inPerSecond: Double(index % 45),
      outPerSecond: Double(index % 91), queuedBytes: isSlow ? 1_945 + index : 0, queuedFrames: isSlow ? 12 : 0,
      connectedAt: now - Int64(2_000 + index * 3_000), idleMilliseconds: Int64(index % 9) * 1_000,
      address: "10.0.\(index / 250).\(index % 250):\(40_000 + index % 20_000)", node: "prod-eu-1")
  }

  static func snapshot(_ sockets: [SocketRecord]) -> GatewaySnapshot {
    var gateway = GatewaySnapshot(redis: .init(state: .embedded))
    gateway.port = 3_001
    gateway.connections = sockets.count
    gateway.slow = sockets.count { $0.state == .slow }
    gateway.inPerSecond = sockets.isEmpty ? 0 : 4_112
    gateway.outPerSecond = sockets.isEmpty ? 0 : 3_904
    gateway.connectionsMax = 100_000
    gateway.latency = LatencySummary(p50: 0.4, p95: 1.2, p99: 1.9)
    return gateway
  }

  static func detail(_ id: String, of sockets: [SocketRecord]) throws(Failure) -> SocketDetail {
    guard let socket = sockets.first(where: { $0.id == id }) else {
      throw Failure(.notFound, "there is no such socket on this node")
    }
    let now = SystemWallClock().nowMilliseconds()
    let events = [("agent-thought", "agent:7"), ("task-update", "task:3"), ("echo", nil)]
    return SocketDetail(
      socket: socket, rooms: socket.rooms,
      recent: (0..<20).map { index in
        let (event, room) = events[index % events.count]
        return .init(
          timeMilliseconds: now - Int64(index) * 1_700, direction: index % 3 == 2 ? .in : .out, event: event,
          room: room, bytes: 170 + index * 90)
      }, eventsIn: 1_204, eventsOut: 41_208, bytesIn: 190_112, bytesOut: 8_112_004, dropped: 88)
  }
}
