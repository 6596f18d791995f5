internal import Base
internal import ControlPlane
internal import ControlSocket
internal import EngineRoom

/// Calls `body` with the plane of the running node. When no node listens, the index alone is started for it, on the
/// state folder's index.
func withIndex<T: Sendable>(
  _ call: Invocation, _ body: (any ControlPlane) async throws -> T
) async throws -> T {
  let settings = try call.settings()
  let hello = ControlHello(version: Version.current, operatorLabel: settings.operatorName, origin: .commandLine)
  let client: ControlClient
  do {
    client = try await ControlClient.connect(path: settings.socket, hello: hello)
  } catch let failure where failure.code == .unavailable {
    let node = try settings.node(environment: call.environment, projectPaths: [], logDestination: .file)
    return try await Node.withIndexAlone(node, body)
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
