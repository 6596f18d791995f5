internal import CGit2

/// One libgit2 handle. It is not shared: whoever opens it uses it on one thread at a time and lets it go; opening
/// costs about 60 microseconds.
struct GitRepository: ~Copyable {
  enum Opening: Error, Equatable {
    /// There is no repository here: not an error of its own.
    case absent
    /// A format or an owner that libgit2 refuses; the git command may not.
    case refused(reason: String)
    case broken(reason: String)
  }

  /// The library is set up once for the process; it counts its users and never needs to be shut down.
  private static let library: Int32 = git_libgit2_init()
  /// Above this many files a rename is shown as a deletion and an addition.
  private static let renamesMax = 400
  private static let depthMax = 200

  let handle: OpaquePointer

  /// Finds the repository that `folder` is in, also when it is a folder deep inside, a bare one or a worktree.
  init(containing folder: String) throws(Opening) {
    var found: OpaquePointer?
    guard Self.library >= 0 else { throw .broken(reason: "libgit2 cannot be set up") }
    let status = git_repository_open_ext(&found, folder, 0, nil)
    guard status == 0, let found else { throw Self.opening(status) }
    handle = found
  }

  /// Opens exactly this one, as found before.
  init(gitFolder: String) throws(Opening) {
    var found: OpaquePointer?
    guard Self.library >= 0 else { throw .broken(reason: "libgit2 cannot be set up") }
    let status = git_repository_open_ext(&found, gitFolder, UInt32(GIT_REPOSITORY_OPEN_NO_SEARCH.rawValue), nil)
    guard status == 0, let found else { throw Self.opening(status) }
    handle = found
  }

  /// Takes over what `release` gave away.
  init(adopting address: UInt) {
    let pointer = OpaquePointer(bitPattern: address)
    precondition(pointer != nil, "an open handle has an address")
    handle = pointer.unsafelyUnwrapped
  }

  /// Gives the handle away; it has to be adopted by exactly one.
  consuming func release() -> UInt {
    let address = UInt(bitPattern: handle)
    discard self
    return address
  }

  deinit { git_repository_free(handle) }

  var gitFolder: String { String(cString: git_repository_path(handle)) }
  /// What it shares with its worktrees: the references among it. Ends in a slash, as `gitFolder` does.
  var commonFolder: String { String(cString: git_repository_commondir(handle)) }
  /// In the middle of a rebase, a merge or the like, which moves HEAD more than once.
  var isBusy: Bool { git_repository_state(handle) > GIT_REPOSITORY_STATE_NONE.rawValue }
  /// Nil for a bare repository.
  var workFolder: String? { git_repository_workdir(handle).map { String(cString: $0) } }
  /// History was cut off: old commits may be missing without anything being wrong.
  var isShallow: Bool { git_repository_is_shallow(handle) == 1 }

  /// The commit HEAD names; nil commit and tree before the first commit.
  func head(prefix: String) throws(IndexError) -> Fingerprint {
    var reference: OpaquePointer?
    let status = git_repository_head(&reference, handle)
    if status == GIT_EUNBORNBRANCH.rawValue || (status == GIT_ENOTFOUND.rawValue && isUnborn) {
      return Fingerprint(commit: nil, tree: nil, ref: nil)
    }
    guard status == 0, let reference else { throw unreadable("HEAD", status) }
    defer { git_reference_free(reference) }
    let ref = git_reference_is_branch(reference) == 1 ? String(cString: git_reference_shorthand(reference)) : nil
    var object: OpaquePointer?
    let peeled = git_reference_peel(&object, reference, GIT_OBJECT_COMMIT)
    guard peeled == 0, let commit = object else { throw unreadable("the commit of HEAD", peeled) }
    defer { git_object_free(commit) }
    let tree = try self.tree(ofCommit: commit, prefix: prefix)
    return Fingerprint(commit: Self.hex(git_object_id(commit)), tree: tree?.description, ref: ref)
  }

  private var isUnborn: Bool { git_repository_head_unborn(handle) == 1 }

