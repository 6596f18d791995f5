internal import Base
internal import ControlPlane
internal import Glibc

/// Which projects a caller reaches.
extension LocalControlPlane {
  /// Callers of the API may add folders below SIGNALBOX_ROOTS only (CONTRACT, Settings); a person at this machine any.
  func requireRoot(_ path: String) throws(Failure) {
    guard caller.origin == .http || caller.origin == .mcp else { return }
    let roots = (core.settings.index.roots ?? core.settings.projectPaths).compactMap(Self.resolved)
    guard !roots.isEmpty else {
      throw Failure(
        .denied, "no folder is open to callers of the API", hint: "the node's operator sets SIGNALBOX_ROOTS")
    }
    // What cannot be resolved is refused as what lies outside: nobody learns here which folders there are.
    guard path.hasPrefix("/"), let folder = Self.resolved(path),
      roots.contains(where: { folder == $0 || folder.hasPrefix($0 == "/" ? $0 : $0 + "/") })
    else {
      throw Failure(
        .denied, "the folder lies outside of those that callers of the API may add",
        hint: "they are set by SIGNALBOX_ROOTS")
    }
  }

  private static func resolved(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  /// The question about those projects that the credential covers.
  func visible(_ query: SearchQuery) throws(Failure) -> SearchQuery {
    guard caller.grants.projects != nil else { return query }
    var visible = query
    let asked = query.projects ?? core.projects.all.map(\.id)
    visible.projects = asked.filter { caller.grants.allows(project: $0) }
    if let hidden = query.projects?.first(where: { !caller.grants.allows(project: $0) }) {
      throw Failure(.denied, "this credential does not cover the project \(hidden)")
    }
    return visible
  }
}
