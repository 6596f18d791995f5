internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird

/// `/health`, `/health/live`, `/health/ready`, for people, supervisors and load balancers.
struct HealthRoutes {
  private struct Phase: Encodable {
    var status: String
  }

  let health: @Sendable () -> Health
  let phase: @Sendable () -> Snapshot.Phase

  func add(to routes: APIRouter) {
    routes.route(
      APIRouter.health,
      get: { [health] _, _ in
        let now = health()
        return try JSONBody.response(
          HealthDocument(now),
          status: now.state == .down ? .serviceUnavailable : .ok)
      })
    // Answering at all is the proof of life.
    routes.route(APIRouter.healthLive, get: { _, _ in try JSONBody.response(Phase(status: "live")) })
    routes.route(
      APIRouter.healthReady,
      get: { [phase] _, _ in
        let now = phase()
        return try JSONBody.response(
          Phase(status: now.rawValue), status: now == .ready ? .ok : .serviceUnavailable)
      })
  }
}

/// The state of the node with one entry for each component.
struct HealthDocument: Encodable {
  var status: Health.State
  var components: [Health.Component]

  init(_ health: Health) {
    status = health.state
    components = health.components
  }
}
