import Base
import ControlPlane

@testable import Console

/// A gateway with fixed figures, and a node that answers what the pane asks.
struct GatewayFixture {
  var model: ModelFixture
  var records: [SocketRecord]
  /// Every query that was answered.
  var asked: [Query] = []

  init(
    _ width: Int = 120, _ height: Int = 40, sockets count: Int = 1_284, redis: GatewaySnapshot.Redis? = nil,
    isReadOnly: Bool = false, glyphs: GlyphSet = .braille
  ) {
    model = ModelFixture(width: width, height: height, isReadOnly: isReadOnly, glyphs: glyphs)
    records = (0..<count).map(Self.record)
    refresh(redis: redis)
  }

  static let names = ["claude/refactor", "codex/tests", "aider/docs", "claude/review", "cursor/main", "ci/runner-3"]

  static func record(_ index: Int) -> SocketRecord {
    let isSlow = index % 500 == 3
    return SocketRecord(
      id: "c-\(String(0x81f2 + index, radix: 16))", user: index % 7 == 0 ? "kris" : names[index % names.count],
      isVerified: index % 7 == 0, agent: index % 7 == 0 ? nil : names[index % names.count],
      rooms: ["agent:\(index)", "project:api", "task:\(index % 40)"].prefix(1 + index % 3).map { $0 },
      roomCount: index % 11 == 0 ? 9 : nil,
      transport: index % 20 == 9 ? .polling : index % 20 == 19 ? .raw : .websocket,
      state: isSlow ? .slow : index % 9 == 5 ? .idle : .live, rttMilliseconds: isSlow ? 412 : Double(9 + index % 40),
      inPerSecond: Double(index % 45), outPerSecond: Double(index % 91), queuedBytes: isSlow ? 1_945 + index : 0,
      queuedFrames: isSlow ? 12 : 0, connectedAt: ModelFixture.start.wall - Int64(2_000 + index * 3_000),
      idleMilliseconds: Int64(index % 9) * 1_000, address: "10.0.\(index / 250).\(index % 250):\(40_000 + index)",
      node: "prod-eu-1")
  }

  static func gateway(_ count: Int, redis: GatewaySnapshot.Redis? = nil) -> GatewaySnapshot {
    var gateway = GatewaySnapshot(redis: redis ?? .init(state: .embedded))
    gateway.port = 3_001
    gateway.connections = count
    gateway.peak = count + 16
    gateway.total = 2_911
    gateway.slow = count > 3 ? 3 : 0
    gateway.inPerSecond = count == 0 ? 0 : 4_112
    gateway.outPerSecond = count == 0 ? 0 : 3_904
    gateway.dropped = count == 0 ? 0 : 88
    gateway.connectionsMax = 100_000
    gateway.latency = LatencySummary(
      p50: 0.4, p95: 1.2, p99: 1.9, counts: Array(repeating: 0, count: 6) + [40, 410, 2_900, 1_200, 310, 44])
    return gateway
  }

  static let away = GatewaySnapshot.Redis(
    state: .away, since: ModelFixture.start.wall - 14_000, reason: "connection refused", waiting: 31)

  /// A snapshot, and the answers to what is asked then.
  mutating func refresh(redis: GatewaySnapshot.Redis? = nil) {
    var snapshot = ModelFixture.snapshot()
    snapshot.gateway = Self.gateway(records.count, redis: redis)
    answer(model.receive(.snapshot(snapshot)))
  }

  mutating func press(_ keys: KeyChord...) -> [Effect] {
    let effects = keys.flatMap { model.press($0) }
    return answer(effects)
  }

  @discardableResult
  mutating func type(_ text: String) -> [Effect] { answer(model.type(text)) }

  /// Answers as the node would, until nothing more is asked. Returns what is not a question about sockets.
  @discardableResult
  mutating func answer(_ effects: [Effect]) -> [Effect] {
    var rest: [Effect] = []
    var effects = effects
    while !effects.isEmpty {
      let effect = effects.removeFirst()
      guard case .ask(let query) = effect, let result = reply(query) else {
        rest.append(effect)
        continue
      }
      asked.append(query)
      effects += model.receive(.answer(query, result))
    }
    return rest
  }

  private func reply(_ query: Query) -> Result<Answer, Failure>? {
    switch query {
    case .sockets(let query):
      do throws(Failure) {
        return .success(.sockets(try query.page(of: records, now: ModelFixture.start.wall)))
      } catch {
        return .failure(error)
      }
    case .socket(let id):
      guard let record = records.first(where: { $0.id == id }) else {
        return .failure(Failure(.notFound, "there is no such socket on this node"))
      }
      return .success(.socket(Self.detail(record)))
    default: return nil
    }
  }

  static func detail(_ record: SocketRecord) -> SocketDetail {
    let events = [("agent-thought", "agent:7"), ("task-update", "task:3"), ("echo", nil)]
    return SocketDetail(
      socket: record, rooms: record.rooms + (0..<max(0, record.roomCount - record.rooms.count)).map { "room:\($0)" },
      recent: (0..<20).map { index in
        let (event, room) = events[index % events.count]
        return .init(
          timeMilliseconds: ModelFixture.start.wall - Int64(index) * 1_700, direction: index % 3 == 2 ? .in : .out,
          event: event, room: room, bytes: 170 + index * 90)
      }, eventsIn: 1_204, eventsOut: 41_208, bytesIn: 190_112, bytesOut: 8_112_004, dropped: 88)
  }

  var pane: GatewayPane { model.model.panes.sockets }
  var screen: String { model.screen }
}
