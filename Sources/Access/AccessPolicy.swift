public import Base
public import ControlPlane

/// Which grants each command and query needs, and what of an answer a caller may see. The one place that decides it:
/// every face reaches the node through a `GuardedPlane`, which asks here.
public struct AccessPolicy: Sendable {
  /// What something needs.
  private struct Need {
    var role: Grants.Role
    var project: ProjectID?
    /// It shows or touches what belongs to all projects, so a credential narrowed to some of them is not enough.
    var isAcrossProjects = false
    /// Of the cache.
    var namespace: String?
    /// Of the gateway, to publish to.
    var room: String?
    /// It shows sockets whatever their rooms, so a credential narrowed to some rooms is not enough.
    var isAcrossRooms = false
  }

  public init() {}

  /// Throws `denied`, saying what is needed.
  public func check(_ command: Command, by caller: Caller) throws(Failure) {
    try check(need(of: command), caller, command.action)
    guard case .broadcast(let broadcast) = command else { return }
    for room in broadcast.moreRooms ?? [] { try check(publishing(to: room), caller, command.action) }
  }

  /// Throws `denied`, saying what is needed.
  public func check(_ query: Query, by caller: Caller) throws(Failure) {
    try check(need(of: query), caller, query.name)
  }

  /// Without the projects that the caller may not see.
  public func filter(_ snapshot: Snapshot, for caller: Caller) -> Snapshot {
    var visible = snapshot
    visible.projects = visible.projects.filter { caller.grants.allows(project: $0.id) }
    visible.index?.projects.removeAll { !caller.grants.allows(project: $0.id) }
    visible.index?.lastRuns.removeAll { !caller.grants.allows(project: $0.project) }
    visible.index?.journeys.removeAll { !caller.grants.allows(project: $0.project) }
    visible.sandbox?.active.removeAll { !shows($0, to: caller) }
    visible.sandbox?.recent.removeAll { !shows($0, to: caller) }
    visible.cache?.namespaces.removeAll { !caller.grants.allows(namespace: $0.name) }
    visible.cache?.lastInvalidations.removeAll { !shows($0, to: caller) }
    return visible
  }

  /// Without the projects that the caller may not see.
  public func filter(_ answer: Answer, for caller: Caller) -> Answer {
    switch answer {
    case .projects(let projects): .projects(projects.filter { caller.grants.allows(project: $0.id) })
    case .sockets(let page): .sockets(filter(page, for: caller))
    case .socket(let detail): .socket(filter(detail, for: caller))
    case .search(let reply):
      .search(SearchReply(hits: reply.hits.filter { caller.grants.allows(project: $0.project) }, note: reply.note))
    case .runs(let runs): .runs(runs.filter { shows($0, to: caller) })
    case .logs, .audit, .settings, .doctor, .benchHistory, .cacheValues, .cacheSurvey, .audience, .embeddings,
      .reindexEstimate, .run, .runFile:
      answer
    }
  }

  /// Where a client is on the net is for operators.
  private func filter(_ page: SocketPage, for caller: Caller) -> SocketPage {
    guard caller.grants.role < .operator else { return page }
    var visible = page
    for index in visible.sockets.indices { visible.sockets[index].address = "" }
    return visible
  }

  private func filter(_ detail: SocketDetail, for caller: Caller) -> SocketDetail {
    guard caller.grants.role < .operator else { return detail }
    var visible = detail
    visible.socket.address = ""
    return visible
  }

  /// Whether the caller may see the event at all. Log and audit lines tell of everybody's work.
  public func shows(_ event: Event, to caller: Caller) -> Bool {
    switch event.body {
    case .log, .command: seesEverything(caller)
    case .cacheInvalidated(let invalidated): shows(invalidated, to: caller)
    case .indexProgress(let progress): caller.grants.allows(project: progress.project)
    case .reindexed(let ending): caller.grants.allows(project: ending.project)
    case .journey(let journey): caller.grants.allows(project: journey.project)
    case .run(let run): shows(run, to: caller)
    case .runOutput(let output): caller.grants.role == .operator || output.actor == caller.actor
    case .health, .projectsChanged, .benchProgress, .socketsChanged, .draining, .stopping, .dropped: true
    }
  }

  /// Whose program it was may see it, and who operates the node.
  private func shows(_ run: RunSummary, to caller: Caller) -> Bool {
    caller.grants.role == .operator || run.actor == caller.actor
  }

  /// It names keys, so it is for those who may read them.
  private func shows(_ invalidated: CacheInvalidated, to caller: Caller) -> Bool {
    caller.grants.role >= .agent && caller.grants.allows(namespace: invalidated.namespace)
  }

