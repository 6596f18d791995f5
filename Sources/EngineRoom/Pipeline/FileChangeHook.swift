internal import Base
internal import ControlPlane
internal import FoundationEssentials
internal import Synchronization

/// What the gateway does before it delivers `file-changed {projectId, paths}`: what depends on the files is gone from
/// the cache when the first client hears of it. The gateway is made before the cache is, so it is told later what.
final class FileChangeHook: Sendable {
  typealias Deed = @Sendable (ProjectID, [String]) async -> Void

  private struct News: Decodable {
    var projectId: ProjectID
    var paths: [String]?
  }

  private let deed = Mutex<Deed?>(nil)

  func set(_ deed: @escaping Deed) { self.deed.withLock { $0 = deed } }

  /// Data of another form concerns no file; it is delivered as it is.
  func call(_ json: String) async {
    guard let deed = deed.withLock({ $0 }),
      let news = try? JSONDecoder().decode(News.self, from: Data(json.utf8))
    else { return }
    await deed(news.projectId, news.paths ?? [])
  }
}
