/// A file as a tree or a folder lists it, before anything of it was read.
struct SourceEntry: Sendable, Equatable {
  /// From the project's root, with `/`. Bytes that are no UTF-8 are repaired: git is asked by id and not by name.
  let path: String
  let id: ObjectID
  /// Which rules find its names; told by the ending of the path.
  let isTyped: Bool
  /// Why it will not be read; nil for a plain file.
  var skip: SkipReason?
  /// Its content lies in the folder and is in no commit.
  let isInFolder: Bool

  init(path: String, id: ObjectID, skip: SkipReason?, isInFolder: Bool = false) {
    let isTyped = skip == nil && Language.of(path: path)?.isTyped == true
    self.init(path: path, id: id, skip: skip, isTyped: isTyped, isInFolder: isInFolder)
  }

  init(path: String, id: ObjectID, skip: SkipReason?, isTyped: Bool, isInFolder: Bool = false) {
    self.path = path
    self.id = id
    self.skip = skip
    self.isTyped = isTyped
    self.isInFolder = isInFolder
  }

  var recordKey: RecordKey { RecordKey(id: id, isTyped: isTyped) }
}

/// Where a project stands: what its index was made from.
struct Fingerprint: Sendable, Equatable, Codable {
  /// The commit's id; nil where there is no git, or no commit yet.
  var commit: String?
  /// The id of the tree of the project's folder at that commit.
  var tree: String?
  /// The branch HEAD is on; nil when it is detached.
  var ref: String?
}

/// What changed between two trees, in the order of the paths.
public struct ChangeSet: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    case added, changed, deleted
    case renamed(from: String)
  }

  public struct Change: Sendable, Equatable {
    public var path: String
    public var kind: Kind
    /// What is there now; nil for what was deleted.
    var entry: SourceEntry?
  }

  public var changes: [Change]
  /// The old commit is not there any more, or none is known: every file counts as changed, and `changes` is empty.
  public var isEverything: Bool

  static let everything = ChangeSet(changes: [], isEverything: true)
}

/// What was found in a project's folder.
enum ProjectFolder: Sendable, Equatable {
  /// A repository libgit2 reads. `prefix` is where in it the folder is, with a slash at the end; empty for its root.
  case repository(gitFolder: String, prefix: String)
  /// A repository only the git command reads (SHA-256, reftable, partial clones, listed foreign owners).
  case command(folder: String, prefix: String)
  /// No repository.
  case plain(folder: String)
}

extension SourceEntry {
  /// File modes of git's trees.
  static func skip(mode: UInt32, path: String) -> SkipReason? {
    switch mode {
    case 0o120000: .symbolicLink
    case 0o160000: .submodule
    default: FileRules.skip(path: path)
    }
  }
}
