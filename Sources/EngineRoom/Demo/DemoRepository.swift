internal import Base
internal import ControlPlane
internal import FoundationEssentials
internal import Glibc

/// A git repository that somebody works on: it begins with some modules, and every few seconds a commit adds, changes,
/// renames or deletes some.
struct DemoRepository: DemoActor {
  struct Plan: Sendable {
    /// Of the folder and the project.
    var name: String
    var languages: [DemoSources.Language]
    var files: Int
  }

  static let plans = [
    Plan(name: "harbour", languages: [.swift, .python], files: 90),
    Plan(name: "lighthouse", languages: [.javascript, .python], files: 60),
  ]
  private static let authors = ["Ada", "Edsger", "Grace", "Radia"]
  /// The repository stays between these shares of its first size.
  private static let (least, most) = (0.7, 1.5)

  private struct File: Sendable {
    var path: String
    var module: Int
    var language: DemoSources.Language
    var revision = 1
  }

  let plan: Plan
  let path: String
  let name: String
  let pause = 3_000...6_000
  var chance: SeededGenerator
  private let git: String
  private var files: [File] = []
  private var next = 0
  private var renames = 0

  /// With its first commit. Throws when there is no git.
  init(_ plan: Plan, in folder: String, seed: UInt64) async throws(Failure) {
    guard let git = CacheWorkloads.program("git") else {
      throw Failure(.unavailable, "there is no git, which the demo commits with", hint: "apt-get install git")
    }
    self.plan = plan
    self.git = git
    path = "\(folder)/\(plan.name)"
    name = Self.authors[Int(seed) % Self.authors.count].lowercased()
    chance = SeededGenerator(seed: seed)
    guard mkdir(path, 0o700) == 0 else {
      throw Failure(.unavailable, "cannot make \(path): \(String(cString: strerror(errno)))")
    }
    try await run("init", "--quiet", "--initial-branch=main")
    for _ in 0..<plan.files { _ = try addFile() }
    try await commit("Begin with \(plan.files) modules")
  }

  mutating func begin(_ node: any ControlPlane, _ stage: DemoStage) async throws(Failure) {
    guard let id = ProjectID(rawValue: plan.name) else { return }
    do throws(Failure) { _ = try await node.perform(.addProject(path: path, id: id)) } catch {
      // After a lost connection it is known already.
      guard error.code == .conflict else { throw error }
    }
  }

  mutating func turn(_ node: any ControlPlane, _ stage: DemoStage) async throws(Failure) {
    let share = Double(files.count) / Double(plan.files)
    let choice = Int.random(in: 0..<100, using: &chance)
    let message =
      switch choice {
      case ..<30 where share < Self.most: try addSome()
      case ..<45 where share > Self.least: try deleteSome()
      case ..<60: try await rename()
      default: try changeSome()
      }
    try await commit(message)
    stage.tell("\(plan.name): commit '\(message)'")
  }

  // MARK: Changes

  private mutating func addSome() throws(Failure) -> String {
    var names: [String] = []
    for _ in 0..<Int.random(in: 1...4, using: &chance) { names.append(try addFile()) }
    return "Add \(names.joined(separator: ", "))"
  }

  private mutating func changeSome() throws(Failure) -> String {
    var names: [String] = []
    for place in files.indices.shuffled(using: &chance).prefix(Int.random(in: 1...6, using: &chance)) {
      files[place].revision += 1
      try write(files[place])
      names.append(Self.last(files[place].path))
    }
    return "Revise \(names.joined(separator: ", "))"
  }

  private mutating func deleteSome() throws(Failure) -> String {
    var names: [String] = []
    for _ in 0..<Int.random(in: 1...3, using: &chance) {
      let file = files.remove(at: Int.random(in: 0..<files.count, using: &chance))
      guard unlink("\(path)/\(file.path)") == 0 else { throw Failure(.unavailable, "cannot delete \(file.path)") }
      names.append(Self.last(file.path))
    }
    return "Delete \(names.joined(separator: ", "))"
  }

  private mutating func rename() async throws(Failure) -> String {
    let place = Int.random(in: 0..<files.count, using: &chance)
    let old = files[place].path
    renames += 1
    let new = "\(DemoSources.name(files[place].module))_\(renames).\(files[place].language.ending)"
    try await run("mv", old, new)
    files[place].path = new
    return "Rename \(Self.last(old)) to \(new)"
  }

  private mutating func addFile() throws(Failure) -> String {
    // Each of the languages has all of the modules; the round tells a module's second life from its first.
    let language = plan.languages[next % plan.languages.count]
    let module = next % DemoSources.count
    let round = next / DemoSources.count
    next += 1
    let path = (round == 0 ? "" : "v\(round + 1)/") + DemoSources.path(module, language)
    let file = File(path: path, module: module, language: language)
    try write(file)
    files.append(file)
    return Self.last(path)
  }

  private mutating func write(_ file: File) throws(Failure) {
    let text = DemoSources.text(file.module, file.language, revision: file.revision, &chance)
    try IndexCorpus.write(Array(text.utf8), to: "\(path)/\(file.path)")
  }

  private static func last(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  // MARK: Git

  private mutating func commit(_ message: String) async throws(Failure) {
    let author = Self.authors.randomElement(using: &chance) ?? "Ada"
    try await run("add", "--all")
    try await run(
      "-c", "user.name=\(author)", "-c", "user.email=\(author.lowercased())@example.com", "commit", "--quiet",
      "--message", message)
  }

  private func run(_ arguments: String...) async throws(Failure) {
    let launch = BenchChild.Launch(
      arguments: ["-C", path, "-c", "gc.auto=0"] + arguments,
      environment: [
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": path, "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
      ])
    _ = try await BenchChild.run(git, launch, deadline: .seconds(30))
  }
}
