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
  }

  public init() {}

  /// Throws `denied`, saying what is needed.
  public func check(_ command: Command, by caller: Caller) throws(Failure) {
    try check(need(of: command), caller, command.action)
  }

  /// Throws `denied`, saying what is needed.
  public func check(_ query: Query, by caller: Caller) throws(Failure) {
    try check(need(of: query), caller, query.name)
  }

  /// Without the projects that the caller may not see.
  public func filter(_ snapshot: Snapshot, for caller: Caller) -> Snapshot {
    var visible = snapshot
    visible.projects = visible.projects.filter { caller.grants.allows(project: $0.id) }
    visible.cache?.namespaces.removeAll { !caller.grants.allows(namespace: $0.name) }
    visible.cache?.lastInvalidations.removeAll { !shows($0, to: caller) }
    return visible
  }

  /// Without the projects that the caller may not see.
  public func filter(_ answer: Answer, for caller: Caller) -> Answer {
    switch answer {
    case .projects(let projects): .projects(projects.filter { caller.grants.allows(project: $0.id) })
    case .logs, .audit, .settings, .doctor, .benchHistory, .cacheValues, .cacheSurvey: answer
    }
  }

  /// Whether the caller may see the event at all. Log and audit lines tell of everybody's work.
  public func shows(_ event: Event, to caller: Caller) -> Bool {
    switch event.body {
    case .log, .command: seesEverything(caller)
    case .cacheInvalidated(let invalidated): shows(invalidated, to: caller)
    case .health, .projectsChanged, .benchProgress, .draining, .stopping, .dropped: true
    }
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
    case .drain, .stop, .setLogLevel, .runBench: return Need(role: .operator, isAcrossProjects: true)
    case .cacheSet(let write): return Need(role: .agent, namespace: write.namespace)
    case .cacheInvalidate(let selection): return need(of: selection)
    }
  }

  private func need(of query: Query) -> Need {
    switch query {
    case .projects, .benchHistory: Need(role: .viewer)
    case .logs, .audit: Need(role: .operator, isAcrossProjects: true)
    case .settings, .doctor: Need(role: .operator)
    case .cacheGet(let namespace, _): Need(role: .agent, namespace: namespace)
    case .cacheSurvey(let selection): need(of: selection)
    }
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
    if need.isAcrossProjects, caller.grants.projects != nil {
      throw Failure(
        .denied, "\(name) concerns all projects, and this credential covers only some",
        hint: "it needs a token without the claim projects")
    }
  }
}
