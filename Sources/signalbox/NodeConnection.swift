internal import Base
internal import ControlPlane
internal import ControlSocket
internal import EngineRoom

/// Calls `body` with the plane of the running node, and closes the link after it. Throws `.unavailable` when no node
/// listens on the control socket.
func withNode<T: Sendable>(
  _ settings: Settings, _ body: (any ControlPlane) async throws -> T
) async throws -> T {
  try await withNode(socket: settings.socket, operatorName: settings.operatorName, body)
}

/// The same for any socket.
func withNode<T: Sendable>(
  socket: String, operatorName: String, _ body: (any ControlPlane) async throws -> T
) async throws -> T {
  try await withNode(socket: socket, operatorName: operatorName, body) { throw $0 }
}

/// The same; when no node listens, `alone` with the failure that says so. What a node answers is its own word, and no
/// sign that there is none.
func withNode<T: Sendable>(
  socket: String, operatorName: String, _ body: (any ControlPlane) async throws -> T,
  orAlone alone: (Failure) async throws -> T
) async throws -> T {
  let hello = ControlHello(version: Version.current, operatorLabel: operatorName, origin: .commandLine)
  let client: ControlClient
  do {
    client = try await ControlClient.connect(path: socket, hello: hello)
  } catch let failure where failure.code == .unavailable {
    return try await alone(failure)
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

/// Calls `body` with the plane of the running node. When no node listens, the one engine that the command needs is
/// started for it, on what the state folder holds, by `alone`.
func withEngine<T: Sendable>(
  _ call: Invocation, _ body: (any ControlPlane) async throws -> T, alone: (NodeSettings) async throws -> T
) async throws -> T {
  let settings = try call.settings()
  return try await withNode(socket: settings.socket, operatorName: settings.operatorName, body) { _ in
    try await alone(
      try settings.node(environment: call.environment, projectPaths: [], logDestination: .file))
  }
}

/// The cache alone: on the state folder's store, or on Redis when REDIS_URL is set.
func withCache<T: Sendable>(
  _ call: Invocation, _ body: (any ControlPlane) async throws -> T
) async throws -> T {
  try await withEngine(call, body) { try await Node.withCacheAlone($0, body) }
}

/// The index alone, on the state folder's index.
func withIndex<T: Sendable>(
  _ call: Invocation, _ body: (any ControlPlane) async throws -> T
) async throws -> T {
  try await withEngine(call, body) { try await Node.withIndexAlone($0, body) }
}

/// The sandbox alone, with the run log of the state folder.
func withSandbox<T: Sendable>(
  _ call: Invocation, _ body: (any ControlPlane) async throws -> T
) async throws -> T {
  try await withEngine(call, body) { try await Node.withSandboxAlone($0, body) }
}
