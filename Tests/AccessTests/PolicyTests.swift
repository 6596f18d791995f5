import Access
import Base
import ControlPlane
import Testing

struct PolicyTests {
  private let policy = AccessPolicy()

  private func caller(_ role: Grants.Role, projects: [String]? = nil) throws -> Caller {
    Caller(actor: "x", origin: .http, grants: Grants(role: role, projects: try projects?.map { try Glob($0) }))
  }

  private static let commands: [Command] = [
    .addProject(path: "/src/apple", id: nil), .removeProject(id: ProjectID(folderName: "apple")), .drain, .stop,
    .setLogLevel(.debug), .runBench(BenchOptions()), .cancelBench,
  ]

  @Test(arguments: commands)
  func commandsNeedAnOperator(command: Command) throws {
    for role in [Grants.Role.viewer, .agent] {
      let caller = try caller(role)
      let failure = #expect(throws: Failure.self) { try policy.check(command, by: caller) }
      #expect(failure?.code == .denied)
      #expect(failure?.line.contains("operator") == true)
    }
    try policy.check(command, by: try caller(.operator))
  }

  @Test(arguments: [
    (Query.projects, Grants.Role.viewer), (.benchHistory(limit: 1), .viewer), (.logs(LogQuery()), .operator),
    (.audit(AuditQuery()), .operator), (.settings, .operator), (.doctor, .operator),
  ])
  func queriesNeedTheirRole(query: Query, least: Grants.Role) throws {
    for role in Grants.Role.allCases {
      let caller = try caller(role)
      if role >= least {
        try policy.check(query, by: caller)
      } else {
        #expect(throws: Failure.self) { try policy.check(query, by: caller) }
      }
    }
  }

  @Test func theCacheIsForAgentsWithinTheirNamespaces() throws {
    let selection = CacheSelection(namespace: "team-a", .pattern("*"))
    let commands: [Command] = [.cacheSet(CacheWrite(namespace: "team-a", entries: [])), .cacheInvalidate(selection)]
    let queries: [Query] = [.cacheGet(namespace: "team-a", keys: ["k"]), .cacheSurvey(selection)]
    let inside = Caller(
      actor: "x", origin: .http, grants: Grants(role: .agent, namespaces: [try Glob("team-*")]))
    let outside = Caller(
      actor: "x", origin: .http, grants: Grants(role: .operator, namespaces: [try Glob("other")]))
    for command in commands {
      try policy.check(command, by: inside)
      #expect(throws: Failure.self) { try policy.check(command, by: outside) }
      #expect(throws: Failure.self) { try policy.check(command, by: try caller(.viewer)) }
    }
    for query in queries {
      try policy.check(query, by: inside)
      #expect(throws: Failure.self) { try policy.check(query, by: outside) }
      #expect(throws: Failure.self) { try policy.check(query, by: try caller(.viewer)) }
    }
  }

  @Test func socketsAreForThoseWhoMaySeeEveryRoom() throws {
    let queries: [Query] = [.sockets(SocketQuery(filter: "x")), .socket(id: "s")]
    for query in queries {
      for role in Grants.Role.allCases { try policy.check(query, by: try caller(role)) }
      #expect(throws: Failure.self) { try policy.check(query, by: try caller(.operator, projects: ["a*"])) }
      let narrow = Caller(actor: "x", origin: .http, grants: Grants(role: .operator, rooms: [try Glob("task:*")]))
      #expect(throws: Failure.self) { try policy.check(query, by: narrow) }
    }
    let addresses = Query.sockets(SocketQuery(filter: "!address=10.*"))
    try policy.check(addresses, by: try caller(.operator))
    #expect(throws: Failure.self) { try policy.check(addresses, by: try caller(.agent)) }
  }

  @Test func addressesAreForOperators() throws {
    let record = SocketRecord(id: "s", user: "u", connectedAt: 1, address: "10.0.0.1:7", node: "n")
    let page = Answer.sockets(SocketPage(sockets: [record], matching: 1, total: 1))
    let detail = Answer.socket(SocketDetail(socket: record, rooms: []))
    func addresses(_ answer: Answer, _ role: Grants.Role) throws -> [String] {
      switch policy.filter(answer, for: try caller(role)) {
      case .sockets(let page): page.sockets.map(\.address)
      case .socket(let detail): [detail.socket.address]
      default: []
      }
    }
    for answer in [page, detail] {
      #expect(try addresses(answer, .operator) == ["10.0.0.1:7"])
      #expect(try addresses(answer, .agent) == [""] && addresses(answer, .viewer) == [""])
    }
  }

