internal import Synchronization

/// Open libgit2 handles that nobody uses at the moment. A fresh handle has to map a repository's packs before it can
/// read an object, which costs more than a commit's worth of indexing; one that was used before has them.
///
/// A handle belongs to whoever took it until it is given back. Those of one engine go with it.
final class GitHandles: Sendable {
  /// Kept for one repository, and in all.
  private static let perFolderMax = 4
  private static let foldersMax = 64

  /// Addresses, because only numbers may be shared freely: each is owned by this list alone.
  private let idle = Mutex<[String: [UInt]]>([:])

  init() {}

  deinit {
    let all = idle.withLock { $0.values.flatMap(\.self) }
    for address in all { _ = GitRepository(adopting: address) }
  }

  /// Runs `body` with a handle of this repository, one that lay idle or a new one.
  func with<Value>(
    _ gitFolder: String, _ body: (borrowing GitRepository) throws(IndexError) -> Value
  ) throws(IndexError) -> Value {
    let repository = try take(gitFolder)
    let result: Result<Value, IndexError> = Result { () throws(IndexError) in try body(repository) }
    // After an error the next one opens it anew: the repository may have been replaced.
    if case .success = result { give(repository, gitFolder) }
    return try result.get()
  }

  func take(_ gitFolder: String) throws(IndexError) -> GitRepository {
    if let address = idle.withLock({ $0[gitFolder]?.popLast() }) { return GitRepository(adopting: address) }
    do {
      return try GitRepository(gitFolder: gitFolder)
    } catch {
      throw .repositoryUnreadable(path: gitFolder, reason: error.reason)
    }
  }

  func give(_ repository: consuming GitRepository, _ gitFolder: String) {
    let address = repository.release()
    let isKept = idle.withLock { idle in
      guard idle[gitFolder] != nil || idle.count < Self.foldersMax else { return false }
      guard idle[gitFolder, default: []].count < Self.perFolderMax else { return false }
      idle[gitFolder, default: []].append(address)
      return true
    }
    if !isKept { _ = GitRepository(adopting: address) }
  }

  /// Takes a handle only if none of its repository lies idle: one that was used has more in its memory.
  func offer(_ repository: consuming GitRepository, _ gitFolder: String) {
    if idle.withLock({ $0[gitFolder]?.isEmpty ?? true }) { give(repository, gitFolder) }
  }

  /// Lets the idle handles of a repository go, and with them what they hold of packs that were deleted.
  func forget(_ folder: ProjectFolder?) {
    guard case .repository(let gitFolder, _) = folder else { return }
    let old = idle.withLock { $0.removeValue(forKey: gitFolder) } ?? []
    for address in old { _ = GitRepository(adopting: address) }
  }
}
