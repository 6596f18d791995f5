internal import Glibc

/// Edits that nobody has committed: the files of the work tree that differ from the commit, and those it has besides.
/// They lie over the files of the commit; one that was deleted lies there as a file that is skipped for that reason.
///
/// Git says where to look, from the times in its index; what is there is seen here. So it does not matter what is
/// staged, and a file whose bytes are those of the commit is no edit.
struct WorkTreeOverlay: Sendable {
  /// More edits than that are no edits but another tree; the rest is left to the next commit, and the run says so.
  static let filesMax = 20_000
  /// As old a file must be for its times to tell that it did not change: the kernel's clock moves in steps.
  private static let settledNanoseconds: Int64 = 50_000_000

  private(set) var files: [String: Manifest.File] = [:]
  /// Paths that may be edits and were not looked at: there were too many before them.
  private(set) var leftOut = 0

  static let none = WorkTreeOverlay()

  private init() {}

  /// Of what a generation consists of. Without a commit there is nothing to lie over.
  init(_ fingerprint: Fingerprint, _ indexed: [IndexedFile], _ others: [Manifest.File]) {
    guard fingerprint.commit != nil else { return }
    for file in indexed where file.stamp != nil {
      files[file.entry.path] = Manifest.File(entry: file.entry, stamp: file.stamp)
    }
    for file in others where file.stamp != nil { files[file.entry.path] = file }
  }

  /// What is at these paths below `root` now. `committed` has the id of the commit's file, nil when there is none;
  /// `known` is what was seen before, so that it is not read again.
  init(
    _ paths: [String], root: String, known: WorkTreeOverlay, max: Int = Self.filesMax,
    committed: (String) throws(IndexError) -> ObjectID?
  ) throws(IndexError) {
    for path in paths where FileRules.skip(path: path) == nil {
      guard files.count < max else {
        leftOut += 1
        continue
      }
      let before = try committed(path)
      guard let file = Self.file(path, root, known.files[path]) else {
        if before != nil { files[path] = Self.deleted(path) }
        continue
      }
      if file.entry.id != before { files[path] = file }
    }
  }

  /// Nil for what is no plain file, or too large to be a source.
  private static func file(_ path: String, _ root: String, _ known: Manifest.File?) -> Manifest.File? {
    var facts = stat()
    guard lstat("\(root)/\(path)", &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
    var stamp = FileStamp(facts)
    if let known, known.stamp == stamp, known.entry.skip != .deleted { return known }
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    guard let bytes = FolderTree.contents("\(root)/\(path)", max: FileRules.bytesMax),
      let id = bytes.withUnsafeBufferPointer({ GitRepository.blobID(of: $0) })
    else { return nil }
    let read = Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    // It may be written to again without its time moving: no file has this size, so it is read again.
    if read - stamp.changed < settledNanoseconds { stamp.size = -1 }
    return Manifest.File(entry: SourceEntry(path: path, id: id, skip: nil, isInFolder: true), stamp: stamp)
  }

  private static func deleted(_ path: String) -> Manifest.File? {
    ObjectID(bytes: [UInt8](repeating: 0, count: 20)).map { none in
      Manifest.File(
        entry: SourceEntry(path: path, id: none, skip: .deleted, isInFolder: true),
        stamp: FileStamp(size: 0, changed: 0, inode: 0))
    }
  }

  /// With what is at some paths replaced.
  func replacing(_ gone: Set<String>, with added: WorkTreeOverlay) -> WorkTreeOverlay {
    guard !files.isEmpty || !added.files.isEmpty else { return self }
    var result = self
    for path in gone { result.files[path] = nil }
    result.files.merge(added.files) { $1 }
    return result
  }

  /// Where the two differ, sorted.
  func difference(from other: WorkTreeOverlay) -> [String] {
    guard !files.isEmpty || !other.files.isEmpty else { return [] }
    return Set(files.keys).union(other.files.keys).filter { !Self.isSame(files[$0], other.files[$0]) }.sorted()
  }

  /// By content: times move without it, and why a file is skipped is found out later.
  private static func isSame(_ left: Manifest.File?, _ right: Manifest.File?) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    return left.entry.id == right.entry.id && (left.entry.skip == .deleted) == (right.entry.skip == .deleted)
  }

