internal import Access
internal import Base
internal import ControlPlane
internal import Logging
internal import Telemetry

/// The control plane in the node's own process, bound to one caller. Every command passes here, whatever face it came
/// in by: audit before, deed, audit after. The policy stands before it (`NodeDoorkeeper`).
struct LocalControlPlane: ControlPlane {
  let core: NodeCore
  let caller: Caller

  func snapshot() async throws(Failure) -> Snapshot { core.snapshot() }

  func events() -> AsyncStream<Event> { core.bus.subscribe() }

  func ask(_ query: Query) async throws(Failure) -> Answer {
    switch query {
    case .projects: .projects(core.projects.all)
    case .logs(let query): .logs(core.log.ring.query(query))
    case .audit(let query): .audit(core.audit.query(query))
    case .settings: .settings(core.settings.reports)
    case .doctor: .doctor(await Doctor.examine(core.settings.doctor))
    case .benchHistory(let limit): .benchHistory(try NodeBench.history(core, limit: limit))
    case .cacheGet(let namespace, let keys): .cacheValues(try await core.cache().get(namespace, keys))
    case .cacheSurvey(let selection): .cacheSurvey(try await core.cache().survey(selection))
    case .sockets(let query): .sockets(try await core.gateway().sockets(query))
    case .socket(let id): .socket(try await core.gateway().socket(id))
    case .audience(let room): .audience(try await core.gateway().audience(room))
    case .search(let query): .search(try await core.index().search(try visible(query)))
    case .embeddings(let texts): .embeddings(try await core.index().embeddings(texts))
    case .reindexEstimate(let request): .reindexEstimate(try await core.index().estimate(request))
    case .runs(let query): .runs(try await core.runs().runs(query, actor: ownActor))
    case .run(let id): .run(try await ownRuns(id).detail(id))
    case .runFile(let id, let path): .runFile(Blob(try await ownRuns(id).file(id, path)))
    }
  }

  func perform(_ command: Command) async throws(Failure) -> Outcome {
    if command.isTraffic(from: caller.origin) { return try await performTraffic(command) }
    var record = record(of: command)
    do {
      try begin(record, mustBeWritten: !command.isWayOut)
      let result = try await carryOut(command)
      end(&record, outcome: "ok", failed: false, told: Self.word(of: result))
      return Outcome(auditID: record.id, result: result)
    } catch {
      end(&record, outcome: "\(error.code.rawValue): \(error.message)", failed: true)
      throw error
    }
  }

  /// One line, when it is done, and nobody waits for the disk.
  private func performTraffic(_ command: Command) async throws(Failure) -> Outcome {
    var record = record(of: command)
    do {
      let result = try await carryOut(command)
      record.outcome = "ok"
      core.audit.note(record)
      return Outcome(auditID: record.id, result: result)
    } catch {
      record.outcome = "\(error.code.rawValue): \(error.message)"
      core.audit.note(record)
      throw error
    }
  }

  // MARK: Whose runs

  /// Whose runs this caller may see; nil: everybody's.
  private var ownActor: String? { caller.grants.role == .operator ? nil : caller.actor }

  /// The runs, once the caller may see the one of that id. What belongs to others is not there, as far as one can tell.
  private func ownRuns(_ id: String) async throws(Failure) -> RunService {
    let runs = try core.runs()
    guard let owner = try await runs.owner(of: id), ownActor == nil || owner == ownActor else {
      throw RunService.noSuchRun
    }
    return runs
  }

  // MARK: Audit

  /// A command that the policy refused: it changed nothing, and somebody tried.
  func refused(_ command: Command, _ failure: Failure) {
    var record = record(of: command)
    end(&record, outcome: "\(failure.code.rawValue): \(failure.message)", failed: true)
  }

  private func record(of command: Command) -> AuditRecord {
    AuditRecord(
      id: core.audit.nextID(), timeMilliseconds: core.clock.nowMilliseconds(), actor: caller.actor,
      origin: caller.origin, action: command.action, target: command.target)
  }

