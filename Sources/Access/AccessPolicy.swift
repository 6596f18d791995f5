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
    return visible
  }

  /// Without the projects that the caller may not see.
  public func filter(_ answer: Answer, for caller: Caller) -> Answer {
    switch answer {
    case .projects(let projects): .projects(projects.filter { caller.grants.allows(project: $0.id) })
    case .logs, .audit, .settings, .doctor, .benchHistory: answer
    }
  }

  /// Whether the caller may see the event at all. Log and audit lines tell of everybody's work.
  public func shows(_ event: Event, to caller: Caller) -> Bool {
    switch event.body {
    case .log, .command: seesEverything(caller)
    case .health, .projectsChanged, .benchProgress, .draining, .stopping, .dropped: true
    }
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
    }
  }

  private func need(of query: Query) -> Need {
    switch query {
    case .projects, .benchHistory: Need(role: .viewer)
    case .logs, .audit: Need(role: .operator, isAcrossProjects: true)
    case .settings, .doctor: Need(role: .operator)
    }
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
    if need.isAcrossProjects, caller.grants.projects != nil {
      throw Failure(
        .denied, "\(name) concerns all projects, and this credential covers only some",
        hint: "it needs a token without the claim projects")
    }
  }
}
