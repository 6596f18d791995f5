internal import ControlPlane
internal import NIOHTTP1
internal import SocketProtocol
internal import Synchronization

/// What `GET /health` of this port says: how the whole node is. Until somebody knows, that the gateway answers at all.
final class HealthSource: Sendable {
  private let source = Mutex<(@Sendable () -> Health)?>(nil)

  func set(_ health: @escaping @Sendable () -> Health) { source.withLock { $0 = health } }

  /// 200 while the node is ok or degraded, 503 when it is down, with one entry for each component and its reason.
  var answer: HTTPReply.Answer {
    let health = source.withLock { $0 }?() ?? Health(components: [])
    var json = Array("{\"status\":\"\(health.state.rawValue)\",\"components\":[".utf8)
    for (place, component) in health.components.enumerated() {
      if place > 0 { json.append(UInt8(ascii: ",")) }
      json += "{\"name\":".utf8
      JSONString.append(component.name, to: &json)
      json += ",\"state\":\"\(component.state.rawValue)\"".utf8
      if let reason = component.reason {
        json += ",\"reason\":".utf8
        JSONString.append(reason, to: &json)
      }
      json += ",\"since\":\(component.since)}".utf8
    }
    json += "]}".utf8
    return .init(
      status: health.state == .down ? .serviceUnavailable : .ok, type: "application/json", body: json,
      retryAfterSeconds: health.state == .down ? 5 : nil)
  }
}
