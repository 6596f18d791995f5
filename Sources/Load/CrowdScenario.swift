/// A crowd of named Socket.IO clients at human pace, for a first look: agents that think aloud, work on tasks and
/// publish patches; viewers who follow some of them, come and go; and some behind slow links. It goes on until it is
/// ended.
public struct CrowdScenario: Codable, Sendable, Equatable {
  /// The gateway, on 127.0.0.1.
  public var port: UInt16 = 0
  /// Each publishes to its `agent:` room and to the `task:` rooms of what it works on.
  public var agents = 24
  /// Each follows some agents, their tasks, and one project.
  public var viewers = 260
  /// Viewers of every project whose link carries less than what comes.
  public var slow = 4
  /// Ids of projects, whose `project:` rooms the patches go to.
  public var projects = ["demo"]
  /// Whether viewers stay, in place of going and coming back: so many sockets are live at any time.
  public var isSteady = false
  /// The same seed gives the same crowd.
  public var seed: UInt64 = 1

  public init() {}

  func check() throws(LoadError) {
    func require(_ holds: Bool, _ what: String) throws(LoadError) { if !holds { throw .scenario(what) } }
    try require(port != 0, "port: 1...65535")
    try require((1...200).contains(agents), "agents: 1...200")
    try require((0...5_000).contains(viewers), "viewers: 0...5000")
    try require((0...50).contains(slow), "slow: 0...50")
    let arePlain = projects.allSatisfy { id in
      (1...64).contains(id.utf8.count)
        && id.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
    }
    try require((1...16).contains(projects.count) && arePlain, "projects: 1...16 ids of a...z, 0...9 and -")
  }
}