  @Test func publishingNeedsAnAgentAndItsRoom() throws {
    let project = ProjectID(folderName: "apple")
    let commands: [(Command, String)] = [
      (.broadcast(Broadcast(room: "task:1", event: "e")), "task:1"),
      (.agentThought(AgentThought(agentID: "a", thought: "x")), "agent:a"),
      (.taskUpdate(TaskUpdate(taskID: "1", status: .failed)), "task:1"),
      (.projectEvent(ProjectEvent(projectID: project, event: "e")), "project:apple"),
    ]
    for (command, room) in commands {
      try policy.check(command, by: try caller(.agent))
      #expect(throws: Failure.self) { try policy.check(command, by: try caller(.viewer)) }
      func publisher(_ glob: String, _ role: Grants.Role = .agent) throws -> Caller {
        Caller(actor: "x", origin: .http, grants: Grants(role: role, publish: [try Glob(glob)]))
      }
      try policy.check(command, by: publisher(room))
      try policy.check(.audience(room: room), by: publisher(room))
      #expect(throws: Failure.self) { try policy.check(command, by: publisher("other:*")) }
      #expect(throws: Failure.self) { try policy.check(command, by: publisher("other:*", .operator)) }
      #expect(throws: Failure.self) { try policy.check(.audience(room: room), by: publisher("other:*")) }
    }
    // Of several rooms every one counts.
    let several = Command.broadcast(Broadcast(room: "task:1", moreRooms: ["task:2", "agent:a"], event: "e"))
    func publisher(_ globs: [String]) throws -> Caller {
      Caller(actor: "x", origin: .http, grants: Grants(role: .agent, publish: try globs.map { try Glob($0) }))
    }
    try policy.check(several, by: publisher(["task:*", "agent:a"]))
    #expect(throws: Failure.self) { try policy.check(several, by: publisher(["task:*"])) }
    // The room of a project is for those who may see the project, whichever way they name it.
    let pears = try caller(.agent, projects: ["pear"])
    #expect(throws: Failure.self) { try policy.check(commands[3].0, by: pears) }
    #expect(throws: Failure.self) {
      try policy.check(.broadcast(Broadcast(room: "project:apple", event: "e")), by: pears)
    }
    #expect(throws: Failure.self) {
      try policy.check(.broadcast(Broadcast(room: "r", moreRooms: ["project:apple"], event: "e")), by: pears)
    }
  }

  @Test func kickingIsForOperators() throws {
    let kick = Command.kickSockets(ids: ["s"])
    try policy.check(kick, by: try caller(.operator))
    #expect(throws: Failure.self) { try policy.check(kick, by: try caller(.agent)) }
    let narrow = Caller(actor: "x", origin: .http, grants: Grants(role: .operator, rooms: [try Glob("task:*")]))
    #expect(throws: Failure.self) { try policy.check(kick, by: narrow) }
  }

  @Test func anEventStaysWithinTheProjectsOfTheCredential() throws {
    let narrow = try caller(.agent, projects: ["a*"])
    func event(_ project: String?) -> Command {
      .cacheInvalidate(CacheSelection(namespace: "default", .event(.gitCommit, project: project, paths: [])))
    }
    try policy.check(event("apple"), by: narrow)
    #expect(throws: Failure.self) { try policy.check(event("pear"), by: narrow) }
    #expect(throws: Failure.self) { try policy.check(event(nil), by: narrow) }
  }

  @Test func namespacesThatACallerMayNotReadAreNotShown() throws {
    var cache = CacheSnapshot(redis: .init(state: .embedded))
    cache.namespaces = [.init(name: "team-a"), .init(name: "team-b")]
    let finding = CacheFinding(
      strategy: "key", namespace: "team-a", keysDeleted: 1, keysScanned: 1, bytes: 1, durationMilliseconds: 1)
    let invalidated = CacheInvalidated(
      timeMilliseconds: 1, selection: CacheSelection(namespace: "team-a", .key("k")), finding: finding)
    cache.lastInvalidations = [invalidated]
    let snapshot = Snapshot(
      node: "0", version: "0", uptimeSeconds: 1, health: Health(components: []), phase: .ready,
      process: ProcessSnapshot(
        processID: 1, cpuSeconds: 0, cpuPercent: 0, residentBytes: 0, openFiles: 0, openFilesMax: 0, threads: 1),
      control: ControlSnapshot(), cache: cache, bench: BenchSnapshot())
    let event = Event(timeMilliseconds: 1, body: .cacheInvalidated(invalidated))
    func seen(_ role: Grants.Role, _ namespace: String) throws -> ([String], Int, Bool) {
      let caller = Caller(actor: "x", origin: .http, grants: Grants(role: role, namespaces: [try Glob(namespace)]))
      let visible = policy.filter(snapshot, for: caller).cache
      return (
        visible?.namespaces.map(\.name) ?? [], visible?.lastInvalidations.count ?? 0, policy.shows(event, to: caller)
      )
    }
    #expect(try seen(.agent, "team-a") == (["team-a"], 1, true))
    #expect(try seen(.agent, "team-b") == (["team-b"], 0, false))
    #expect(try seen(.viewer, "*") == (["team-a", "team-b"], 0, false))
  }

  @Test func anOperatorOfSomeProjectsStaysWithinThem() throws {
    let narrow = try caller(.operator, projects: ["a*"])
    try policy.check(.addProject(path: "/src/apple/", id: nil), by: narrow)
    try policy.check(.addProject(path: "/src/x", id: ProjectID(rawValue: "a1")), by: narrow)
    let refused: [Command] = [
      .addProject(path: "/src/pear", id: nil), .addProject(path: "/src/apple", id: ProjectID(rawValue: "pear")),
      .removeProject(id: ProjectID(folderName: "pear")), .stop, .drain, .setLogLevel(.info),
    ]
    for command in refused {
      #expect(throws: Failure.self, "\(command)") { try policy.check(command, by: narrow) }
    }
    #expect(throws: Failure.self) { try policy.check(.logs(LogQuery()), by: narrow) }
    #expect(throws: Failure.self) { try policy.check(.audit(AuditQuery()), by: narrow) }
  }

  @Test func aViewerOfSomeProjectsSeesNoOthers() async throws {
    let plane = GuardedPlane(FixedPlane(), caller: try caller(.viewer, projects: ["a*"]))
    #expect(try await plane.snapshot().projects.map(\.id.rawValue) == ["apple"])
    guard case .projects(let projects) = try await plane.ask(.projects) else {
      Issue.record("another answer")
      return
    }
    #expect(projects.map(\.id.rawValue) == ["apple"])
    await #expect(throws: Failure.self) { try await plane.ask(.audit(AuditQuery())) }
    await #expect(throws: Failure.self) { try await plane.perform(.stop) }
  }

  @Test func logAndCommandEventsAreForOperatorsOfEverything() async throws {
    let everything = ["log", "command", "health", "projects-changed", "draining"]
    let harmless = ["health", "projects-changed", "draining"]
    for (caller, expected) in [
      (try caller(.operator), everything), (try caller(.viewer), harmless), (try caller(.agent), harmless),
      (try caller(.operator, projects: ["*"]), harmless),
    ] {
      var kinds: [String] = []
      for await event in GuardedPlane(FixedPlane(), caller: caller).events() { kinds.append(event.kind) }
      #expect(kinds == expected)
    }
  }

  @Test func anOperatorGetsThrough() async throws {
    let plane = GuardedPlane(FixedPlane(), caller: try caller(.operator))
    #expect(try await plane.perform(.drain).auditID == "1")
    #expect(try await plane.snapshot().projects.count == 2)
  }

  @Test func droppingAGuardedStreamEndsTheSubscription() async throws {
    let plane = BusPlane()
    let viewer = try caller(.viewer)
    do {
      let events = GuardedPlane(plane, caller: viewer).events()
      plane.bus.publish(Event(timeMilliseconds: 1, body: .draining))
      var iterator = events.makeAsyncIterator()
      #expect(await iterator.next()?.kind == "draining")
      #expect(plane.bus.listenerCount == 1)
    }
    #expect(plane.bus.listenerCount == 0)
  }
}

