internal import Base
internal import CSockets
internal import Glibc

/// A crowd from its first connection to its end, on one thread and one epoll. Who is cut off comes back after a while.
public final class CrowdRun {
  /// The longest wait for a socket; deeds are at most this much late.
  private static let turnNanoseconds: Int64 = 20_000_000
  private static let second: Int64 = 1_000_000_000
  /// All are connected so long after the start.
  private static let arrivalNanoseconds = 4 * second
  static let readBytesMax = 64 << 10
  static let frameBytesMax = 4 << 20
  static let unsentBytesMax = 256 << 10
  /// A slow member's link: so many bytes, four times a second, which is less than what comes.
  static let (slowBytes, slowPause) = (2_048, second / 4)
  private static let slowRoomsMax = 8

  let scenario: CrowdScenario
  let epoll: Int32
  var members: [CrowdMember] = []
  var masks = MaskSequence()
  var chance: SeededGenerator
  var buffer = [UInt8](repeating: 0, count: CrowdRun.readBytesMax)
  private var events = [epoll_event](repeating: epoll_event(), count: 256)
  private let isCancelled: () -> Bool

  /// `isCancelled` is asked fifty times a second.
  public init(_ scenario: CrowdScenario, isCancelled: @escaping () -> Bool) throws(LoadError) {
    try scenario.check()
    LoadSocket.raiseFileLimit()
    self.scenario = scenario
    self.isCancelled = isCancelled
    chance = SeededGenerator(seed: scenario.seed)
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard epoll >= 0 else { throw .system("epoll_create1", errno) }
  }

  deinit {
    for member in members where member.isOpen { close(member.descriptor) }
    if epoll >= 0 { close(epoll) }
  }

  /// Returns only by throwing: `cancelled`, or what went wrong with this process and not with one connection.
  public func run() throws(LoadError) -> Never {
    let start = monotonicNanoseconds()
    let roles: [(CrowdMember.Role, Int)] = [
      (.agent, scenario.agents), (.slow, scenario.slow), (.viewer, scenario.viewers),
    ]
    for (role, count) in roles {
      for number in 0..<count {
        let due = start + Int64.random(in: 0..<Self.arrivalNanoseconds, using: &chance)
        members.append(CrowdMember(role, number, due: due))
      }
    }
    while true {
      if isCancelled() { throw .cancelled }
      let now = monotonicNanoseconds()
      for index in members.indices where members[index].due <= now { try act(index, now) }
      try turn()
    }
  }

  private func turn() throws(LoadError) {
    let count = try LoadSocket.wait(epoll, &events, nanoseconds: Self.turnNanoseconds)
    for place in 0..<count {
      let index = Int(events[place].data.u64)
      let flags = events[place].events
      guard members[index].isOpen else { continue }
      if flags & EPOLLOUT.rawValue != 0 { try flush(index) }
      if members[index].isOpen, flags & ~EPOLLOUT.rawValue != 0 { try receive(index, bytesMax: Self.readBytesMax) }
    }
  }

  // MARK: Deeds

  private func act(_ index: Int, _ now: Int64) throws(LoadError) {
    switch (members[index].stage, members[index].role) {
    case (.closed, _): try connect(index, now)
    case (.ready, .agent): try work(index, now)
    case (.ready, .viewer): try look(index, now)
    case (.stalled, .slow):
      members[index].due = now + Self.slowPause
      try receive(index, bytesMax: Self.slowBytes)
    // The handshake took longer than it may: once more.
    default: leave(index, for: 1...2)
    }
  }

  private func connect(_ index: Int, _ now: Int64) throws(LoadError) {
    let isSlow = members[index].role == .slow
    members[index].descriptor = try LoadSocket.connect(
      port: scenario.port, source: 1, receiveBytes: isSlow ? Int32(4 * Self.slowBytes) : nil)
    members[index].stage = .connecting
    members[index].due = now + 10 * Self.second
    members[index].isWriting = true
    try LoadSocket.watch(epoll, members[index].descriptor, index: index, isWriting: true, isNew: true)
  }

