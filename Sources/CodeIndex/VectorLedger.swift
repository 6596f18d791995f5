internal import Base
internal import FoundationEssentials
internal import Glibc

/// Which vectors a distant store was seen to have: one file a project, model and store, ids line by line under a line
/// with their checksum. A damaged or missing one only means that the store is asked again.
struct VectorLedger: Sendable {
  private static let bytesMax = 1 << 28

  let folder: IndexFolder
  /// Which store; another one has other vectors.
  let store: String

  func read(_ space: VectorSpace) -> Set<VectorID> {
    guard let data = FileManager.default.contents(atPath: path(space)), data.count <= Self.bytesMax else { return [] }
    let text = String(decoding: data, as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 2, lines[0] == Self.checksum(text.dropFirst(lines[0].count + 1)) else { return [] }
    return Set(lines.dropFirst().compactMap { VectorID($0) })
  }

  func write(_ ids: Set<VectorID>, _ space: VectorSpace) throws(IndexError) {
    let body = ids.map { "\($0)\n" }.sorted().joined()
    try folder.write(Array("\(Self.checksum(body[...]))\n\(body)".utf8), to: path(space))
  }

  /// Of all models.
  func remove(_ project: ProjectID) {
    // A folder that cannot be listed has no file that could be removed.
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/vectors")) ?? []
    where name.hasPrefix("\(project).") && name.utf8.count == project.rawValue.utf8.count + 21 {
      unlink("\(folder.path)/vectors/\(name)")
    }
  }

  private func path(_ space: VectorSpace) -> String {
    "\(folder.path)/vectors/\(space.project).\(Self.checksum("\(store) \(space.tag)"[...])).ids"
  }

  private static func checksum(_ text: Substring) -> String {
    Digest.hex(withUnsafeBytes(of: Checksum64.hash(String(text)).bigEndian) { Array($0) })
  }
}