  /// The tree of the project's folder; nil when the commit does not have that folder.
  private func tree(ofCommit commit: OpaquePointer, prefix: String) throws(IndexError) -> ObjectID? {
    var root: OpaquePointer?
    guard sb_git2_is_cut(handle, git_commit_tree_id(commit)) == 0 else {
      throw .objectUnreadable(id: Self.hex(git_commit_tree_id(commit)) ?? "", reason: "cut short")
    }
    let status = git_commit_tree(&root, commit)
    guard status == 0, let root else { throw unreadable("the tree of HEAD", status) }
    defer { git_tree_free(root) }
    guard !prefix.isEmpty else { return Self.objectID(git_tree_id(root)) }
    var entry: OpaquePointer?
    let found = git_tree_entry_bypath(&entry, root, String(prefix.dropLast()))
    if found == GIT_ENOTFOUND.rawValue { return nil }
    guard found == 0, let entry else { throw unreadable("the folder \(prefix)", found) }
    defer { git_tree_entry_free(entry) }
    return git_tree_entry_type(entry) == GIT_OBJECT_TREE ? Self.objectID(git_tree_entry_id(entry)) : nil
  }

  // MARK: Trees

  /// Every file below a tree, folders in the order of the tree.
  func entries(of tree: ObjectID) throws(IndexError) -> [SourceEntry] {
    var entries: [SourceEntry] = []
    try collect(tree, prefix: "", depth: 0, into: &entries)
    return entries
  }

  private func collect(
    _ id: ObjectID, prefix: String, depth: Int, into entries: inout [SourceEntry]
  ) throws(IndexError) {
    guard depth < Self.depthMax else { return }
    let tree = try lookUpTree(id)
    defer { git_tree_free(tree) }
    for index in 0..<git_tree_entrycount(tree) {
      guard let entry = git_tree_entry_byindex(tree, index), let name = git_tree_entry_name(entry),
        let id = Self.objectID(git_tree_entry_id(entry))
      else { continue }
      let path = prefix + String(cString: name)
      let mode = git_tree_entry_filemode(entry)
      if mode == GIT_FILEMODE_TREE {
        try collect(id, prefix: path + "/", depth: depth + 1, into: &entries)
      } else {
        entries.append(SourceEntry(path: path, id: id, skip: SourceEntry.skip(mode: mode.rawValue, path: path)))
      }
    }
  }

  func lookUpTree(_ id: ObjectID) throws(IndexError) -> OpaquePointer {
    var oid = Self.oid(id)
    var tree: OpaquePointer?
    guard sb_git2_is_cut(handle, &oid) == 0 else { throw .objectUnreadable(id: id.description, reason: "cut short") }
    let status = git_tree_lookup(&tree, handle, &oid)
    guard status == 0, let tree else { throw .objectUnreadable(id: id.description, reason: Self.reason(status)) }
    return tree
  }

  /// What changed; `isEverything` when the old tree is not there any more. Finding renames reads every file that was
  /// added or deleted; without it a rename is one of each.
  func changes(from old: ObjectID, to new: ObjectID, findsRenames: Bool = true) throws(IndexError) -> ChangeSet {
    var oid = Self.oid(old)
    var before: OpaquePointer?
    guard sb_git2_is_cut(handle, &oid) == 0 else { return .everything }
    // Gone after a gc or in a shallow clone: that is an answer, and no error.
    guard git_tree_lookup(&before, handle, &oid) == 0 else { return .everything }
    defer { git_tree_free(before) }
    let after = try lookUpTree(new)
    defer { git_tree_free(after) }
    var diff: OpaquePointer?
    let limit = findsRenames ? Self.renamesMax : 0
    guard sb_git2_tree_diff(&diff, handle, before, after, limit) == 0, let diff else { return .everything }
    defer { git_diff_free(diff) }
    var changes: [ChangeSet.Change] = []
    for index in 0..<git_diff_num_deltas(diff) {
      if let delta = git_diff_get_delta(diff, index) { changes.append(Self.change(delta.pointee)) }
    }
    return ChangeSet(changes: changes, isEverything: false)
  }

