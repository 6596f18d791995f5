internal import Base
internal import FoundationEssentials
internal import Glibc

/// Sources of this machine as one repository: Python's and Node's own libraries, C headers. Where they are too few, the
/// same again with a line more each, which makes them other contents.
///
/// More than a tenth of them the index rightly takes for no source: of 12,682 such files on one machine some 2,000 are
/// OpenSSL's configuration headers in Node's own (`openssl/archs`), which say that they were generated and not to be
/// edited, and 240 are tables in one line (`caniuse-lite`). `replace` puts others in their place.
struct IndexCorpus: Sendable {
  let path: String
  let files: Int
  let bytes: Int

  private static let roots = [
    "/usr/lib/python3", "/usr/local/lib/python3", "/usr/lib/node_modules", "/usr/local/lib/node_modules",
    "/usr/share/nodejs", "/usr/include", "/usr/local/include",
  ]
  private static let endings = [".py", ".js", ".ts", ".h", ".hpp", ".c", ".cc", ".go", ".rs", ".swift"]
  private static let fileBytesMax = 256 << 10
  private static let perFolder = 100
  private static let copiesMax = 64

  /// Writes exactly `count` files below `folder` and commits them. Throws when this machine has no git, or too little
  /// source.
  static func make(in folder: String, files count: Int) async throws(Failure) -> IndexCorpus {
    let path = "\(folder)/corpus"
    let sources = try sources(count)
    guard !sources.isEmpty else { throw Failure(.unavailable, "this machine has no sources to index") }
    var written = 0
    var bytes = 0
    for copy in 0..<copiesMax where written < count {
      for source in sources where written < count {
        guard var content = FileManager.default.contents(atPath: source) else { continue }
        if copy > 0 { content.append(contentsOf: Array("\ncopy_\(copy)_of_\(written)\n".utf8)) }
        let name = source.split(separator: "/").last.map(String.init) ?? "file"
        try write([UInt8](content), to: "\(path)/f\(written / perFolder)/\(written)_\(name)")
        written += 1
        bytes += content.count
      }
    }
    guard written == count else {
      throw Failure(.unavailable, "this machine has source for \(written) files and not for \(count)")
    }
    let corpus = IndexCorpus(path: path, files: written, bytes: bytes)
    _ = try await corpus.git("init", "--quiet", "--initial-branch=main")
    try await corpus.commit()
    return corpus
  }

  /// Of any folder that begins with one of the roots, in the order of the names, so that two runs take the same.
  private static func sources(_ count: Int) throws(Failure) -> [String] {
    var found: [String] = []
    for root in roots {
      let parent = root.split(separator: "/").dropLast().map { "/\($0)" }.joined()
      let names = ((try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []).sorted()
      for name in names where "\(parent)/\(name)".hasPrefix(root) {
        collect("\(parent)/\(name)", depth: 0, into: &found, count)
      }
    }
    return found
  }

  private static func collect(_ folder: String, depth: Int, into found: inout [String], _ count: Int) {
    guard depth < 12, found.count < count else { return }
    for name in ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() {
      var facts = stat()
      let path = "\(folder)/\(name)"
      guard found.count < count, lstat(path, &facts) == 0 else { continue }
      if facts.st_mode & S_IFMT == S_IFDIR {
        collect(path, depth: depth + 1, into: &found, count)
      } else if facts.st_mode & S_IFMT == S_IFREG, (1...fileBytesMax).contains(Int(facts.st_size)),
        endings.contains(where: name.hasSuffix)
      {
        found.append(path)
      }
    }
  }

  static func write(_ bytes: [UInt8], to path: String) throws(Failure) {
    let folder = path.split(separator: "/").dropLast().map { "/\($0)" }.joined()
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data(bytes).write(to: URL(filePath: path))
    } catch {
      throw Failure(.unavailable, "the bench cannot write to its folder")
    }
  }