  /// An operator whose credential is not narrowed to some projects.
  func seesEverything(_ caller: Caller) -> Bool {
    caller.grants.role == .operator && caller.grants.projects == nil
  }

  private func need(of command: Command) -> Need {
    switch command {
    case .addProject(let path, let id):
      let name = path.split(separator: "/").last.map(String.init) ?? path
      return Need(role: .operator, project: id ?? ProjectID(folderName: name))
    case .removeProject(let id): return Need(role: .operator, project: id)
    case .drain, .stop, .setLogLevel, .runBench, .cancelBench:
      return Need(role: .operator, isAcrossProjects: true)
    case .cacheSet(let write): return Need(role: .agent, namespace: write.namespace)
    case .cacheInvalidate(let selection): return need(of: selection)
    case .kickSockets: return Need(role: .operator, isAcrossProjects: true, isAcrossRooms: true)
    case .broadcast(let broadcast): return publishing(to: broadcast.room)
    case .agentThought(let thought): return publishing(to: thought.room)
    case .taskUpdate(let update): return publishing(to: update.room)
    case .projectEvent(let event): return publishing(to: event.room)
    case .reindex(let request): return Need(role: .agent, project: request.project)
    case .cancelReindex(let id): return Need(role: .agent, project: id)
    case .allowUpload(let id): return Need(role: .operator, project: id)
    case .run(let request): return Need(role: .agent, project: request.project)
    // Whose run it is, the node knows.
    case .killRun: return Need(role: .agent)
    case .pullImages: return Need(role: .operator, isAcrossProjects: true)
    }
  }

  /// The room of a project belongs to those who may see the project.
  private func publishing(to room: String) -> Need {
    let prefix = "project:"
    let project = room.hasPrefix(prefix) ? ProjectID(rawValue: String(room.dropFirst(prefix.count))) : nil
    return Need(role: .agent, project: project, room: room)
  }

  private func need(of query: Query) -> Need {
    switch query {
    case .projects, .benchHistory: Need(role: .viewer)
    case .logs, .audit: Need(role: .operator, isAcrossProjects: true)
    case .settings, .doctor: Need(role: .operator)
    case .cacheGet(let namespace, _): Need(role: .agent, namespace: namespace)
    case .cacheSurvey(let selection): need(of: selection)
    case .sockets(let query):
      Need(role: asksForAddresses(query) ? .operator : .viewer, isAcrossProjects: true, isAcrossRooms: true)
    case .socket: Need(role: .viewer, isAcrossProjects: true, isAcrossRooms: true)
    case .audience(let room): publishing(to: room)
    // Hits of projects that the credential does not cover are left out of the answer.
    case .search, .embeddings: Need(role: .viewer)
    case .reindexEstimate(let request): Need(role: .agent, project: request.project)
    case .runs, .run, .runFile: Need(role: .agent)
    }
  }

  /// What the node will refuse anyway asks for nothing.
  private func asksForAddresses(_ query: SocketQuery) -> Bool {
    guard let text = query.filter else { return false }
    do { return try SocketFilter.parse(text)?.asksForAddresses ?? false } catch { return false }
  }

  /// A dry run tells names of keys and needs what the invalidation itself would.
  private func need(of selection: CacheSelection) -> Need {
    var need = Need(role: .agent, namespace: selection.namespace)
    if case .event(_, let project, _) = selection.strategy {
      need.project = project.flatMap { ProjectID(rawValue: $0) }
      need.isAcrossProjects = project == nil
    }
    return need
  }

  private func check(_ need: Need, _ caller: Caller, _ name: String) throws(Failure) {
    guard caller.grants.role >= need.role else {
      throw Failure(
        .denied, "the role \(caller.grants.role.rawValue) may not do \(name)",
        hint: "it needs the role \(need.role.rawValue)")
    }
    if let project = need.project, !caller.grants.allows(project: project) {
      throw Failure(.denied, "this credential does not cover the project \(project)")
    }
    if let namespace = need.namespace, !caller.grants.allows(namespace: namespace) {
      throw Failure(.denied, "this credential does not cover that cache namespace")
    }
    if let room = need.room, !caller.grants.allows(publishingTo: room) {
      throw Failure(.denied, "this credential may not publish to that room")
    }
    if need.isAcrossRooms, caller.grants.rooms != nil {
      throw Failure(
        .denied, "\(name) concerns the sockets of all rooms, and this credential covers only some",
        hint: "it needs a token without the claim rooms")
    }
    if need.isAcrossProjects, caller.grants.projects != nil {
      throw Failure(
        .denied, "\(name) concerns all projects, and this credential covers only some",
        hint: "it needs a token without the claim projects")
    }
  }
}
