/// One client of a crowd: who it is, how far its handshake is, and when it will do something next.
struct CrowdMember {
  enum Role: UInt8 {
    case agent, viewer, slow
  }

  let role: Role
  /// Among those of its role.
  let number: Int
  let name: String
  var stage = LoadClient.Stage.closed
  var descriptor: Int32 = -1
  var isWriting = false
  var unread: [UInt8] = []
  var unsent: [UInt8] = []
  /// When it connects, does its next deed, or (slow ones) reads again; nanoseconds of CLOCK_MONOTONIC.
  var due: Int64
  /// Thoughts that are still to come at once.
  var burst = 0
  /// What an agent works on: the number of the task, and percent.
  var task = 0
  var progress = 0

  init(_ role: Role, _ number: Int, due: Int64) {
    self.role = role
    self.number = number
    self.due = due
    task = number
    let names = role == .agent ? CrowdWords.agents : role == .slow ? CrowdWords.slow : CrowdWords.viewers
    let round = number / names.count + 1
    let name = names[number % names.count]
    self.name = role == .agent || round > 1 ? "\(name)-\(round)" : name
  }

  var isOpen: Bool { stage != .closed }
}

/// What the crowd says. Nothing in here needs escaping in JSON.
enum CrowdWords {
  static let agents = ["planner", "coder", "reviewer", "tester", "refactorer", "documenter", "debugger", "profiler"]
  static let slow = ["train", "phone", "hotel", "ferry"]
  static let viewers = [
    "ada", "alan", "barbara", "claude", "dennis", "edsger", "frances", "grace", "hedy", "ida", "john", "katherine",
    "linus", "margaret", "niklaus", "ole", "peter", "quentin", "radia", "shafi", "tony", "ursula", "vint", "whitfield",
    "xiaoyun", "yukihiro", "zofia",
  ]

  private static let openings = [
    "Reading", "Tracing", "Comparing", "Rewriting", "Measuring", "Testing", "Splitting", "Checking", "Simplifying",
  ]
  private static let objects = [
    "the retry budget", "how the ledger rounds", "the parser of the manifest", "the queue that overflows",
    "the lease of the worker", "the order of two writes", "the tide table", "the route planner", "the seed catalogue",
  ]
  private static let ends = [
    "before I touch the callers.", "since the last test failed there.", "and keeping the old name for now.",
    "against what the issue asks.", "because it allocates twice.", "with the smallest change that could work.",
  ]
  private static let steps = [
    "reading the sources", "writing a failing test", "changing the code", "running the tests", "asking for a review",
    "waiting for the reviewer", "writing it down",
  ]

  static func thought(_ chance: inout some RandomNumberGenerator) -> String {
    [openings, objects, ends].map { $0.randomElement(using: &chance) ?? "" }.joined(separator: " ")
  }

  static func step(progress: Int) -> String { steps[min(steps.count - 1, progress * steps.count / 101)] }

  /// A patch of so many lines.
  static func patch(lines: Int, _ chance: inout some RandomNumberGenerator) -> String {
    (0..<lines).map { line in "\(line % 3 == 0 ? "-" : "+") \(thought(&chance))" }.joined(separator: "\\n")
  }
}