  /// Puts a copy of a file the index takes, with a line more, in the place of each that it skips, and commits.
  func replace(skipped: [String]) async throws(Failure) {
    let avoided = Set(skipped)
    let good = try names().filter { !avoided.contains($0) }
    guard !good.isEmpty else { throw Failure(.unavailable, "the index takes none of this machine's sources") }
    for (number, name) in skipped.enumerated() {
      guard var content = FileManager.default.contents(atPath: "\(path)/\(good[number % good.count])") else { continue }
      content.append(contentsOf: Array("\nin_place_of_\(number)\n".utf8))
      try? FileManager.default.removeItem(atPath: "\(path)/\(name)")  // What is left is counted, and found too many.
      try Self.write(
        [UInt8](content), to: "\(path)/r\(number / Self.perFolder)/\(number)_\(Self.last(good[number % good.count]))")
    }
    try await commit()
  }

  /// The same files in a folder without a repository, the first `count` of them, each with a line more: other contents.
  func copy(_ count: Int, to folder: String, mark: String) throws(Failure) {
    for name in try names().prefix(count) {
      guard var content = FileManager.default.contents(atPath: "\(path)/\(name)") else { continue }
      content.append(contentsOf: Array("\n\(mark)\n".utf8))
      try Self.write([UInt8](content), to: "\(folder)/\(name)")
    }
  }

  private static func last(_ name: String) -> Substring { name.split(separator: "/").last ?? "file" }

  /// Every file, relative to the repository.
  private func names() throws(Failure) -> [String] {
    let folders = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted().filter { $0 != ".git" }
    let names = folders.flatMap { folder in
      ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)")) ?? []).sorted().map {
        "\(folder)/\($0)"
      }
    }
    guard !names.isEmpty else { throw Failure(.unavailable, "the bench cannot read its corpus") }
    return names
  }

  /// Adds a line of its own to so many files, and commits. `packs`: as a clone has it, and not as a commit leaves it.
  func change(_ count: Int, mark: Int, packs: Bool = true) async throws(Failure) {
    for name in try names().prefix(count) {
      guard var content = FileManager.default.contents(atPath: "\(path)/\(name)") else { continue }
      content.append(contentsOf: Array("\nchanged_in_commit_\(mark)\n".utf8))
      try Self.write([UInt8](content), to: "\(path)/\(name)")
    }
    try await commit(packs: packs)
  }

  private func commit(packs: Bool = true) async throws(Failure) {
    _ = try await git("add", "--all")
    _ = try await git("commit", "--quiet", "--message", "bench")
    // As a clone has it: one pack.
    if packs { _ = try await git("gc", "--quiet") }
  }

  /// How long git takes for it, from the start of the program to its end.
  func git(_ arguments: String...) async throws(Failure) -> Duration {
    try await git(arguments, orNothing: false)
  }

  /// `orNothing`: also what ends with 1, as a search does that finds nothing.
  func git(_ arguments: [String], orNothing: Bool) async throws(Failure) -> Duration {
    guard let program = CacheWorkloads.program("git") else { throw Failure(.unavailable, "there is no git") }
    let identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "gc.auto=0"]
    let launch = BenchChild.Launch(
      arguments: ["-C", path] + identity + arguments,
      environment: ["HOME": path, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"])
    guard orNothing else { return try await BenchChild.run(program, launch, deadline: .seconds(120)) }
    return try await Self.search(program, launch)
  }

  /// How long a search takes, whether it finds something or nothing.
  static func search(_ program: String, _ launch: BenchChild.Launch) async throws(Failure) -> Duration {
    let began = ContinuousClock.now
    let (status, ended) = try await BenchChild(program, launch).end(within: .seconds(120))
    if Task.isCancelled { throw Failure(.unavailable, "the bench was cancelled") }
    // Wait statuses: 1 is in the second byte.
    guard status == 0 || status == 1 << 8 else {
      throw Failure(.internal, "a search beside ours ended with wait status \(status)")
    }
    return began.duration(to: ended)
  }
}
