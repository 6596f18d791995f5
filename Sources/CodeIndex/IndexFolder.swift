internal import Base
internal import FoundationEssentials
internal import Glibc

/// The files of the index: `segments/<checksum>.seg`, `projects/<id>.manifest` and `.changes`,
/// `unneeded.json`.
///
/// A file gets its name by renaming a complete temporary one, so a process that dies at any moment leaves the old state
/// or the new. Nothing is flushed to the disk: after a power cut a file may be damaged, its checksum tells, and what it
/// held is computed again from the sources. An index is never worth waiting for a disk.
struct IndexFolder: Sendable {
  let path: String

  private static let temporaryEnding = ".tmp"
  /// Larger manifests are refused: 500,000 files with long paths.
  private static let manifestMax = 1 << 30

  init(path: String) throws(IndexError) {
    self.path = path
    for folder in ["", "/segments", "/projects", "/vectors"] {
      do {
        try FileManager.default.createDirectory(
          atPath: path + folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      } catch {
        throw .storage(file: path + folder, reason: "the folder cannot be made")
      }
    }
    for name in names("segments") + names("projects") where name.hasSuffix(Self.temporaryEnding) {
      unlink("\(path)/segments/\(name)")
      unlink("\(path)/projects/\(name)")
    }
  }

  // MARK: Segments

  func segmentNames() -> [String] { names("segments").filter { $0.hasSuffix(".seg") } }

  func openSegment(_ name: String) throws(IndexError) -> Segment {
    try Segment(path: segmentPath(name), name: name)
  }

  /// Stores a segment under its checksum. The same segment twice is one file.
  func storeSegment(_ bytes: [UInt8]) throws(IndexError) -> Segment {
    let name = Digest.hex(withUnsafeBytes(of: Segment.checksum(bytes).bigEndian) { Array($0) }) + ".seg"
    try write(bytes, to: segmentPath(name))
    return try openSegment(name)
  }

  func removeSegment(_ name: String) { unlink(segmentPath(name)) }

  private func segmentPath(_ name: String) -> String { "\(path)/segments/\(name)" }

  // MARK: Manifests

  func manifestIDs() -> [ProjectID] {
    names("projects").filter { $0.hasSuffix(".manifest") }.compactMap {
      ProjectID(rawValue: String($0.dropLast(".manifest".count)))
    }
  }

  /// A manifest with its changes, and where the next change goes; nil when there is none.
  func readManifest(_ id: ProjectID) throws(IndexError) -> (manifest: Manifest, log: ManifestLog)? {
    let file = manifestPath(id)
    guard access(file, F_OK) == 0 else { return nil }
    guard let data = FileManager.default.contents(atPath: file), data.count <= Self.manifestMax else {
      throw .damaged(file: file, reason: "unreadable")
    }
    let bytes = [UInt8](data)
    var manifest = try Manifest(decoding: bytes, file: file)
    var log = ManifestLog(base: Manifest.checksum(in: bytes), baseBytes: bytes.count)
    if let data = FileManager.default.contents(atPath: changesPath(id)), data.count <= Self.manifestMax {
      manifest.apply(log.read([UInt8](data), file: changesPath(id)))
    }
    return (manifest, log)
  }

  func writeManifest(_ manifest: Manifest, _ id: ProjectID) throws(IndexError) -> ManifestLog {
    let bytes = manifest.encoded()
    try write(bytes, to: manifestPath(id))
    // Changes that were left behind name another manifest and are not read.
    unlink(changesPath(id))
    return ManifestLog(base: Manifest.checksum(in: bytes), baseBytes: bytes.count)
  }

  /// Writes a change behind those that are there.
  func append(_ change: ManifestChange, _ id: ProjectID, _ log: ManifestLog) throws(IndexError) -> ManifestLog {
    let (bytes, next) = log.appending(change)
    let file = changesPath(id)
    let descriptor = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw storageError(file) }
    defer { close(descriptor) }
    // What a process that died left behind the last whole change must not be taken for one.
    guard ftruncate(descriptor, off_t(log.length)) == 0, lseek(descriptor, off_t(log.length), SEEK_SET) >= 0 else {
      throw storageError(file)
    }
    guard writeAll(bytes, descriptor) else {
      let error = storageError(file)
      // If that fails too, the checksum of what was written tells.
      ftruncate(descriptor, off_t(log.length))
      throw error
    }
    return next
  }

  func removeManifest(_ id: ProjectID) {
    unlink(manifestPath(id))
    unlink(changesPath(id))
  }

  private func manifestPath(_ id: ProjectID) -> String { "\(path)/projects/\(id).manifest" }
  private func changesPath(_ id: ProjectID) -> String { "\(path)/projects/\(id).changes" }

  // MARK: Unneeded segments

  /// Since when (milliseconds since 1970) each segment has been of no use to any project. A damaged list is an empty
  /// one: collecting starts to wait anew.
  func readUnneeded() -> [String: Int64] {
    guard let data = FileManager.default.contents(atPath: "\(path)/unneeded.json") else { return [:] }
    // What cannot be read only delays the removal of files.
    return (try? JSONDecoder().decode([String: Int64].self, from: data)) ?? [:]
  }

  func writeUnneeded(_ list: [String: Int64]) throws(IndexError) {
    // A dictionary of strings and numbers always has a JSON form.
    guard let data = try? JSONEncoder().encode(list) else { return }
    try write([UInt8](data), to: "\(path)/unneeded.json")
  }

  /// Bytes of all segments and manifests.
  func bytesUsed() -> Int {
    var total = 0
    for folder in ["segments", "projects"] {
      for name in names(folder) {
        var status = stat()
        if stat("\(path)/\(folder)/\(name)", &status) == 0 { total += Int(status.st_size) }
      }
    }
    return total
  }

  // MARK: Files

  private func names(_ folder: String) -> [String] {
    // A folder that cannot be listed has no files that could be used.
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)")) ?? []).sorted()
  }

  /// Writes a whole file or nothing.
  func write(_ bytes: [UInt8], to file: String) throws(IndexError) {
    let temporary = file + Self.temporaryEnding
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw storageError(file) }
    guard writeAll(bytes, descriptor) else {
      let error = storageError(file)
      close(descriptor)
      unlink(temporary)
      throw error
    }
    guard close(descriptor) == 0, rename(temporary, file) == 0 else {
      let error = storageError(file)
      unlink(temporary)
      throw error
    }
  }

  /// False, with the reason in `errno`, when not all could be written.
  private func writeAll(_ bytes: [UInt8], _ descriptor: Int32) -> Bool {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      written += count
    }
    return true
  }

  private func storageError(_ file: String) -> IndexError {
    .storage(file: file, reason: String(cString: strerror(errno)))
  }
}
