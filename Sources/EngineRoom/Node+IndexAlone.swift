internal import Access
internal import Base
public import ControlPlane
internal import Telemetry

extension Node {
  /// The index alone, without doors, for a command that finds no node: under the state folder's lock, audited and
  /// behind the policy as ever. It indexes what it is asked to and nothing else. Throws `conflict` when a node has the
  /// folder; a command is waited for.
  public static func withIndexAlone<T: Sendable>(
    _ settings: NodeSettings, _ body: (any ControlPlane) async throws -> T
  ) async throws -> T {
    prepareProcess()
    let state = try await StateFolder.forCommand(path: settings.stateFolder)
    var settings = settings
    settings.engines = [.index]
    settings.index.indexesUnasked = false
    let bus = EventBus<Event>()
    let log = makeLog(settings, bus)
    defer { log.close() }
    let core = try NodeCore(settings: settings, bus: bus, log: log, registry: bootstrapMetrics())
    let index = try core.index()
    let writer = AuditWriter(audit: core.audit, health: core.health)
    defer { writer.write() }
    let plane = NodeDoorkeeper(core: core).door(
      for: Caller(actor: settings.operatorLabel, origin: .commandLine, grants: .operator))
    let result: Result<T, any Error> = await withTaskGroup(of: Void.self) { group in
      group.addTask { await index.run() }
      defer {
        bus.finish()
        group.cancelAll()
      }
      do { return .success(try await body(plane)) } catch { return .failure(error) }
    }
    _ = consume state
    return try result.get()
  }
}
