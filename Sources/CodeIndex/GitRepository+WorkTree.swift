internal import CGit2

extension GitRepository {
  /// Where the work tree may differ from a commit, below `prefix` and relative to it: what git would look at, from the
  /// times in its index. Ignored files are left out, folders of other repositories too.
  func workTreePaths(commit: String, prefix: String) throws(IndexError) -> [String] {
    guard let id = ObjectID(hex: commit) else { return [] }
    let tree = try rootTree(ofCommit: id)
    defer { git_tree_free(tree) }
    var diff: OpaquePointer?
    let status = sb_git2_work_tree_diff(&diff, handle, tree, prefix)
    guard status == 0, let diff else { throw unreadable("the work tree", status) }
    defer { git_diff_free(diff) }
    var paths: Set<String> = []
    for index in 0..<git_diff_num_deltas(diff) {
      guard let delta = git_diff_get_delta(diff, index)?.pointee, delta.status != GIT_DELTA_UNMODIFIED else { continue }
      for name in [delta.old_file.path, delta.new_file.path] {
        guard let path = name.map({ String(cString: $0) }), path.hasPrefix(prefix) else { continue }
        paths.insert(String(path.dropFirst(prefix.count)))
      }
    }
    return paths.sorted()
  }

  /// What a tree has at a path; nil for nothing, and for a folder.
  func entry(_ path: String, in tree: ObjectID) throws(IndexError) -> SourceEntry? {
    let tree = try lookUpTree(tree)
    defer { git_tree_free(tree) }
    var entry: OpaquePointer?
    let found = git_tree_entry_bypath(&entry, tree, path)
    if found == GIT_ENOTFOUND.rawValue { return nil }
    guard found == 0, let entry else { throw unreadable(path, found) }
    defer { git_tree_entry_free(entry) }
    let mode = git_tree_entry_filemode(entry)
    guard mode != GIT_FILEMODE_TREE, let id = Self.objectID(git_tree_entry_id(entry)) else { return nil }
    return SourceEntry(path: path, id: id, skip: SourceEntry.skip(mode: mode.rawValue, path: path))
  }

  /// The folders of the work tree below `prefix` that may hold sources, relative to it with a slash at the end (the
  /// root is empty): those of tracked files, and those that are not ignored. Nil when there are more than `max`.
  func workTreeFolders(prefix: String, max: Int) -> Set<String>? {
    guard let root = workFolder else { return [] }
    var folders = trackedFolders(prefix: prefix)
    var waiting = [""]
    folders.insert("")
    while let folder = waiting.popLast() {
      for name in FolderTree.folders("\(root)\(prefix)\(folder)") where name != ".git" {
        let path = "\(folder)\(name)"
        guard FileRules.skip(path: "\(path)/x.c") == nil, !isIgnored("\(prefix)\(path)/") else { continue }
        folders.insert(path + "/")
        waiting.append(path + "/")
      }
      if folders.count > max { return nil }
    }
    return folders
  }

  private func trackedFolders(prefix: String) -> Set<String> {
    var index: OpaquePointer?
    guard git_repository_index(&index, handle) == 0, let index else { return [] }
    defer { git_index_free(index) }
    // A handle that was used before may hold an older one.
    _ = git_index_read(index, 0)
    var folders: Set<String> = []
    var last = ""
    for number in 0..<git_index_entrycount(index) {
      guard let name = git_index_get_byindex(index, number)?.pointee.path else { continue }
      let path = String(cString: name)
      guard path.hasPrefix(prefix), let slash = path.lastIndex(of: "/") else { continue }
      let folder = String(path[...slash].dropFirst(prefix.count))
      // The index is sorted: files of one folder lie together.
      if folder != last, FileRules.skip(path: "\(folder)x.c") == nil { folders.insert(folder) }
      last = folder
    }
    return folders
  }

  private func isIgnored(_ path: String) -> Bool {
    var isIgnored: Int32 = 0
    return git_ignore_path_is_ignored(&isIgnored, handle, path) == 0 && isIgnored == 1
  }

  private func rootTree(ofCommit id: ObjectID) throws(IndexError) -> OpaquePointer {
    var oid = Self.oid(id)
    var commit: OpaquePointer?
    let found = git_commit_lookup(&commit, handle, &oid)
    guard found == 0, let commit else { throw unreadable("the commit of HEAD", found) }
    defer { git_commit_free(commit) }
    guard let tree = Self.objectID(git_commit_tree_id(commit)) else { throw unreadable("the tree of HEAD", 0) }
    return try lookUpTree(tree)
  }
}

extension GitCommand {
  /// As of a repository that libgit2 reads.
  func workTreePaths(prefix: String) throws(IndexError) -> [String] {
    let options = ["--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all"]
    let (status, output) = try run(["status"] + options + ["--", "."])
    guard status == 0 else { throw .repositoryUnreadable(path: folder, reason: "git status failed") }
    // Two letters, a space, the path from the root of the repository, NUL.
    return output.split(separator: 0).compactMap { record in
      let path = String(decoding: record.dropFirst(3), as: UTF8.self)
      return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : nil
    }.sorted()
  }
}
