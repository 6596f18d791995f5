internal import Base
internal import ControlPlane
internal import ControlSocket
internal import EngineRoom

/// A node for one command, which leaves nothing: neither a process nor a file, also after a failure and Ctrl-C.
enum PrivateNode {
  static func with<T: Sendable>(_ body: (any ControlPlane) async throws -> T) async throws -> T {
    let folder = try ScratchFolder()
    do {
      let value = try await run(in: folder, body)
      await folder.remove()
      return value
    } catch {
      await folder.remove()
      throw error
    }
  }

  private static func run<T: Sendable>(
    in folder: ScratchFolder, _ body: (any ControlPlane) async throws -> T
  ) async throws -> T {
    let node = try await BenchNode.start(
      executable: try Executable.path(), folder: folder.path, hasOwnSession: true)
    do {
      let value = try await withNode(socket: node.socketPath, operatorName: "bench", body)
      await stop(node)
      return value
    } catch {
      await stop(node)
      throw error
    }
  }

  /// In a task that is not cancelled, and awaited here.
  private static func stop(_ node: BenchNode) async { await Task { await node.stop() }.value }
}
