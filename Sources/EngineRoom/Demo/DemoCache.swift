internal import Base
internal import ControlPlane

/// Agents that keep what they worked out: four of five reads go to a fifth of the keys, and what is missing is computed
/// and set. Now and then something is invalidated.
struct DemoCache: DemoActor {
  let name = "planner-1"
  /// Twenty turns a second of some reads each.
  let pause = 30...70
  var chance = SeededGenerator(seed: 11)
  private var turns = 0

  private static let namespaces = ["plans", "answers", "reviews"]
  private static let keys = 800
  private static let turnsPerInvalidation = 160

  /// What is asked for most is known from before.
  mutating func begin(_ node: any ControlPlane, _ stage: DemoStage) async throws(Failure) {
    for namespace in Self.namespaces {
      let entries = (0..<Self.keys / 4).map { entry($0) }
      _ = try await node.perform(.cacheSet(CacheWrite(namespace: namespace, entries: entries)))
    }
  }

  mutating func turn(_ node: any ControlPlane, _ stage: DemoStage) async throws(Failure) {
    turns += 1
    let namespace = Self.namespaces[turns % Self.namespaces.count]
    try await readOrCompute(namespace, node)
    guard turns % Self.turnsPerInvalidation == 0 else { return }
    let strategy = strategy()
    let selection = CacheSelection(namespace: namespace, strategy)
    let outcome = try await node.perform(.cacheInvalidate(selection))
    guard case .cacheInvalidated(let finding) = outcome.result else { return }
    stage.tell("cache: \(selection.summary) invalidated, \(finding.keysDeleted) keys")
  }

  private mutating func readOrCompute(_ namespace: String, _ node: any ControlPlane) async throws(Failure) {
    let numbers = (0..<Int.random(in: 1...4, using: &chance)).map { _ in number() }
    let keys = numbers.map(Self.key)
    let answer = try await node.ask(.cacheGet(namespace: namespace, keys: keys))
    guard case .cacheValues(let values) = answer else { return }
    var missing: [CacheWrite.Entry] = []
    for (number, value) in zip(numbers, values) where value == nil { missing.append(entry(number)) }
    guard !missing.isEmpty else { return }
    _ = try await node.perform(.cacheSet(CacheWrite(namespace: namespace, entries: missing)))
  }

  private mutating func number() -> Int {
    let hot = Self.keys / 5
    return Int.random(in: 0..<5, using: &chance) > 0
      ? Int.random(in: 0..<hot, using: &chance) : Int.random(in: hot..<Self.keys, using: &chance)
  }

  private static func key(_ number: Int) -> String { "task:\(number / 10):step:\(number % 10)" }

  private mutating func entry(_ number: Int) -> CacheWrite.Entry {
    let text = (0..<Int.random(in: 4...40, using: &chance))
      .map { "\($0). \(DemoSources.question(&chance))" }.joined(separator: "\n")
    // A step depends on the first one of its task; and some are about a project, so that its commits invalidate them.
    let first = number % 10 == 0 ? [] : [Self.key(number / 10 * 10)]
    let project = number % 25 == 0 ? [DemoRepository.plans[number / 25 % DemoRepository.plans.count].name] : []
    return CacheWrite.Entry(
      key: Self.key(number), value: Blob(Array(text.utf8)), contentType: "text/plain",
      timeToLiveMilliseconds: Int64.random(in: 60_000...1_800_000, using: &chance),
      tags: project.map { "project:\($0)" } + ["week:\(number % 50)"], dependsOn: first)
  }

  private mutating func strategy() -> CacheSelection.Strategy {
    switch Int.random(in: 0..<3, using: &chance) {
    case 0: .pattern("task:\(Int.random(in: 1...7, using: &chance))?:*")
    case 1: .tags(["week:\(Int.random(in: 0..<50, using: &chance))"])
    default: .key(Self.key(number()))
    }
  }
}