  private static func change(_ delta: git_diff_delta) -> ChangeSet.Change {
    let old = delta.old_file.path.map { String(cString: $0) } ?? ""
    guard delta.status != GIT_DELTA_DELETED, let name = delta.new_file.path else {
      return ChangeSet.Change(path: old, kind: .deleted, entry: nil)
    }
    let path = String(cString: name)
    var oid = delta.new_file.id
    let skip = SourceEntry.skip(mode: UInt32(delta.new_file.mode), path: path)
    let entry = objectID(&oid).map { SourceEntry(path: path, id: $0, skip: skip) }
    switch delta.status {
    case GIT_DELTA_ADDED: return ChangeSet.Change(path: path, kind: .added, entry: entry)
    case GIT_DELTA_RENAMED: return ChangeSet.Change(path: path, kind: .renamed(from: old), entry: entry)
    default: return ChangeSet.Change(path: path, kind: .changed, entry: entry)
    }
  }

  // MARK: Contents

  /// Gives the bytes of a blob to `body`, or why it was not read. The bytes go when `body` returns.
  func withBlob<Result>(
    _ id: ObjectID, _ body: (UnsafeBufferPointer<UInt8>?, SkipReason?) throws(IndexError) -> Result
  ) throws(IndexError) -> Result {
    var odb: OpaquePointer?
    guard git_repository_odb(&odb, handle) == 0, let odb else { return try body(nil, .unreadable) }
    defer { git_odb_free(odb) }
    var oid = Self.oid(id)
    guard sb_git2_is_cut(handle, &oid) == 0 else { return try body(nil, .unreadable) }
    var size = 0
    var type = GIT_OBJECT_INVALID
    // The size first: a file of a gigabyte must not be unpacked to learn that it is too large.
    guard git_odb_read_header(&size, &type, odb, &oid) == 0, type == GIT_OBJECT_BLOB else {
      return try body(nil, .unreadable)
    }
    guard size <= FileRules.bytesMax else { return try body(nil, .tooLarge) }
    var object: OpaquePointer?
    guard git_odb_read(&object, odb, &oid) == 0, let object else { return try body(nil, .unreadable) }
    defer { git_odb_object_free(object) }
    let bytes = UnsafeRawBufferPointer(start: git_odb_object_data(object), count: git_odb_object_size(object))
    return try bytes.withMemoryRebound(to: UInt8.self) { bytes throws(IndexError) in try body(bytes, nil) }
  }

  /// The id git would give these bytes as a file.
  static func blobID(of bytes: UnsafeBufferPointer<UInt8>) -> ObjectID? {
    var oid = git_oid()
    guard library >= 0, git_odb_hash(&oid, bytes.baseAddress, bytes.count, GIT_OBJECT_BLOB) == 0 else { return nil }
    return objectID(&oid)
  }

  // MARK: Conversions

  static func objectID(_ oid: UnsafePointer<git_oid>?) -> ObjectID? {
    guard let oid else { return nil }
    return withUnsafeBytes(of: oid.pointee.id) { ObjectID(bytes: $0) }
  }

  static func oid(_ id: ObjectID) -> git_oid {
    var oid = git_oid()
    let bytes = id.bytes
    withUnsafeMutableBytes(of: &oid.id) { target in
      for index in 0..<min(bytes.count, target.count) { target[index] = bytes[index] }
    }
    return oid
  }

  private static func hex(_ oid: UnsafePointer<git_oid>?) -> String? { objectID(oid)?.description }

  func unreadable(_ what: String, _ status: Int32) -> IndexError {
    .repositoryUnreadable(path: workFolder ?? gitFolder, reason: "\(what): \(Self.reason(status))")
  }

  private static func reason(_ status: Int32) -> String {
    guard let error = git_error_last(), let message = error.pointee.message else { return "error \(status)" }
    return String(cString: message)
  }

  /// libgit2 1.5 answers a foreign owner with the code of "no repository" when `safe.directory` is not set at all, and
  /// with -36 when it is; only the message tells. A silent fallback to plain files would hide that.
  private static func opening(_ status: Int32) -> Opening {
    let message = reason(status)
    if message.contains("safe.directory") || status == GIT_EOWNER.rawValue {
      return .refused(reason: "it belongs to another user, and is not listed in git's safe.directory")
    }
    if message.contains("unsupported") || message.contains("unknown object format") { return .refused(reason: message) }
    return status == GIT_ENOTFOUND.rawValue && !message.contains("gitdir") ? .absent : .broken(reason: message)
  }
}