  /// These files of a commit with the edits over them.
  func over(_ committed: [Manifest.File], _ ignore: [IgnoreRules]) -> [Manifest.File] {
    guard !files.isEmpty else { return committed }
    let edits = files.values.sorted { $0.entry.path < $1.entry.path }.map { Self.ruled($0, ignore) }
    return committed.filter { files[$0.entry.path] == nil } + edits
  }

  /// A file that is ignored is not read, here as in a commit.
  static func ruled(_ file: Manifest.File, _ ignore: [IgnoreRules]) -> Manifest.File {
    var file = file
    ProjectFolder.apply(ignore, to: &file.entry)
    return file
  }

  /// What a run says of edits that do not count; nil when all do.
  var note: String? {
    guard leftOut > 0 else { return nil }
    return "\(files.count) edits count until the next commit; \(leftOut) more do not, since that is the most"
  }

  /// Files changed or new, and files deleted.
  var counts: (changed: Int, deleted: Int) {
    let deleted = files.values.count { $0.entry.skip == .deleted }
    return (files.count - deleted, deleted)
  }
}

extension ProjectFolder {
  /// Where the work tree may differ from HEAD's commit.
  func workTreePaths() throws(IndexError) -> [String] {
    switch self {
    case .repository(let gitFolder, let prefix):
      let repository: GitRepository
      do {
        repository = try GitRepository(gitFolder: gitFolder)
      } catch {
        throw .repositoryUnreadable(path: gitFolder, reason: error.reason)
      }
      guard repository.workFolder != nil, let commit = try repository.head(prefix: prefix).commit else { return [] }
      return try repository.workTreePaths(commit: commit, prefix: prefix)
    case .command(let folder, let prefix): return try GitCommand(folder: folder).workTreePaths(prefix: prefix)
    case .plain: return []
    }
  }

  /// The folders below the project's that may hold sources; nil when there are more than `max`, and for a repository
  /// that only the git command reads.
  func workTreeFolders(max: Int) -> Set<String>? {
    guard case .repository(let gitFolder, let prefix) = self,
      let repository = try? GitRepository(gitFolder: gitFolder)
    else { return nil }
    return repository.workTreeFolders(prefix: prefix, max: max)
  }

  /// The edits that lie over a commit, found out with as little reading as git's index allows.
  func overlay(
    over fingerprint: Fingerprint, known: WorkTreeOverlay, path: String, _ handles: GitHandles
  ) throws(IndexError) -> WorkTreeOverlay {
    guard let commit = fingerprint.commit else { return .none }
    switch self {
    case .repository(let gitFolder, let prefix):
      return try handles.with(gitFolder) { repository throws(IndexError) in
        guard let root = repository.workFolder else { return .none }
        let paths = try repository.workTreePaths(commit: commit, prefix: prefix)
        let tree = fingerprint.tree.flatMap { ObjectID(hex: $0) }
        return try WorkTreeOverlay(paths, root: root + prefix, known: known) { path throws(IndexError) in
          try tree.flatMap { tree throws(IndexError) in try repository.entry(path, in: tree)?.id }
        }
      }
    case .command(let folder, let prefix):
      let paths = try GitCommand(folder: folder).workTreePaths(prefix: prefix)
      // Ids of another form: whatever git names is an edit.
      let none = ObjectID(bytes: [UInt8](repeating: 0, count: 20))
      return try WorkTreeOverlay(paths, root: path, known: known) { _ throws(IndexError) in none }
    case .plain: return .none
    }
  }
}
