internal import Base
internal import ControlPlane
internal import ControlSocket
internal import EngineRoom

/// Calls `body` with the plane of the running node. When no node listens, the cache alone is started for it: on the
/// state folder's store, or on Redis when REDIS_URL is set.
func withCache<T: Sendable>(
  _ call: Invocation, _ body: (any ControlPlane) async throws -> T
) async throws -> T {
  try await withNode(call, body) { try await Node.withCacheAlone($0, body) }
}

/// The same with the index alone, on the state folder's index.
func withIndex<T: Sendable>(
  _ call: Invocation, _ body: (any ControlPlane) async throws -> T
) async throws -> T {
  try await withNode(call, body) { try await Node.withIndexAlone($0, body) }
}

private func withNode<T: Sendable>(
  _ call: Invocation, _ body: (any ControlPlane) async throws -> T, orAlone alone: (NodeSettings) async throws -> T
) async throws -> T {
  let settings = try call.settings()
  let hello = ControlHello(version: Version.current, operatorLabel: settings.operatorName, origin: .commandLine)
  let client: ControlClient
  do {
    client = try await ControlClient.connect(path: settings.socket, hello: hello)
  } catch let failure where failure.code == .unavailable {
    return try await alone(
      try settings.node(environment: call.environment, projectPaths: [], logDestination: .file))
  }
  do {
    let value = try await body(client)
    await client.close()
    return value
  } catch {
    await client.close()
    throw error
  }
}
