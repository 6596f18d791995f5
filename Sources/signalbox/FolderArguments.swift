internal import Base
internal import Glibc

/// PATH arguments of verbs: folders that exist, as absolute paths without links.
enum FolderArguments {
  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The real path of each, in order, each once. Throws `.invalid` for the first that is no folder.
  static func resolve(_ paths: [String]) throws(Failure) -> [String] {
    var folders: [String] = []
    for path in paths {
      let folder = try resolve(path)
      if !folders.contains(folder) { folders.append(folder) }
    }
    return folders
  }

  static func resolve(_ path: String) throws(Failure) -> String {
    let shown = DisplayText(path).truncated(to: 400).text
    guard let real = realpath(path, nil) else {
      throw Failure(.invalid, "'\(shown)' is no folder: \(String(cString: strerror(errno)))")
    }
    defer { free(real) }
    guard let text = String(validatingCString: real) else {
      throw Failure(.invalid, "'\(shown)': a path must be UTF-8 text")
    }
    guard isFolder(text) else { throw Failure(.invalid, "'\(shown)' is a file; a folder is needed") }
    return text
  }
}