/// A plane with two projects and one event of each delicate kind.
struct FixedPlane: ControlPlane {
  private static let projects = ["apple", "pear"].map { ProjectSummary(id: ProjectID(folderName: $0), path: "/\($0)") }

  func snapshot() async throws(Failure) -> Snapshot {
    Snapshot(
      node: "0", version: "0", uptimeSeconds: 1, health: Health(components: []), phase: .ready,
      projects: Self.projects,
      process: ProcessSnapshot(
        processID: 1, cpuSeconds: 0, cpuPercent: 0, residentBytes: 0, openFiles: 0, openFilesMax: 0, threads: 1),
      control: ControlSnapshot(), bench: BenchSnapshot())
  }

  func events() -> AsyncStream<Event> {
    let bodies: [Event.Body] = [
      .log(LogRecord(timeMilliseconds: 1, level: .info, label: "x", message: "secret plan")),
      .command(
        AuditRecord(id: "1", timeMilliseconds: 1, actor: "x", origin: .http, action: "project.add", target: "pear")),
      .health(Health(components: [])), .projectsChanged, .draining,
    ]
    return AsyncStream { continuation in
      for body in bodies { continuation.yield(Event(timeMilliseconds: 1, body: body)) }
      continuation.finish()
    }
  }

  func ask(_ query: Query) async throws(Failure) -> Answer { .projects(Self.projects) }
  func perform(_ command: Command) async throws(Failure) -> Outcome { Outcome(auditID: "1", result: .done) }
}

/// A plane whose events come from a bus.
struct BusPlane: ControlPlane {
  let bus = EventBus<Event>()

  func snapshot() async throws(Failure) -> Snapshot { try await FixedPlane().snapshot() }
  func events() -> AsyncStream<Event> { bus.subscribe() }
  func ask(_ query: Query) async throws(Failure) -> Answer { .projects([]) }
  func perform(_ command: Command) async throws(Failure) -> Outcome { Outcome(auditID: "1", result: .done) }
}
