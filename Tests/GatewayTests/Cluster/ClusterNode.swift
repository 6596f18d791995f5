import Base
import Logging
import RedisLink
import Synchronization
import TestKit

@testable import Gateway

/// A node of a test: a real adapter, and in the gateway's place a delegate that writes down what it is told.
final class ClusterNode: Sendable {
  final class Delegate: ClusterDelegate {
    let heard = Collected<RemoteBroadcast>()
    let asked = Collected<String>()
    let resyncs = Collected<String>()
    let cuts = Collected<String>()
    let advances = Collected<UInt64>()

    func deliver(_ remote: RemoteBroadcast) { heard.append(remote) }
    func resync(origin: String) { resyncs.append(origin) }
    func advance(origin: String, to sequence: UInt64) { advances.append(sequence) }
    func cut(origin: String, through sequence: UInt64) { cuts.append("\(origin) \(sequence)") }

    func begin(_ request: RemoteRequest) -> @Sendable () async -> RemoteResponse {
      let response = response(to: request)
      return { response }
    }

    private func response(to request: RemoteRequest) -> RemoteResponse {
      switch request {
      case .join(let selection, let rooms): asked.append("join \(selection.rooms) \(rooms)")
      case .leave(let selection, let rooms): asked.append("leave \(selection.rooms) \(rooms)")
      case .disconnect(let selection, let closes): asked.append("disconnect \(selection.rooms) \(closes)")
      case .fetchSockets(let selection):
        asked.append("fetch \(selection.rooms)")
        return .sockets([
          RemoteSocket(id: "s1", rooms: ["s1", "r"], handshakeJSON: Array(#"{"secure":false}"#.utf8), dataJSON: [])
        ])
      case .rooms: return .rooms(["r", "q"])
      case .members(_, let rooms): return .count(rooms.joined().utf8.count)
      case .broadcastWithAcknowledgement(let emission, let deadline, let answer):
        asked.append("ack \(emission.event) \(deadline)")
        answer(Array(#"{"ok":true}"#.utf8), [])
        return .count(1)
      case .count: return .count(7)
      }
      return .done
    }
  }

  let name: String
  let delegate = Delegate()
  let adapter: RedisAdapter
  private let task: Mutex<Task<Void, Never>?>
  private let sequence = Mutex<UInt64>(0)

  init(_ name: String, _ url: String, change: (inout RedisAdapterOptions) -> Void = { _ in }) throws {
    self.name = name
    var options = RedisAdapterOptions(url: try RedisURL(url), node: name, version: "1.0")
    options.heartbeat = .milliseconds(100)
    options.redis.commandDeadline = .seconds(5)
    options.commandDeadline = .seconds(5)
    options.redis.connectDeadline = .seconds(5)
    change(&options)
    let adapter = RedisAdapter(
      options, delegate: delegate, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    self.adapter = adapter
    task = Mutex(Task { await adapter.run() })
  }

  deinit { task.withLock { $0 }?.cancel() }

  /// Ends it as a node does that stops in order.
  func stop() async {
    let running = task.withLock { task in
      defer { task = nil }
      return task
    }
    running?.cancel()
    await running?.value
  }

  func joined() async -> Bool { await eventually { self.adapter.state.link == .connected } }

  func hears(_ rooms: String...) async -> Bool {
    for room in rooms { adapter.roomBecameLocal(namespace: "/", room: room) }
    return await eventually {
      self.adapter.shared.withLock { state in
        let isSettled = state.dirty.isEmpty && !state.isSubscribing
        return isSettled && rooms.allSatisfy { state.subscribed.contains("socket.io#/#\($0)#") }
      }
    }
  }

  @discardableResult
  func emit(_ event: String, to rooms: [String], isVolatile: Bool = false) -> UInt64 {
    sequence.withLock { sequence in
      sequence += 1
      let emission = Emission(
        rooms: rooms, event: event, arguments: Array("[\"\(event)\",{\"n\":1}]".utf8), isVolatile: isVolatile)
      adapter.publish(
        Broadcast(
          emission: emission, origin: BroadcastOrigin(id: name, sequence: sequence), sequence: sequence,
          sequencedAt: MonotonicTime.now(), offset: []))
      return sequence
    }
  }

  var heard: [String] { delegate.heard.values.map(\.emission.event) }
}

extension RedisOptions {
  /// For what tests ask themselves, on a machine that may be busy.
  static var patient: RedisOptions {
    var options = RedisOptions()
    options.connectDeadline = .seconds(10)
    options.commandDeadline = .seconds(10)
    return options
  }
}
