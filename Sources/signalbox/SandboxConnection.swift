internal import Base
internal import ControlPlane
internal import ControlSocket
internal import EngineRoom

/// Calls `body` with the plane of the running node. When no node listens, the sandbox alone is started for it, with the
/// run log of the state folder.
func withSandbox<T: Sendable>(
  _ call: Invocation, _ body: (any ControlPlane) async throws -> T
) async throws -> T {
  let settings = try call.settings()
  do {
    return try await withNode(settings) { plane in
      do { return try await body(plane) } catch let failure as Failure { throw Refused(failure: failure) }
    }
  } catch let refused as Refused {
    // The node's own answer, and no sign that there is none.
    throw refused.failure
  } catch let failure as Failure where failure.code == .unavailable {
    let node = try settings.node(environment: call.environment, projectPaths: [], logDestination: .file)
    return try await Node.withSandboxAlone(node, body)
  }
}

private struct Refused: Error {
  var failure: Failure
}
