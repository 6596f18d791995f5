internal import FoundationEssentials

/// What a project's folder holds now.
struct Listing: Sendable {
  var fingerprint: Fingerprint
  var files: [Manifest.File]
  /// The ignore files that shaped it.
  var ignore: [IgnoreRules]
}

extension ProjectFolder {
  /// Looks for a repository: libgit2 first, then the git command for what it refuses, then plain files. The repository
  /// is opened anew each time, so that owner and format are looked at.
  static func find(_ path: String, _ handles: GitHandles = GitHandles()) throws(IndexError) -> ProjectFolder {
    var isFolder = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder else {
      throw .folderUnreadable(path: path, reason: "there is no such folder")
    }
    do throws(GitRepository.Opening) {
      let repository = try GitRepository(containing: path)
      let prefix = prefix(path, repository.workFolder)
      // A folder inside somebody's repository that no commit has, such as a build folder: files and no history.
      if !prefix.isEmpty, let head = try? repository.head(prefix: prefix), head.tree == nil {
        return .plain(folder: path)
      }
      let gitFolder = repository.gitFolder
      handles.offer(repository, gitFolder)
      return .repository(gitFolder: gitFolder, prefix: prefix)
    } catch {
      switch error {
      case .absent: return .plain(folder: path)
      case .refused(let reason), .broken(let reason):
        guard let prefix = try GitCommand(folder: path).prefix() else {
          throw .repositoryUnreadable(path: path, reason: reason)
        }
        return .command(folder: path, prefix: prefix)
      }
    }
  }

  /// Where in the work tree the folder is, with a slash at the end.
  private static func prefix(_ path: String, _ workFolder: String?) -> String {
    guard let workFolder else { return "" }
    let root = resolved(workFolder)
    let folder = resolved(path)
    guard folder.hasPrefix(root), folder != root else { return "" }
    return String(folder.dropFirst(root.count))
  }

  /// Symbolic links on the way resolved, a slash at the end.
  private static func resolved(_ path: String) -> String {
    let real = URL(filePath: path).resolvingSymlinksInPath().path
    return real.hasSuffix("/") ? real : real + "/"
  }

  var usesGit: Bool {
    if case .plain = self { return false }
    return true
  }

  /// Where HEAD is. Outside git there is nothing to tell without looking at every file.
  func fingerprint(_ handles: GitHandles = GitHandles()) throws(IndexError) -> Fingerprint {
    switch self {
    case .repository(let gitFolder, let prefix):
      try handles.with(gitFolder) { repository throws(IndexError) in try repository.head(prefix: prefix) }
    case .command(let folder, let prefix): try GitCommand(folder: folder).head(prefix: prefix)
    case .plain: Fingerprint(commit: nil, tree: nil, ref: nil)
    }
  }

  /// Every file of a tree, with the ignore rules applied.
  func listing(_ fingerprint: Fingerprint, _ handles: GitHandles = GitHandles()) throws(IndexError) -> Listing {
    guard let tree = fingerprint.tree.flatMap({ ObjectID(hex: $0) }) else {
      return Listing(fingerprint: fingerprint, files: [], ignore: [])
    }
    var entries: [SourceEntry]
    switch self {
    case .repository(let gitFolder, _):
      entries = try handles.with(gitFolder) { repository throws(IndexError) in try repository.entries(of: tree) }
    case .command(let folder, _): entries = try GitCommand(folder: folder).entries(of: tree.description)
    case .plain: entries = []
    }
    for index in entries.indices where index >= FileRules.filesMax { entries[index].skip = .tooManyFiles }
    let ignore = try ignoreRules(entries, handles)
    for index in entries.indices { Self.apply(ignore, to: &entries[index]) }
    return Listing(
      fingerprint: fingerprint, files: entries.map { Manifest.File(entry: $0, stamp: nil) }, ignore: ignore)
  }

  static func apply(_ ignore: [IgnoreRules], to entry: inout SourceEntry) {
    if entry.skip == nil, IgnoreRules.isIgnoredOnTheWay(entry.path, by: ignore) { entry.skip = .ignored }
  }

  static func isIgnoreFile(_ path: String) -> Bool {
    path == ".signalboxignore" || path.hasSuffix("/.signalboxignore")
  }

  /// In git, tracked files are never untracked by `.gitignore`; only our own file counts.
  private func ignoreRules(_ entries: [SourceEntry], _ handles: GitHandles) throws(IndexError) -> [IgnoreRules] {
    let files = entries.filter { Self.isIgnoreFile($0.path) }.sorted { $0.path.count < $1.path.count }
    guard !files.isEmpty else { return [] }
    var rules: [IgnoreRules] = []
    try ContentReader(self, handles).read(files[...]) { entry, bytes, _ in
      guard let bytes else { return }
      let folder = String(entry.path.dropLast(".signalboxignore".count))
      rules.append(IgnoreRules(text: String(decoding: bytes, as: UTF8.self), folder: folder))
    }
    return rules
  }

  /// What changed since a tree seen before; everything when that cannot be told.
  func changes(
    from old: String?, to new: String?, findsRenames: Bool = true, _ handles: GitHandles = GitHandles()
  ) throws(IndexError) -> ChangeSet {
    guard case .repository(let gitFolder, _) = self, let old = old.flatMap({ ObjectID(hex: $0) }),
      let new = new.flatMap({ ObjectID(hex: $0) })
    else { return .everything }
    return try handles.with(gitFolder) { repository throws(IndexError) in
      try repository.changes(from: old, to: new, findsRenames: findsRenames)
    }
  }
}

extension GitRepository.Opening {
  var reason: String {
    switch self {
    case .absent: "it is not there any more"
    case .refused(let reason), .broken(let reason): reason
    }
  }
}
