internal import Base
internal import ControlPlane
internal import ControlSocket

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
  let hello = ControlHello(version: Version.current, operatorLabel: operatorName, origin: .commandLine)
  let client = try await ControlClient.connect(path: socket, hello: hello)
  do {
    let value = try await body(client)
    await client.close()
    return value
  } catch {
    await client.close()
    throw error
  }
}