  /// The handshake is over: everyone enters the rooms it is interested in.
  func enter(_ index: Int) throws(LoadError) {
    let member = members[index]
    members[index].stage = .ready
    members[index].due = monotonicNanoseconds() + Int64.random(in: 0...(3 * Self.second), using: &chance)
    switch member.role {
    case .agent:
      try subscribe(index, "project", scenario.projects[member.number % scenario.projects.count])
    case .viewer:
      try subscribe(index, "project", scenario.projects[member.number % scenario.projects.count])
      for _ in 0..<Int.random(in: 1...3, using: &chance) { try follow(index) }
    case .slow:
      for project in scenario.projects { try subscribe(index, "project", project) }
      for number in 0..<min(scenario.agents, Self.slowRoomsMax) { try subscribe(index, "agent", agent(number)) }
      // From here on it reads by the clock and not when there is something.
      LoadSocket.unwatch(epoll, member.descriptor)
      members[index].stage = .stalled
    }
  }

  private func work(_ index: Int, _ now: Int64) throws(LoadError) {
    if members[index].burst > 0 {
      members[index].burst -= 1
      members[index].due = now + Self.second / 25
      return try think(index)
    }
    members[index].due = now + Int64.random(in: (Self.second / 2)...(3 * Self.second), using: &chance)
    switch Int.random(in: 0..<100, using: &chance) {
    case ..<55: try think(index)
    case ..<85: try advance(index)
    case ..<97: try publishPatch(index)
    default: members[index].burst = 25
    }
  }

  private func think(_ index: Int) throws(LoadError) {
    let member = members[index]
    try emit(
      index, "agent-thought",
      """
      {"agentId":"\(member.name)","taskId":"\(task(member.task))","thought":"\(CrowdWords.thought(&chance))"}
      """)
  }

  private func advance(_ index: Int) throws(LoadError) {
    let member = members[index]
    let progress = min(100, member.progress + Int.random(in: 5...30, using: &chance))
    let isFailed = progress == 100 && Int.random(in: 0..<6, using: &chance) == 0
    let status = isFailed ? "failed" : progress == 100 ? "completed" : "in_progress"
    members[index].progress = progress == 100 ? 0 : progress
    if progress == 100 { members[index].task += scenario.agents }
    try emit(
      index, "task-update",
      """
      {"taskId":"\(task(member.task))","status":"\(status)","progress":\(progress),\
      "message":"\(CrowdWords.step(progress: progress))"}
      """)
  }

  private func publishPatch(_ index: Int) throws(LoadError) {
    let member = members[index]
    let project = scenario.projects[member.number % scenario.projects.count]
    let patch = CrowdWords.patch(lines: Int.random(in: 20...180, using: &chance), &chance)
    try emit(
      index, "publish",
      """
      {"room":"project:\(project)","event":"patch-proposed","data":{"agent":"\(member.name)","patch":"\(patch)"}}
      """)
  }

  /// A viewer follows somebody else too, or goes and comes back, unless the crowd is a steady one.
  private func look(_ index: Int, _ now: Int64) throws(LoadError) {
    members[index].due = now + Int64.random(in: (15 * Self.second)...(60 * Self.second), using: &chance)
    let hasEnough = Int.random(in: 0..<4, using: &chance) == 0
    if hasEnough, !scenario.isSteady { return leave(index, for: 1...5) }
    let number = Int.random(in: 0..<scenario.agents, using: &chance)
    try emit(index, "unsubscribe-agent", "\"\(agent(number))\"")
    try follow(index)
  }

  private func follow(_ index: Int) throws(LoadError) {
    let number = Int.random(in: 0..<scenario.agents, using: &chance)
    try subscribe(index, "agent", agent(number))
    try subscribe(index, "task", task(members[number].task))
  }

  func leave(_ index: Int, for seconds: ClosedRange<Int64>) {
    guard members[index].isOpen else { return }
    close(members[index].descriptor)
    members[index].stage = .closed
    (members[index].unread, members[index].unsent) = ([], [])
    let pause = Int64.random(in: seconds, using: &chance) * Self.second
    members[index].due = monotonicNanoseconds() + pause
  }

  // MARK: Names

  /// Agents stand first.
  private func agent(_ number: Int) -> String { members[number].name }
  private func task(_ number: Int) -> String { "issue-\(100 + number)" }

  private func subscribe(_ index: Int, _ kind: String, _ id: String) throws(LoadError) {
    try emit(index, "subscribe-\(kind)", "\"\(id)\"")
  }

  private func emit(_ index: Int, _ event: String, _ data: String) throws(LoadError) {
    try send(index, Array("42[\"\(event)\",\(data)]".utf8))
  }
}
