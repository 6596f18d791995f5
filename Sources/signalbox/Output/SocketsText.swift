internal import Base
internal import ControlPlane

/// The gateway's figures and its sockets, for people.
enum SocketsText {
  /// One line of `status`.
  static func summary(_ gateway: GatewaySnapshot) -> String {
    let latency = gateway.latency
    let times = [latency.p50, latency.p95, latency.p99].map { Quantity.fixed($0, digits: 1) }.joined(separator: "/")
    return "\(gateway.connections) sockets (peak \(gateway.peak), \(gateway.slow) slow)  \(gateway.users) users  "
      + "\(gateway.rooms) rooms  in \(rate(gateway.inPerSecond))  out \(rate(gateway.outPerSecond))  "
      + "queued \(Quantity.describe(bytes: Int64(gateway.queuedBytes)))  dropped \(gateway.dropped)  "
      + "cut \(gateway.cut)  p50/p95/p99 \(times) ms  port \(gateway.port)"
  }

  static func table(_ page: SocketPage, now: Int64) -> String {
    let others = peers(page)
    guard !page.sockets.isEmpty else {
      return (page.total == 0 ? "no sockets" : "none of \(page.total) sockets fits the filter") + others
    }
    let table = Table.render(
      header: [
        "ID", "USER", "AGENT", "TRANSPORT", "STATE", "RTT", "IN/S", "OUT/S", "QUEUE", "AGE", "ADDRESS", "ROOMS",
      ], rows: page.sockets.map { row($0, now: now) })
    let more = page.matching - page.offset - page.sockets.count
    return (more > 0 ? "\(table)\nand \(more) more: --limit, --filter" : table) + others
  }

  private static func peers(_ page: SocketPage) -> String {
    guard let peers = page.peers, !peers.isEmpty else { return "" }
    let counts = peers.map { "\(safe($0.node)) \($0.sockets)" }.joined(separator: ", ")
    return "\nthis node \(page.total); other nodes, not listed: \(counts)"
  }

  static func page(_ detail: SocketDetail, now: Int64) -> String {
    let socket = detail.socket
    let rtt = socket.rttMilliseconds.map { "\(Quantity.fixed($0, digits: 1)) ms" } ?? "not known"
    var lines = [
      "socket   \(safe(socket.id))  \(socket.transport.rawValue)  \(socket.state.rawValue)  rtt \(rtt)",
      "user     \(isNamed(socket) ? "\(safe(socket.user))\(socket.isVerified ? "" : " (unverified)")" : "not said")"
        + (socket.agent.map { "  agent \(safe($0))" } ?? ""),
      "from     \(socket.address.isEmpty ? "not shown" : safe(socket.address))  node \(safe(socket.node))",
      "since    \(Timestamp.iso8601(socket.connectedAt))  "
        + "idle \(Quantity.describe(milliseconds: socket.idleMilliseconds))",
      "events   in \(detail.eventsIn)  out \(detail.eventsOut)  "
        + "\(rate(socket.inPerSecond)) in  \(rate(socket.outPerSecond)) out  dropped \(detail.dropped)",
      "bytes    in \(bytes(detail.bytesIn))  out \(bytes(detail.bytesOut))  "
        + "queued \(Quantity.describe(bytes: Int64(socket.queuedBytes))) in \(socket.queuedFrames) frames",
    ]
    if let expires = detail.expiresAt { lines.append("token    ends \(Timestamp.iso8601(expires))") }
    lines.append("rooms    \(detail.rooms.isEmpty ? "none" : "\(detail.rooms.count)")")
    lines += detail.rooms.map { "  \(safe($0))" }
    if !detail.recent.isEmpty {
      lines.append("")
      lines.append(
        Table.render(
          header: ["TIME", "", "EVENT", "BYTES", "ROOM"],
          rows: detail.recent.map {
            [
              Timestamp.iso8601($0.timeMilliseconds), $0.direction.rawValue, $0.event, "\($0.bytes)", $0.room ?? "-",
            ]
          }))
    }
    return lines.joined(separator: "\n")
  }

  static func report(_ report: KickReport) -> String {
    let kicked = "kicked \(report.kicked.count) \(report.kicked.count == 1 ? "socket" : "sockets")"
    let missing = report.missing.map(safe).joined(separator: ", ")
    return report.missing.isEmpty ? kicked : "\(kicked); not there: \(missing)"
  }

  static func receipt(_ receipt: PublishReceipt) -> String {
    let reach =
      (receipt.reach == .everywhere ? "" : "; Redis is away: other nodes do not hear of it")
      + (receipt.isHeld ? "; the throttle holds it for its next batch" : "")
    let sockets = "\(receipt.sockets) \(receipt.sockets == 1 ? "socket" : "sockets")"
    let rooms = [receipt.room] + (receipt.moreRooms ?? [])
    let sent = "sent \(safe(receipt.event)) to \(rooms.map(safe).joined(separator: ", "))"
    if let acknowledged = receipt.acknowledged {
      return "\(sent): \(acknowledged) of \(sockets) acknowledged it in time\(reach)"
    }
    switch receipt.isComplete {
    case nil: return "\(sent): \(sockets) of this node\(reach)"
    case true?: return "\(sent): \(sockets)\(reach)"
    case false?: return "\(sent): at least \(sockets), not every node said how many it has\(reach)"
    }
  }

  private static func row(_ socket: SocketRecord, now: Int64) -> [String] {
    let more = socket.roomCount - socket.rooms.count
    return [
      socket.id, isNamed(socket) ? "\(socket.user)\(socket.isVerified ? "" : "?")" : "-", socket.agent ?? "-",
      socket.transport.rawValue,
      socket.state.rawValue, socket.rttMilliseconds.map { "\(Quantity.fixed($0, digits: 1)) ms" } ?? "-",
      Quantity.fixed(socket.inPerSecond, digits: 1), Quantity.fixed(socket.outPerSecond, digits: 1),
      Quantity.describe(bytes: Int64(socket.queuedBytes)),
      Quantity.describe(milliseconds: max(0, now - socket.connectedAt)), socket.address,
      socket.rooms.joined(separator: " ") + (more > 0 ? " +\(more)" : ""),
    ]
  }

  /// Whether it said who it is: else its id stands there.
  private static func isNamed(_ socket: SocketRecord) -> Bool { socket.isVerified || socket.user != socket.id }

  private static func bytes(_ count: UInt64) -> String { Quantity.describe(bytes: Int64(clamping: count)) }

  private static func rate(_ value: Double) -> String { "\(Quantity.fixed(value, digits: 1))/s" }

  private static func safe(_ text: String) -> String { DisplayText(text).truncated(to: 300).text }
}
