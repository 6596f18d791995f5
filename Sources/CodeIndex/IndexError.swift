public import Base

/// What can go wrong in the index, with what was attempted. Never holds file contents.
public enum IndexError: Error, Equatable, Sendable {
  /// The model compiled into this binary cannot be read.
  case modelUnusable
  case outOfMemory
  case outOfDescriptors
  /// There is no project of that name.
  case unknownProject(String)
  case projectTaken(id: String, path: String)
  /// The project is being indexed already.
  case busy(String)
  case cancelled
  /// The folder of the project cannot be read.
  case folderUnreadable(path: String, reason: String)
  /// A repository that neither libgit2 nor the git command can read.
  case repositoryUnreadable(path: String, reason: String)
  /// One object of a repository is missing or damaged.
  case objectUnreadable(id: String, reason: String)
  /// A file of the index is damaged: its name and what is wrong with it.
  case damaged(file: String, reason: String)
  /// The state folder cannot be written.
  case storage(file: String, reason: String)
  case invalidQuery(String)
  /// The embeddings server refuses, or cannot be reached.
  case embeddings(String)
  /// The vector store refuses, or cannot be reached.
  case vectorStore(String)
  /// Nobody has allowed that this project's source is sent there.
  case uploadNotAllowed(project: String, server: String)

  /// The one shape every face shows.
  public var failure: Failure {
    switch self {
    case .modelUnusable: Failure(.internal, "the built-in model of this binary is damaged", hint: "install it again")
    case .outOfMemory: Failure(.limit, "not enough memory for the index")
    case .outOfDescriptors: Failure(.limit, "no file descriptor is left to watch projects with")
    case .unknownProject(let id): Failure(.notFound, "there is no project \(id)", hint: "see signalbox projects list")
    case .projectTaken(let id, let path): Failure(.conflict, "project id \(id) is taken: it names \(path)")
    case .busy(let id): Failure(.conflict, "project \(id) is being indexed already")
    case .cancelled: Failure(.conflict, "indexing was cancelled; the previous index keeps answering")
    case .folderUnreadable(let path, let reason): Failure(.unavailable, "cannot read \(path): \(reason)")
    case .repositoryUnreadable(let path, let reason):
      Failure(
        .unavailable, "cannot read the git repository of \(path): \(reason)",
        hint: reason.contains("safe.directory")
          ? "git config --global --add safe.directory \(path)" : "git fsck tells more")
    case .objectUnreadable(let id, let reason):
      Failure(.unavailable, "cannot read git object \(id): \(reason)", hint: "git fsck tells more")
    case .damaged(let file, let reason):
      Failure(.internal, "index file \(file) is damaged: \(reason)", hint: "signalbox reindex --full rebuilds it")
    case .storage(let file, let reason): Failure(.unavailable, "cannot write \(file): \(reason)")
    case .invalidQuery(let reason): Failure(.invalid, reason)
    case .embeddings(let reason), .vectorStore(let reason): Failure(.unavailable, reason)
    case .uploadNotAllowed(let project, let server):
      Failure(
        .denied, "project \(project) has not been allowed to be sent to \(server)",
        hint: "SIGNALBOX_EMBEDDER=openai allows it, SIGNALBOX_EMBEDDER=builtin needs no upload")
    }
  }
}