  private func begin(_ record: AuditRecord, mustBeWritten: Bool) throws(Failure) {
    do {
      try core.audit.append(record)
      core.health.set("audit", .ok)
    } catch {
      core.health.set("audit", .degraded, reason: error.message)
      if mustBeWritten { throw error }
    }
    core.publish(.command(record))
  }

  /// `told`: what the log says in place of the outcome.
  private func end(_ record: inout AuditRecord, outcome: String, failed: Bool, told: String? = nil) {
    record.outcome = outcome
    record.timeMilliseconds = core.clock.nowMilliseconds()
    core.countCommand(failed: failed)
    do { try core.audit.append(record) } catch {
      core.health.set("audit", .degraded, reason: error.message)
    }
    core.publish(.command(record))
    core.operatorLogger.log(
      level: failed ? .warning : .info, "\(record.actor) \(record.action) \(record.target): \(told ?? outcome)",
      metadata: ["id": "\(record.id)", "origin": "\(record.origin.rawValue)"])
  }

  /// A run ends in more ways than a command does.
  private static func word(of result: Outcome.Result) -> String? {
    guard case .run(let run) = result else { return nil }
    return "\(run.id) \(run.outcome.rawValue)\(run.cached ? ", cached" : "") after \(run.durationMilliseconds) ms"
  }

  // MARK: Deeds

  private func carryOut(_ command: Command) async throws(Failure) -> Outcome.Result {
    switch command {
    case .addProject(let path, let id):
      try requireRoot(path)
      let project = try core.projects.add(path: path, id: id)
      try await core.projectIndex?.add(project)
      core.pipeline?.add(project)
      core.publish(.projectsChanged)
      return .project(project)
    case .removeProject(let id):
      let project = try core.projects.remove(id: id)
      core.pipeline?.remove(id)
      await core.projectIndex?.remove(id)
      core.publish(.projectsChanged)
      return .project(project)
    case .drain:
      core.enter(.draining)
      core.requestStop(.drained)
      return .done
    case .stop:
      core.requestStop(.command)
      return .done
    case .setLogLevel(let level):
      core.log.level = level
      return .done
    case .runBench(let options):
      return .bench(try await NodeBench.run(options, on: core))
    case .cancelBench: return .stopped(core.cancelBench())
    case .cacheSet(let write):
      let reach = try await core.cache().set(write)
      core.tell(write)
      return .cacheStored(reach)
    case .cacheInvalidate(let selection):
      let engine = try core.cache()
      let finding = try await engine.invalidate(selection)
      core.tell(selection, finding)
      return .cacheInvalidated(finding)
    case .kickSockets(let ids): return .kicked(try await core.gateway().kick(ids, by: caller.actor))
    case .broadcast(let broadcast):
      let isCounted = !command.isTraffic(from: caller.origin)
      return .published(try await core.gateway().broadcast(broadcast, isCounted: isCounted))
    case .agentThought(let thought): return .published(try core.gateway().publish(thought))
    case .taskUpdate(let update): return .published(try core.gateway().publish(update))
    case .projectEvent(let event): return .published(try await core.gateway().publish(event))
    case .reindex(let request): return .reindexed(try await reindex(request))
    case .cancelReindex(let id): return .stopped(try core.index().cancel(id))
    case .allowUpload(let id):
      try await core.index().allowUpload(id)
      return .done
    case .run(let request): return .run(try await core.runs().run(request, by: caller))
    case .killRun(let id): return .stopped(try await ownRuns(id).kill(id))
    case .pullImages: return .images(try await core.runs().pullImages())
    }
  }
}

extension Command {
  /// A node that can no longer write must still be stoppable.
  fileprivate var isWayOut: Bool { self == .stop || self == .drain }
}

/// Hands out planes of one node, each behind the policy.
struct NodeDoorkeeper: Doorkeeper {
  let core: NodeCore

  func door(for caller: Caller) -> any ControlPlane {
    let plane = LocalControlPlane(core: core, caller: caller)
    return GuardedPlane(plane, caller: caller) { plane.refused($0, $1) }
  }
}
